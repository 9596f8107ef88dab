// A pack: its versions, what changed from one to the next, and the way back to one.

import { html, useMemo, useState } from './vendor/htm-preact.js';
import { call, get, post } from './api.js';
import { Action, Figures, Loaded, Table, library, useLoad } from './parts.js';
import { number, t, time } from './text.js';

const path = (name) => `/packs/${encodeURIComponent(name)}`;

export function Packs() {
  const find = (event) => { event.preventDefault(); location.hash = `#/packs/${encodeURIComponent(event.target.elements.name.value.trim())}`; };
  const missions = useLoad(() => get('/missions?limit=200'), []);
  return html`<h1>${t('Packs')}</h1><section><form class="row" onSubmit=${find}><div><label for="name">${t('Name')}</label>
    <input id="name" name="name" required /></div><button class="main">${t('Find')}</button></form>
    <${Loaded} from=${missions}>${(data) => {
      const names = [...new Set(data.items.map((one) => one.pack).filter(Boolean))].sort();
      const rows = names.map((name) => [html`<a href="#/packs/${name}">${name}</a>`, number(data.items.filter((one) => one.pack === name).length)]);
      return html`<${Table} head=${[t('Pack'), t('Missions')]} rows=${rows} />`;
    }}<//></section>`;
}

export function Pack({ name }) {
  const versions = useLoad(() => get(`${path(name)}/versions`), [name]);
  return html`<p><a href="#/packs">← ${t('Packs')}</a></p><h1>${name}</h1>
    <${Loaded} from=${versions}>${(data) => html`<${Versions} key=${data.items[0].version} name=${name} items=${data.items} again=${versions.again} />`}<//>`;
}

function Versions({ name, items, again }) {
  const newest = items[0].version;
  const [shown, setShown] = useState(newest);
  const before = items.find((one) => one.version < shown)?.version;
  const rows = items.map((one) => [
    html`<button aria-pressed=${one.version === shown} onClick=${() => setShown(one.version)}>${one.version}</button>`, time(one.updated_at),
    one.version === newest ? t('in force') : html`<${Action} label=${t('Roll back')} danger=${true}
      ask=${t('The files of this version are put in place again, as a version of its own, if their cases pass. Missions that it does not hold are archived.')}
      act=${async () => { await rollBack(name, one.version); again(); }} />`,
  ]);
  return html`<div class="grid"><section><h2>${t('Versions')}</h2><${Table} head=${[t('Version'), t('Time'), t('State')]} rows=${rows} /></section>
    <${Difference} name=${name} from=${before} to=${shown} /></div>`;
}

const files = async (name, version) => (await get(`${path(name)}?version=${version}`)).files;

/** Puts an earlier version in place, as `mission rollback` does: its cases have to pass. */
async function rollBack(name, version) {
  const earlier = await files(name, version);
  const report = await post('/rules/test', { files: earlier });
  if (!report.ok) {
    const failed = report.cases.filter((one) => !one.passed).map((one) => one.name);
    throw new Error(`${t('Its cases do not pass')}: ${failed.join(', ') || number(report.left_out)}`);
  }
  await call('PUT', path(name), { files: earlier });
}

function Difference({ name, from, to }) {
  const found = useLoad(async () => ({ old: from ? await files(name, from) : {}, now: await files(name, to), diff: await library('diff.js', 'Diff') }), [name, from, to]);
  return html`<section><h2>${from ? `${t('What changed')}: ${from} → ${to}` : `${t('Version')} ${to}`}</h2>
    <${Loaded} from=${found}>${(data) => html`<${Changed} old=${data.old} now=${data.now} diff=${data.diff} />`}<//></section>`;
}

function Changed({ old, now, diff }) {
  const changed = useMemo(() => {
    const names = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort();
    return names.filter((name) => old[name] !== now[name]).map((name) => ({ name, parts: diff.diffLines(old[name] ?? '', now[name] ?? '') }));
  }, [old, now, diff]);
  if (changed.length === 0) return html`<p class="soft">–</p>`;
  return html`<${Figures} of=${[[t('Files'), changed.length]]} />${changed.map(({ name, parts }) => html`<details open=${changed.length < 6}>
    <summary><code>${name}</code></summary><pre class="diff" tabindex="0">${parts.map((part, n) => html`<${Part} of=${part} first=${n === 0} last=${n === parts.length - 1} />`)}</pre></details>`)}`;
}

/** The lines of one part; of what is the same only those beside a change. */
function Part({ of: { value, added, removed }, first, last }) {
  const lines = value.split('\n').slice(0, value.endsWith('\n') ? -1 : undefined);
  if (added) return html`<ins>${lines.map((line) => `+ ${line}\n`)}</ins>`;
  if (removed) return html`<del>${lines.map((line) => `- ${line}\n`)}</del>`;
  const [after, before] = [first ? [] : lines.slice(0, 3), last ? [] : lines.slice(-3)];
  const near = lines.length > after.length + before.length ? [...after, '…', ...before] : lines;
  return near.map((line) => `  ${line}\n`);
}
