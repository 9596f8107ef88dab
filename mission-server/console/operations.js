// How the server does: dependencies, what waits, webhooks, the audit, and events as they happen.

import { html, useEffect, useState } from './vendor/htm-preact.js';
import { follow, get, may, post } from './api.js';
import { Action, Figures, Loaded, More, Table, Tag, useLoad, usePages } from './parts.js';
import { number, t, time } from './text.js';

const health = async () => (await fetch('/health')).json();

export function Operations() {
  const found = useLoad(health, []);
  return html`<h1>${t('Operations')}</h1>
    <section><h2>${t('Dependencies')}</h2><${Loaded} from=${found}>${(data) => html`<p><${Tag} of=${data.status} /></p>
      <${Table} head=${['', t('Status'), 'ms', '']} rows=${Object.entries(data.dependencies ?? data.checks ?? {}).map(([name, one]) => [one.name ?? name, html`<${Tag} of=${one.status} />`, number(one.latency_ms), one.detail ?? ''])} />
      ${data.outbox && html`<${Figures} of=${[['outbox', number(data.outbox.entries)], ['oldest, s', number(data.outbox.oldest_seconds)], ['parked', number(data.outbox.parked)], ...(data.inbound ? [['inbound', number(data.inbound.waiting)], ['dead letters', number(data.inbound.dead)]] : [])]} />`}`}<//></section>
    <${Live} />
    ${may('messages:read') && html`<${Parked} />`}${may('webhooks:write') && html`<${Webhooks} />`}${may('audit:read') && html`<${Audit} />`}`;
}

function Live() {
  const [events, setEvents] = useState([]);
  useEffect(() => {
    const stop = new AbortController();
    follow((event) => setEvents((before) => [event, ...before].slice(0, 50)), stop.signal);
    return () => stop.abort();
  }, []);
  return html`<section><h2>${t('Live')}</h2><div class="log" aria-live="polite"><${Table} head=${['', '', '']} rows=${events.map((event) => [time(event.time), event.type, html`<a href="#/users/${event.subject}"><code>${event.subject}</code></a>`])} /></div></section>`;
}

function Parked() {
  const pages = usePages((cursor) => get(`/outbox/parked${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ''}`), []);
  return html`<section><h2>parked events</h2>${!pages.loading && html`<${Table} head=${['', '', '', '']} rows=${pages.items.map((one) => [one.type, one.reason, one.attempts, may('messages:write') ? html`<${Action} label="retry" ask="It is tried again at once." act=${async () => { await post(`/outbox/parked/${one.event_id}/retry`); pages.again(); }} />` : ''])} empty=${t('Nothing waits.')} />`}<${More} pages=${pages} /></section>`;
}

function Webhooks() {
  const found = useLoad(() => get('/webhooks'), []);
  return html`<section><h2>webhooks</h2><${Loaded} from=${found}>${(data) => html`<${Table} head=${['', t('Status'), '', '']} rows=${data.items.map((one) => [one.url, html`<${Tag} of=${one.status} />`, one.events.join(', ') || t('All'), one.disabled_reason ?? ''])} empty="–" />`}<//></section>`;
}

function Audit() {
  const pages = usePages((cursor) => get(`/audit?limit=20${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`), []);
  return html`<section><h2>${t('Audit')}</h2>${!pages.loading && html`<${Table} head=${['', '', '', '']} rows=${pages.items.map((one) => [time(one.at), one.action, html`${one.subject_kind} <code>${one.subject}</code>`, html`<code>${one.actor ?? '–'}</code>`])} />`}<${More} pages=${pages} /></section>`;
}
