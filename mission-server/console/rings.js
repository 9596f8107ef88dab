// Rings: accounts that one person seems to run, decided on as a whole.

import { html, useState } from './vendor/htm-preact.js';
import { get, post } from './api.js';
import { Action, Figures, Loaded, More, Table, Tag, useLoad, usePages } from './parts.js';
import { t, time } from './text.js';

const kinds = (ring) => ring.evidence.map((one) => one.kind.replaceAll('_', ' ')).join(', ');

/** What a piece of evidence says, in a line. */
const facts = (facts) => Object.entries(facts).map(([name, value]) => {
  const shown = Array.isArray(value) ? value.map((one) => `${time(one.at)} (${one.accounts})`).join(', ')
    : /_from$|_to$|^from$/.test(name) ? time(value) : value;
  return `${name.replaceAll('_', ' ')}: ${shown}`;
}).join('; ');

export function Rings() {
  const [status, setStatus] = useState('open');
  const pages = usePages(`/rings?status=${status}`, 50);
  const rows = pages.items.map((ring) => [
    html`<a href="#/rings/${ring.id}">${ring.id.slice(0, 13)}</a>`, html`<${Tag} of=${ring.status} />`, ring.accounts, `${ring.score} %`, kinds(ring),
    time(ring.found_at), ring.decision?.note ?? '–',
  ]);
  return html`<h1>${t('Rings')}</h1><section><div class="row"><div><label for="status">${t('Status')}</label>
    <select id="status" value=${status} onChange=${(event) => setStatus(event.target.value)}>${['open', 'held', 'revoked', 'dismissed'].map((one) => html`<option value=${one}>${one}</option>`)}</select></div></div>
    ${!pages.loading && html`<${Table} head=${['Ring', 'Status', 'Accounts', 'Score', 'Evidence', 'Found', 'Note'].map(t)} rows=${rows} empty=${t('Nothing waits.')} />`}<${More} pages=${pages} /></section>`;
}

export function Ring({ id }) {
  const found = useLoad(() => get(`/rings/${id}`), [id]);
  const user = (one) => (one ? html`<a href="#/users/${one}">${one}</a>` : '–');
  return html`<${Loaded} from=${found}>${({ ring, members }) => html`<p><a href="#/rings">← ${t('Rings')}</a></p>
    <h1>${t('Ring')} ${ring.id.slice(0, 13)} <${Tag} of=${ring.status} /></h1>
    <section><${Figures} of=${[[t('Accounts'), ring.accounts], [t('Score'), `${ring.score} %`], [t('Since'), time(ring.since)], [t('Found'), time(ring.found_at)]]} />
      ${ring.decision && html`<p>${t('Note')}: ${ring.decision.note} (${ring.decision.action}, ${time(ring.decision.at)})</p>`}
      ${!ring.is_done && html`<p>${t('What was decided is being done.')}</p>`}
      <${Decisions} ring=${ring} again=${found.again} /></section>
    <section><h2>${t('Evidence')}</h2><${Table} head=${['Type', 'Detail'].map(t)} rows=${ring.evidence.map(({ kind, ...what }) => [kind.replaceAll('_', ' '), facts(what)])} /></section>
    <section><h2>${t('Accounts')}</h2><${Table} head=${['User', 'Invited by', 'First seen'].map(t)} rows=${members.map((member) => [
      html`<a href="#/users/${member.user_id}">${member.display_name ?? member.user_id}</a>`, user(member.invited_by), time(member.created_at)])} /></section>`}<//>`;
}

const DECISIONS = [
  { action: 'hold', label: 'Hold', from: ['open'], ask: 'What its members earn and claim waits for a reviewer.' },
  { action: 'revoke', label: 'Revoke', from: ['open', 'held'], ask: 'All that its members have earned since the first evidence is taken back.' },
  { action: 'dismiss', label: 'Dismiss', from: ['open', 'held'], ask: 'It is no ring. Who was held for it is let go.' },
];

function Decisions({ ring, again }) {
  return html`<div class="row">${DECISIONS.filter((one) => one.from.includes(ring.status)).map(({ action, label, ask }) => html`<${Action} label=${t(label)}
    danger=${action === 'revoke'} note=${t('Reason')} ask=${t(ask)}
    act=${async (note) => { await post(`/rings/${ring.id}/decision`, { action, note }); again(); }} />`)}</div>`;
}
