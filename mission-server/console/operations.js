// How the server does: dependencies, what waits, dead letters, webhooks, configuration, the audit, and events as they happen.

import { html, useEffect, useState } from './vendor/htm-preact.js';
import { call, follow, get, may, post } from './api.js';
import { Action, Figures, Json, Listed, Loaded, Table, Tag, useLoad } from './parts.js';
import { number, t, time } from './text.js';

const health = async () => (await fetch('/health')).json();

export function Operations() {
  const found = useLoad(health, []);
  // Without a broker there are no dead letters, and no list of them.
  const hasBroker = Boolean(found.data?.inbound);
  return html`<h1>${t('Operations')}</h1><${Health} found=${found} /><${Live} />
    ${may('messages:read') && html`<${Parked} />${hasBroker && html`<${DeadLetters} />`}`}
    ${may('webhooks:write') && html`<${Webhooks} />`}
    ${may('audit:read') && html`<${SlowScripts} /><${Audit} /><${Configuration} />`}`;
}

function Health({ found }) {
  return html`<section><h2>${t('Dependencies')}</h2><${Loaded} from=${found}>${(data) => html`<p><${Tag} of=${data.status} /></p>
    <${Table} head=${['Name', 'Status', 'Milliseconds', 'Detail'].map(t)} rows=${data.dependencies.map((one) => [
      one.name, html`<${Tag} of=${one.status} />`, number(one.latency_ms), one.detail ?? '–'])} />
    ${data.outbox && html`<${Figures} of=${[
      [t('Outbox'), number(data.outbox.entries)], [t('Oldest, seconds'), number(data.outbox.oldest_seconds)], [t('Parked'), number(data.outbox.parked)],
      ...(data.inbound ? [[t('Inbound'), number(data.inbound.waiting)], [t('Dead letters'), number(data.inbound.dead)]] : []),
    ]} />`}`}<//><p><button onClick=${found.again}>${t('Look again')}</button></p></section>`;
}

/** What an event is of, in short. */
const detail = ({ data }) => {
  if (data.progress !== undefined) return `${number(data.progress)} / ${number(data.target)}, ${data.status.replaceAll('_', ' ')}`;
  if (data.totalPoints !== undefined) return `${number(data.totalPoints)} ${t('Points')}`;
  return data.currentStreak === undefined ? '' : `${t('Streak')} ${number(data.currentStreak)}, ${time(data.endsAt)}`;
};

function Live() {
  const [events, setEvents] = useState([]);
  useEffect(() => {
    const stop = new AbortController();
    follow((event) => setEvents((before) => [event, ...before].slice(0, 50)), stop.signal);
    return () => stop.abort();
  }, []);
  return html`<section><h2>${t('Live')}</h2><div class="log" aria-live="polite"><${Table} head=${['Time', 'Type', 'User', 'Detail'].map(t)}
    rows=${events.map((event) => [time(event.time), event.type, html`<a href="#/users/${event.subject}"><code>${event.subject}</code></a>`, detail(event)])} /></div></section>`;
}

const Parked = () => html`<${Listed} title=${t('Parked events')} path="/outbox/parked" empty=${t('Nothing waits.')} head=${['Type', 'Reason', 'Attempts', 'Action']}
  row=${(one, again) => [one.type, one.reason, one.attempts, may('messages:write') ? html`<${Action} label=${t('Retry')} ask=${t('It is tried again at once.')}
    act=${async () => { await post(`/outbox/parked/${one.event_id}/retry`); again(); }} />` : '–']} />`;

function DeadLetters() {
  const act = (one, again) => (may('messages:write') ? html`
    <${Action} label=${t('Requeue')} ask=${t('It goes back into the queue, to be taken again.')}
      act=${async () => { await post(`/inbound/dead/${one.id}/requeue`); again(); }} />
    <${Action} label=${t('Drop')} danger=${true} ask=${t('It is gone then.')}
      act=${async () => { await call('DELETE', `/inbound/dead/${one.id}`); again(); }} />` : '–');
  return html`<${Listed} title=${t('Dead letters')} path="/inbound/dead" empty=${t('Nothing waits.')}
    head=${['Routing key', 'Reason', 'Attempts', 'Died', 'Message', 'Action']}
    row=${(one, again) => [one.routing_key, one.reason ?? '–', one.attempts, time(one.died_at),
      html`<details><summary>${number(one.bytes)} B</summary><${Json} of=${one.body} /></details>`, act(one, again)]} />`;
}

function Webhooks() {
  const found = useLoad(() => get('/webhooks'), []);
  const act = (one) => html`
    ${one.status === 'disabled' && html`<${Action} label=${t('Enable')} ask=${t('What waits for it is sent again.')}
      act=${async () => { await post(`/webhooks/${one.id}/enable`); found.again(); }} />`}
    <${Action} label=${t('Delete')} danger=${true} ask=${t('It is told of nothing any more.')}
      act=${async () => { await call('DELETE', `/webhooks/${one.id}`); found.again(); }} />`;
  return html`<section><h2>${t('Webhooks')}</h2><${Loaded} from=${found}>${(data) => html`<${Table} head=${['Address', 'Status', 'Events', 'Reason', 'Action'].map(t)}
    rows=${data.items.map((one) => [one.url, html`<${Tag} of=${one.status} />`, one.events.join(', ') || t('All'), one.disabled_reason ?? '–', act(one)])} />`}<//>
    <p class="soft">${t('Deliveries, rotation of secrets and new webhooks: see the API.')} <a href="/docs">/docs</a></p></section>`;
}

/** The hooks that take most of this server's time. */
function SlowScripts() {
  const found = useLoad(() => get('/rules/slow'), []);
  const missions = (codes) => codes.map((code) => html`<code>${code}</code> `);
  return html`<section><h2>${t('Scripts that take longest')}</h2><${Loaded} from=${found}>${(data) => html`<${Table} empty=${t('No script has run yet.')}
    head=${['Mission', 'Hook', 'Runs', 'Evaluations', 'Milliseconds', 'Mean, µs', 'Longest, µs'].map(t)} rows=${data.items.map((one) => [
      missions(one.missions), html`<code>${one.hook}</code>`, html`${t(one.compiled ? 'compiled' : 'in the interpreter')} ${one.slow && html`<${Tag} of="slow" />`}`,
      number(one.evaluations), number(one.total_ms), number(one.mean_us), number(one.longest_us)])} />`}<//>
    <p class="soft">${t('On this server, since it began or the script was put in place.')}</p></section>`;
}

const Audit = () => html`<${Listed} title=${t('Audit')} path="/audit" head=${['Time', 'Action', 'Subject', 'By']}
  row=${(one) => [time(one.at), one.action, html`${one.subject_kind} <code>${one.subject}</code>`, html`<code>${one.actor ?? '–'}</code>`]} />`;

/** Settings, those first that are not what they are by default. */
function Configuration() {
  const found = useLoad(() => get('/configuration'), []);
  const rows = (items) => items.map((one) => [html`<code>${one.name}</code>`, html`<code>${one.value}</code>`, one.origin]);
  return html`<section><h2>${t('Configuration')}</h2><${Loaded} from=${found}>${(data) => {
    const head = ['Name', 'Value', 'Origin'].map(t);
    const [usual, own] = [data.items.filter((one) => one.origin === 'by default'), data.items.filter((one) => one.origin !== 'by default')];
    return html`<${Table} head=${head} rows=${rows(own)} /><details><summary>${t('By default')}: ${usual.length}</summary><${Table} head=${head} rows=${rows(usual)} /></details>`;
  }}<//></section>`;
}
