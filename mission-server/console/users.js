// One user: profile, calendar, tasks, rewards, ledger, and why a mission can or cannot be done.

import { html, useState } from './vendor/htm-preact.js';
import { get, may, post } from './api.js';
import { Action, Figures, Loaded, More, Problem, Table, Tag, useLoad, usePages } from './parts.js';
import { language, number, t, time } from './text.js';

export function Users({ id }) {
  const find = (event) => { event.preventDefault(); location.hash = `#/users/${encodeURIComponent(event.target.elements.id.value.trim())}`; };
  return html`<h1>${t('Users')}</h1><section><form class="row" onSubmit=${find}><div><label for="id">${t('User id')}</label>
    <input id="id" name="id" size="38" defaultValue=${id ?? ''} required /></div><button class="main">${t('Find')}</button></form></section>${id && html`<${User} key=${id} id=${id} />`}`;
}

function User({ id }) {
  const found = useLoad(() => get(`/users/${id}`), [id]);
  return html`<${Loaded} from=${found}>${(user) => html`<section><h2>${user.display_name ?? id}</h2><${Figures} of=${[
    [t('Level'), user.level], ['XP', number(user.experience)], [t('Points'), number(user.points)], ['wallet', number(user.wallet_points)], ['zone', user.zone], ['badges', (user.badges ?? []).join(', ') || '–'], ['invite code', user.invite_code]]} /></section>
    <div class="grid"><${Calendar} id=${id} /><${Why} id=${id} /></div>
    <${List} title=${t('Tasks')} path=${`/users/${id}/tasks`} head=${[t('Mission'), t('Status'), '', '', '']} row=${(task) => [task.mission ?? task.mission_id, html`<${Tag} of=${task.status} />`, `${task.progress.current} / ${task.progress.target}`, task.period, time(task.started_at)]} />
    <${Rewards} id=${id} />
    <${List} title=${t('Ledger')} path=${`/users/${id}/ledger`} head=${['', t('Points'), '', '']} row=${(entry) => [html`<${Tag} of=${entry.kind} />`, number(entry.amount), html`<code>${entry.grant_id}</code>`, time(entry.booked_at)]} />`}<//>`;
}

function List({ title, path, head, row }) {
  const pages = usePages((cursor) => get(`${path}?limit=20${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`), [path]);
  return html`<section><h2>${title}</h2>${!pages.loading && html`<${Table} head=${head} rows=${pages.items.map(row)} />`}<${More} pages=${pages} /></section>`;
}

function Rewards({ id }) {
  const pages = usePages((cursor) => get(`/users/${id}/rewards?limit=20${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`), [id]);
  const row = (reward) => [reward.type, html`<${Tag} of=${reward.status} />`, number(reward.total_points), time(reward.earned_at),
    may('rewards:write') && ['claimed', 'pending', 'held'].includes(reward.status) ? html`<${Action} label="revoke" danger=${true} note="reason" ask="Its points, experience and badge are taken back, with a reversing entry in the wallet."
      act=${async (reason) => { await post(`/rewards/${reward.id}/revoke`, { reason }); pages.again(); }} />` : ''];
  return html`<section><h2>${t('Rewards')}</h2>${!pages.loading && html`<${Table} head=${[t('Type'), t('Status'), t('Points'), '', '']} rows=${pages.items.map(row)} />`}<${More} pages=${pages} /></section>`;
}

function Calendar({ id }) {
  const [month, setMonth] = useState(new Date().toISOString().slice(0, 7));
  const found = useLoad(() => get(`/users/${id}/checkin?month=${month}`), [id, month]);
  return html`<section><h2>${t('Calendar')}</h2><div class="row"><div><label for="month">${t('Month')}</label><input id="month" type="month" value=${month} onChange=${(event) => event.target.value && setMonth(event.target.value)} /></div></div>
    <${Loaded} from=${found}>${(data) => html`<${Figures} of=${[[t('Streak'), data.current_streak], ['longest', data.longest_streak], ['total', data.total_check_ins], ['freezes', data.freezes_held]]} /><${Month} month=${month} days=${data.month.days} />`}<//></section>`;
}

function Month({ month, days }) {
  const [year, index] = month.split('-').map(Number);
  const first = (new Date(Date.UTC(year, index - 1, 1)).getUTCDay() + 6) % 7;
  const length = new Date(Date.UTC(year, index, 0)).getUTCDate();
  const visited = new Map(days.map((day) => [Number(day.date.slice(8)), day]));
  const heads = [...Array(7).keys()].map((n) => new Date(Date.UTC(2026, 0, 5 + n)).toLocaleDateString(language(), { weekday: 'short', timeZone: 'UTC' }));
  return html`<div class="calendar">${heads.map((head) => html`<span class="head">${head}</span>`)}${[...Array(first).keys()].map(() => html`<span class="head"></span>`)}
    ${[...Array(length).keys()].map((n) => { const day = visited.get(n + 1); return html`<span class="${day ? 'visited' : ''} ${day?.is_milestone ? 'milestone' : ''}" title=${day ? `${number(day.points_earned)} ★` : ''}>${n + 1}</span>`; })}</div>`;
}

function Why({ id }) {
  const missions = useLoad(() => get('/missions?limit=200'), []);
  const [answer, setAnswer] = useState(null);
  const [error, setError] = useState(null);
  const ask = async (event) => {
    event.preventDefault();
    setError(null);
    try { setAnswer(await get(`/users/${id}/missions/${event.target.elements.mission.value}/explain`)); } catch (problem) { setError(problem); }
  };
  return html`<section><h2>${t('Why not?')}</h2><${Loaded} from=${missions}>${(list) => html`<form class="row" onSubmit=${ask}><div><label for="mission">${t('Mission')}</label>
    <select id="mission" name="mission">${list.items.map((one) => html`<option value=${one.id}>${one.title}</option>`)}</select></div><button>${t('Explain')}</button></form>`}<//>
    <${Problem} error=${error} />${answer && html`<p><${Tag} of=${answer.availability} /></p><${Table} head=${['', '', '']} rows=${answer.conditions.map((one, n) => [
      html`<span class=${one.holds === false ? 'bad' : one.holds ? 'good' : 'soft'}>${one.holds === false ? '✗' : one.holds ? '✓' : '?'}</span>`,
      html`${one.condition}${answer.decided_by === n ? html` <strong>←</strong>` : ''}`, html`<code>${JSON.stringify(one.seen)}</code>`])} />`}</section>`;
}
