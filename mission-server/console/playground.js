// The rule playground: edit a script, see what the checker says, run a hook on a context or a recorded event and see which
// lines ran, run the cases of its pack.

import { html, useEffect, useRef, useState } from './vendor/htm-preact.js';
import { get, may, post } from './api.js';
import { Problem, Table, Tag } from './parts.js';
import { t, time } from './text.js';

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

const HOOKS = ['eligible', 'progress', 'verify', 'reward'];

export function Playground({ code }) {
  const [source, setSource] = useState(EXAMPLE);
  const [mission, setMission] = useState(null);
  const [checked, setChecked] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => {
    if (!code) return;
    get(`/missions/${code}`).then((one) => { setMission(one); if (one.script) setSource(one.script); }, setError);
  }, [code]);
  useEffect(() => {
    // The checker is asked once the author pauses.
    const wait = setTimeout(() => post('/rules/check', { script: source }).then((found) => { setChecked(found); setError(null); }, setError), 250);
    return () => clearTimeout(wait);
  }, [source]);
  return html`<h1>${t('Playground')}</h1><div class="grid">
    <section><h2>${t('Script')}${mission && html` · <a href="#/missions/${mission.id}">${mission.title}</a>`}</h2>
      <${Editor} value=${source} onChange=${setSource} />
      <p>${(checked?.hooks ?? []).map((one) => html`<span class="tag ${one.compiled ? 'good' : 'warn'}" title=${one.reason ?? ''}>
        ${one.hook}: ${one.compiled ? 'compiled' : 'interpreted'}</span> `)}</p>
      <${Problem} error=${error} /><h2>${t('Findings')}</h2><${Findings} of=${checked} /></section>
    <${Trial} source=${source} /></div>
    ${mission?.pack && mission.rules_script && html`<${Cases} mission=${mission} source=${source} />`}`;
}

function Findings({ of: checked }) {
  if (!checked) return null;
  if (checked.diagnostics.length === 0) return html`<p class="good" role="status">✓</p>`;
  const row = (one) => [html`<${Tag} of=${one.severity} />`, one.line ? `${one.line}:${one.column}` : '–',
    html`${one.message}${one.help && html`<br /><span class="soft">${one.help}</span>`}`, html`<code>${one.code}</code>`];
  return html`<${Table} head=${['Severity', 'Line', 'Message', 'Code'].map(t)} rows=${checked.diagnostics.map(row)} />`;
}

/** Runs a hook on a context, and shows which lines ran and what they saw. */
function Trial({ source }) {
  const [context, setContext] = useState(CONTEXT);
  const [hook, setHook] = useState('eligible');
  const [result, setResult] = useState(null);
  const [error, setError] = useState(null);
  const run = async () => {
    setResult(null);
    setError(null);
    try {
      setResult(await post('/rules/eval', { script: source, hook, context: JSON.parse(context) }));
    } catch (problem) {
      setError(problem instanceof SyntaxError ? new Error(`${t('Context')}: ${problem.message}`) : problem);
    }
  };
  const step = (one) => [one.line, html`<code>${one.code}</code>`,
    html`<code>${one.values.map(({ name, value }) => `${name} = ${JSON.stringify(value)}`).join(', ')}</code>`];
  return html`<section><h2>${t('Context')}</h2>
    <textarea aria-label=${t('Context')} rows="14" spellcheck="false" value=${context} onInput=${(event) => setContext(event.target.value)}></textarea>
    ${may('users:read') && html`<${Recorded} take=${(event) => setContext((before) => withEvent(before, event))} />`}
    <div class="row"><div><label for="hook">${t('Hook')}</label><select id="hook" value=${hook} onChange=${(event) => setHook(event.target.value)}>
      ${HOOKS.map((one) => html`<option value=${one}>${one}</option>`)}</select></div><button class="main" onClick=${run}>${t('Run')}</button></div>
    <${Problem} error=${error} />
    ${result && html`<div role="status"><pre>${JSON.stringify(result.value)}</pre><h2>${t('Trace')}</h2>
      <${Table} head=${['Line', 'Code', 'Values'].map(t)} rows=${(result.trace ?? []).map(step)} /></div>`}</section>`;
}

/** The context with another event in it. */
function withEvent(context, { type, source, time, data }) {
  let known = {};
  try { known = JSON.parse(context); } catch { /* What is no JSON is replaced. */ }
  return JSON.stringify({ ...known, event: { type, source, time, data } }, null, 2);
}

/** Events that a user's journal holds, to try a script on. */
function Recorded({ take }) {
  const [events, setEvents] = useState(null);
  const [error, setError] = useState(null);
  const load = async (event) => {
    event.preventDefault();
    setError(null);
    try {
      const lines = (await get(`/journal?limit=200&user=${encodeURIComponent(event.target.elements.recorded.value.trim())}`)).items;
      setEvents(lines.filter((line) => line.type.includes('.') && !/^(task|review|user)\./.test(line.type)));
    } catch (problem) {
      setError(problem);
    }
  };
  return html`<form class="row" onSubmit=${load}><div><label for="recorded">${t('Events of user')}</label><input id="recorded" name="recorded" size="36" required /></div>
    <button>${t('Load')}</button></form><${Problem} error=${error} />
    ${events && html`<div class="log"><${Table} head=${['Time', 'Type', 'Data', 'Action'].map(t)} rows=${events.map((event) => [
      time(event.time), event.type, html`<code>${JSON.stringify(event.data)}</code>`, html`<button onClick=${() => take(event)}>${t('Take')}</button>`])} /></div>`}`;
}

/** The cases of the mission's pack, with the script as it is in the editor. */
function Cases({ mission, source }) {
  const [report, setReport] = useState(null);
  const [error, setError] = useState(null);
  const run = async () => {
    setReport(null);
    setError(null);
    try {
      const { files } = await get(`/packs/${encodeURIComponent(mission.pack)}`);
      setReport(await post('/rules/test', { files: { ...files, [mission.rules_script]: source } }));
    } catch (problem) {
      setError(problem);
    }
  };
  const row = (one) => [html`<${Tag} of=${one.passed ? 'passed' : 'failed'} />`, one.name, html`<code>${one.file}</code>`,
    one.mismatches.map(({ what, expected, found }) => html`<div>${what}: ${expected} ≠ ${found}</div>`)];
  return html`<section><h2>${t('Cases of the pack')} <a href="#/packs/${mission.pack}">${mission.pack}</a></h2>
    <p class="soft">${t('They run with the script as it is in the editor; nothing is put in place.')}</p>
    <p><button class="main" onClick=${run}>${t('Run the cases')}</button></p><${Problem} error=${error} />
    ${report && html`<div role="status"><p>${t('passed')}: ${report.cases.filter((one) => one.passed).length} / ${report.cases.length + report.left_out}</p>
      <${Table} head=${['State', 'Case', 'File', 'Expected, found'].map(t)} rows=${report.cases.map(row)} /></div>`}</section>`;
}
