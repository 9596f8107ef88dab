// The rule playground: edit a script, see what the checker says, run a hook on a context, see which lines ran.

import { html, useEffect, useRef, useState } from './vendor/htm-preact.js';
import { get, post } from './api.js';
import { Problem, Table, Tag } from './parts.js';
import { t } from './text.js';

const EXAMPLE = `// Half a minute at least, and not for those who were banned.
fn eligible(ctx) {
    ctx.user.level >= 3 && !("banned" in ctx.user.tags)
}

fn progress(ctx) {
    if ctx.event.data.seconds >= 30 { 1 } else { 0 }
}

fn reward(ctx) {
    #{ points: ctx.mission.reward.points * 2 }
}
`;
const CONTEXT = JSON.stringify({
  user: { level: 4, tags: ['vip'], country: 'DE' }, event: { type: 'video.watched', data: { seconds: 35 } },
  task: { progress: 1, target: 3 }, mission: { reward: { points: 50 } }, streak: { current: 7 },
}, null, 2);

const WORDS = /(\/\/[^\n]*|\/\*[\s\S]*?\*\/)|("(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)|\b(fn|let|const|if|else|switch|return|for|in|while|loop|break|continue|true|false|throw|private)\b|\b(\d[\d_]*(?:\.\d+)?)\b/g;

function highlighted(source) {
  const parts = [];
  let last = 0;
  for (const found of source.matchAll(WORDS)) {
    parts.push(source.slice(last, found.index));
    const kind = found[1] ? 'c' : found[2] ? 's' : found[3] ? 'k' : 'n';
    parts.push(html`<span class=${kind}>${found[0]}</span>`);
    last = found.index + found[0].length;
  }
  return [...parts, source.slice(last), '\n'];
}

function Editor({ value, onChange }) {
  const shown = useRef();
  return html`<div class="editor"><pre ref=${shown} aria-hidden="true">${highlighted(value)}</pre>
    <textarea aria-label=${t('Script')} spellcheck="false" value=${value} onInput=${(event) => onChange(event.target.value)}
      onScroll=${(event) => { shown.current.scrollTop = event.target.scrollTop; shown.current.scrollLeft = event.target.scrollLeft; }}></textarea></div>`;
}

export function Playground({ code }) {
  const [source, setSource] = useState(EXAMPLE);
  const [checked, setChecked] = useState(null);
  const [context, setContext] = useState(CONTEXT);
  const [hook, setHook] = useState('eligible');
  const [result, setResult] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => {
    if (code) get(`/missions/${code}`).then((one) => one.script && setSource(one.script), setError);
  }, [code]);
  useEffect(() => {
    // The checker is asked once the author pauses.
    const wait = setTimeout(() => post('/rules/check', { script: source }).then((found) => { setChecked(found); setError(null); }, setError), 250);
    return () => clearTimeout(wait);
  }, [source]);
  const run = async () => {
    setResult(null);
    setError(null);
    try {
      setResult(await post('/rules/eval', { script: source, hook, context: JSON.parse(context) }));
    } catch (problem) {
      setError(problem instanceof SyntaxError ? new Error(`${t('Context')}: ${problem.message}`) : problem);
    }
  };
  const findings = (checked?.diagnostics ?? []).map((one) => [html`<${Tag} of=${one.severity} />`, one.line ? `${one.line}:${one.column}` : '–', html`${one.message}${one.help && html`<br /><span class="soft">${one.help}</span>`}`, html`<code>${one.code}</code>`]);
  return html`<h1>${t('Playground')}</h1><div class="grid">
    <section><h2>${t('Script')}</h2><${Editor} value=${source} onChange=${setSource} />
      <p>${(checked?.hooks ?? []).map((one) => html`<span class="tag ${one.compiled ? 'good' : 'warn'}" title=${one.reason ?? ''}>${one.hook}: ${one.compiled ? 'compiled' : 'interpreted'}</span> `)}</p>
      <h2>${t('Findings')}</h2>${checked && (findings.length ? html`<${Table} head=${['', '', '', '']} rows=${findings} />` : html`<p class="good" role="status">✓</p>`)}</section>
    <section><h2>${t('Context')}</h2><textarea aria-label=${t('Context')} rows="16" spellcheck="false" value=${context} onInput=${(event) => setContext(event.target.value)}></textarea>
      <div class="row"><div><label for="hook">${t('Hook')}</label><select id="hook" value=${hook} onChange=${(event) => setHook(event.target.value)}>
        ${['eligible', 'progress', 'verify', 'reward'].map((one) => html`<option value=${one}>${one}</option>`)}</select></div><button class="main" onClick=${run}>${t('Run')}</button></div>
      <${Problem} error=${error} />
      ${result && html`<div role="status"><pre>${JSON.stringify(result.value)}</pre><h2>${t('Trace')}</h2><${Table} head=${['', '', '']} rows=${(result.trace ?? []).map((step) => [step.line, html`<code>${step.code}</code>`, html`<code>${step.values.map(({ name, value }) => `${name} = ${JSON.stringify(value)}`).join(', ')}</code>`])} /></div>`}</section></div>`;
}
