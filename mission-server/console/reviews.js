// The review queue: what waits, with all that a decision rests on.

import { html, useEffect, useRef, useState } from './vendor/htm-preact.js';
import { get, post } from './api.js';
import { Action, Figures, Json, Loaded, More, Table, Tag, useLoad, usePages } from './parts.js';
import { t, time } from './text.js';

/** A score of risk comes with what speaks for it. */
const detail = (value) => (typeof value === 'object' ? [value.score, ...(value.reasons ?? [])].join(', ') : value);
const reason = (one) => (typeof one === 'string' ? one : Object.entries(one).map(([name, value]) => `${name}: ${detail(value)}`).join(', ')).replaceAll('_', ' ');

const KINDS = ['evidence', 'upload', 'completion', 'claim', 'check_in', 'grant', 'revocation'];

export function Reviews() {
  const [status, setStatus] = useState('open');
  const [kind, setKind] = useState('');
  const [assigned, setAssigned] = useState('');
  const wanted = new URLSearchParams({ status, ...(kind && { kind }), ...(assigned && { assigned_to: assigned }) });
  const pages = usePages(`/reviews?${wanted}`, 50);
  const rows = pages.items.map((review) => [
    html`<a href="#/reviews/${review.id}">${review.kind.replaceAll('_', ' ')}</a>`, html`<${Tag} of=${review.status} />`, review.reasons.map(reason).join('; '),
    html`<a href="#/users/${review.user_id}">${review.display_name ?? review.user_id}</a>`, time(review.created_at), review.assigned_to ?? '–', review.note ?? '–',
  ]);
  return html`<h1>${t('Reviews')}</h1><section><div class="row"><div><label for="status">${t('Status')}</label>
    <select id="status" value=${status} onChange=${(event) => setStatus(event.target.value)}>${['open', 'in_moderation', 'approved', 'rejected'].map((one) => html`<option value=${one}>${one}</option>`)}</select></div>
    <div><label for="kind">${t('Type')}</label>
    <select id="kind" value=${kind} onChange=${(event) => setKind(event.target.value)}><option value="">${t('All')}</option>${KINDS.map((one) => html`<option value=${one}>${one.replaceAll('_', ' ')}</option>`)}</select></div>
    <div><label for="assigned">${t('Assigned to')}</label>
    <select id="assigned" value=${assigned} onChange=${(event) => setAssigned(event.target.value)}><option value="">${t('All')}</option><option value="me">${t('Me')}</option><option value="nobody">${t('Nobody')}</option></select></div></div>
    ${!pages.loading && html`<${Table} head=${['Type', 'Status', 'Reasons', 'User', 'Time', 'Assigned to', 'Note'].map(t)} rows=${rows} empty=${t('Nothing waits.')} />`}<${More} pages=${pages} /></section>`;
}

export function Review({ id }) {
  const found = useLoad(() => get(`/reviews/${id}`), [id]);
  return html`<${Loaded} from=${found}>${(review) => html`<p><a href="#/reviews">← ${t('Reviews')}</a></p>
    <h1>${review.kind.replaceAll('_', ' ')} <${Tag} of=${review.status} /></h1>
    <section><${Figures} of=${[[t('User'), html`<a href="#/users/${review.user_id}">${review.display_name ?? review.user_id.slice(0, 13)}</a>`],
        [t('Mission'), review.mission?.title ?? '–'], [t('Time'), time(review.created_at)]]} />
      <p>${review.reasons.map(reason).join('; ')}</p>
      ${review.note && html`<p>${t('Note')}: ${review.note}</p>`}
      ${review.assigned_to && html`<p>${t('Assigned to')} ${review.assigned_to}, ${t('until')} ${time(review.assigned_until)}</p>`}
      ${!review.decided_at && html`<div class="row"><${Action} label=${t('Take it on')} ask=${t('Until it lapses nobody else decides it.')} act=${async () => { await post(`/reviews/${id}/assign`, {}); found.again(); }} />
        ${review.assigned_to && html`<${Action} label=${t('Release')} ask=${t('Others can take it on again.')} act=${async () => { await post(`/reviews/${id}/release`, {}); found.again(); }} />`}</div>`}
      ${review.status === 'open' && html`<${Decisions} id=${id} again=${found.again} />`}</section>
    <div class="grid">
      ${review.upload && html`<section><h2>${t('Upload')}</h2>${review.upload.content_type.startsWith('image/') ? html`<img class="evidence" src=${review.upload.url} alt="uploaded evidence" />` : ''}<p><a href=${review.upload.url} rel="noreferrer noopener" target="_blank">${review.upload.content_type}</a></p></section>`}
      ${review.evidence && html`<section><h2>${t('Evidence')}</h2><${Json} of=${review.evidence} /><p>${review.evidence.links.map((link) => html`<a href=${link} rel="noreferrer noopener" target="_blank">${link}</a> `)}</p></section>`}
      ${review.device && html`<section><h2>${t('Device')}</h2><${Json} of=${review.device} /></section>`}
      ${review.rewards.length > 0 && html`<section><h2>${t('Rewards')}</h2><${Json} of=${review.rewards} /></section>`}
      <section><h2>${t('Earlier reviews')}</h2><${Table} head=${['Type', 'Status', 'Time'].map(t)} rows=${review.earlier_reviews.map((one) => [html`<a href="#/reviews/${one.id}">${one.kind}</a>`, html`<${Tag} of=${one.status} />`, time(one.created_at)])} /></section></div>`}<//>`;
}

const DECISIONS = [
  { decision: 'approve', label: 'Approve', key: 'a', ask: 'What waits goes through, once.' },
  { decision: 'reject', label: 'Reject', key: 'r', ask: 'What waits earns nothing.', choice: 'Ban the user' },
];

/** Approve and reject, by a click or by their keys. */
function Decisions({ id, again }) {
  const row = useRef();
  useEffect(() => {
    const press = (event) => {
      const typing = event.target.closest('input, textarea, select, dialog');
      const place = DECISIONS.findIndex((one) => one.key === event.key);
      if (typing || place < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      row.current.querySelectorAll(':scope > button')[place].click();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
  return html`<div class="row" ref=${row}>${DECISIONS.map(({ decision, label, ask, key, choice }) => html`<${Action} label=${t(label)} hint=${key}
    danger=${decision === 'reject'} note=${t('Note')} ask=${t(ask)} choice=${choice && t(choice)}
    act=${async (note, ban) => { await post(`/reviews/${id}/${decision}`, { ...(note && { note }), ...(ban && { ban }) }); again(); }} />`)}</div>`;
}
