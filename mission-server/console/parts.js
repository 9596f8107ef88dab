// What the pages are made of.

import { html, useCallback, useEffect, useRef, useState } from './vendor/htm-preact.js';
import { get } from './api.js';
import { number, t } from './text.js';

/** Loads something, and again when `again` is called. */
export function useLoad(load, inputs) {
  const [state, setState] = useState({ loading: true });
  const [round, setRound] = useState(0);
  useEffect(() => {
    let current = true;
    setState((before) => ({ ...before, loading: true, error: null }));
    load().then(
      (data) => current && setState({ data }),
      (error) => current && setState({ error }),
    );
    return () => { current = false; };
  }, [...inputs, round]);
  return { ...state, again: useCallback(() => setRound((n) => n + 1), []) };
}

export function Problem({ error }) {
  return error ? html`<p class="notice bad" role="alert">${error.message}</p>` : null;
}

/** Shows what was loaded, or why it was not. */
export function Loaded({ from, children }) {
  if (from.error) return html`<${Problem} error=${from.error} />`;
  if (from.data === undefined) return html`<p class="soft" role="status">${t('Loading…')}</p>`;
  return children(from.data);
}

const tones = {
  passed: 'good', trusted: 'good', new: 'warn', active: 'good', completed: 'good', claimed: 'good', delivered: 'good', approved: 'good', enabled: 'good', up: 'good', ok: 'good', applied: 'good', available: 'good', true: 'good',
  paused: 'warn', pending: 'warn', pending_review: 'warn', held: 'warn', open: 'warn', waiting: 'warn', in_progress: 'warn', slow: 'warn',
  rejected: 'bad', expired: 'bad', revoked: 'bad', failed: 'bad', disabled: 'bad', down: 'bad', false: 'bad', error: 'bad', warning: 'warn',
};
export const Tag = ({ of }) => html`<span class="tag ${tones[of] ?? 'soft'}">${String(of).replaceAll('_', ' ')}</span>`;

export function Table({ head, rows, empty }) {
  if (rows.length === 0) return html`<p class="soft">${empty ?? '–'}</p>`;
  return html`<div class="scroll" tabindex="0" role="group"><table><thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
    <tbody>${rows.map((cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}

export const Figures = ({ of }) => html`<dl class="figures">${of.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
export const Json = ({ of }) => html`<pre tabindex="0">${JSON.stringify(of, null, 2)}</pre>`;

/** A part of a whole, as a bar. */
export const Share = ({ label, part, of, unit }) => html`<span class="share"><progress aria-label=${label} max=${Number(of)} value=${Number(part ?? 0)}></progress>
  ${number(part ?? 0)} / ${number(of)} ${unit}</span>`;

/** A page of the API as a section with a table. */
export function Listed({ title, path, head, row, empty }) {
  const pages = usePages(path);
  return html`<section><h2>${title}</h2>
    ${!pages.loading && html`<${Table} head=${head.map(t)} rows=${pages.items.map((one) => row(one, pages.again))} empty=${empty} />`}<${More} pages=${pages} /></section>`;
}

/** A button that asks first. What is done may be refused; that is shown, as is a text that `act` answers with. */
export function Action({ label, hint, ask, note, choice, danger, act, disabled }) {
  const dialog = useRef();
  const field = useRef();
  const chosen = useRef();
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const [told, setTold] = useState('');
  const confirm = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const outcome = await act(field.current?.value ?? '', chosen.current?.checked ?? false);
      if (outcome) setTold(outcome);
      else dialog.current.close();
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  return html`<button class=${danger ? 'danger' : ''} disabled=${disabled} onClick=${() => { setError(null); setTold(''); dialog.current.showModal(); }}
    aria-keyshortcuts=${hint}>${label}${hint && html` <kbd aria-hidden="true">${hint}</kbd>`}</button>
    <dialog ref=${dialog} aria-label=${label}><form onSubmit=${confirm}>
      <h2>${label}</h2><p>${ask}</p>
      ${note && html`<p><label>${note}<input ref=${field} name="note" required=${note !== t('Note')} /></label></p>`}
      ${choice && html`<p><label><input ref=${chosen} type="checkbox" name="choice" /> ${choice}</label></p>`}
      <${Problem} error=${error} />
      <p role="status">${told}</p>
      <div class="row">${!told && html`<button class="main" disabled=${busy}>${t('Confirm')}</button>`}
      <button type="button" onClick=${() => dialog.current.close()}>${told ? t('Close') : t('Cancel')}</button></div>
    </form></dialog>`;
}

const libraries = {};
/** A library that few pages need, which comes when one does. */
export function library(file, name) {
  libraries[file] ??= new Promise((loaded, failed) => {
    const script = document.createElement('script');
    script.src = `vendor/${file}`;
    script.onload = () => loaded(globalThis[name]);
    script.onerror = () => { delete libraries[file]; failed(new Error(t('A part of the page could not be loaded.'))); };
    document.head.append(script);
  });
  return libraries[file];
}

/** A chart of series over time. */
export function Chart({ times, series }) {
  const place = useRef();
  const found = useLoad(() => library('uplot.js', 'uPlot'), []);
  useEffect(() => {
    if (!found.data || !place.current || times.length === 0) return undefined;
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue('--soft').trim();
    const axis = { stroke: ink, grid: { stroke: style.getPropertyValue('--line').trim(), width: 1 } };
    const size = () => ({ width: Math.max(place.current.clientWidth, 200), height: 260 });
    const colours = ['#2f6fed', '#1f9d61', '#c9821a', '#c0392b', '#8e5bd0'];
    const chart = new found.data({
      ...size(),
      axes: [axis, { ...axis, size: 60 }],
      series: [{}, ...series.map((one, n) => ({ label: one.label, stroke: colours[n % colours.length], width: 2, points: { show: times.length < 3 } }))],
    }, [times, ...series.map((one) => one.values)], place.current);
    const resize = new ResizeObserver(() => chart.setSize(size()));
    resize.observe(place.current);
    return () => { resize.disconnect(); chart.destroy(); };
  }, [times, series, found.data]);
  return html`<${Problem} error=${found.error} /><div ref=${place}></div>`;
}

/** Pages of a list of the API, one after the other. */
export function usePages(path, limit = 20) {
  const [state, setState] = useState({ items: [], next: null, error: null, loading: true });
  const more = async (cursor, before) => {
    try {
      const query = `limit=${limit}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`;
      const page = await get(`${path}${path.includes('?') ? '&' : '?'}${query}`);
      setState({ items: [...before, ...page.items], next: page.next_cursor, error: null });
    } catch (error) {
      setState({ items: before, next: null, error });
    }
  };
  const [round, setRound] = useState(0);
  useEffect(() => { setState({ items: [], next: null, error: null, loading: true }); more(null, []); }, [path, round]);
  return { ...state, more: () => more(state.next, state.items), again: () => setRound((n) => n + 1) };
}

export const More = ({ pages }) => html`<${Problem} error=${pages.error} />${pages.loading && html`<p class="soft" role="status">${t('Loading…')}</p>`}
  ${pages.next && html`<p><button onClick=${pages.more}>${t('More')}</button></p>`}`;
