// One user: profile, calendar, tasks, rewards, ledger, devices, and why a mission can or cannot be done.

import { html, useState } from './vendor/htm-preact.js';
import { Refused, get, may, post } from './api.js';
import { Action, Figures, Listed, Loaded, Problem, Table, Tag, useLoad } from './parts.js';
import { language, number, t, time } from './text.js';

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The id of a user who is named by it or by the invite code. */
async function find(text) {
  if (ID.test(text)) return text.toLowerCase();
  const found = await get(`/users?invite_code=${encodeURIComponent(text)}`);
  if (found.items.length === 0) throw new Error(t('Nobody has this id or invite code.'));
  return found.items[0].id;
}

export function Users({ id }) {
  const [error, setError] = useState(null);
  const search = async (event) => {
    event.preventDefault();
    setError(null);
    try {
      location.hash = `#/users/${await find(event.target.elements.id.value.trim())}`;
    } catch (problem) {
      setError(problem);
    }
  };
  return html`<h1>${t('Users')}</h1><section><form class="row" onSubmit=${search}>
    <div><label for="id">${t('User id or invite code')}</label><input id="id" name="id" size="38" defaultValue=${id ?? ''} required /></div>
    <button class="main">${t('Find')}</button></form><${Problem} error=${error} /></section>${id && html`<${User} key=${id} id=${id} />`}`;
}

function User({ id }) {
  const found = useLoad(() => get(`/users/${id}`), [id]);
  return html`<${Loaded} from=${found}>${(user) => html`<section><h2>${user.display_name ?? id} ${user.banned_at && html`<${Tag} of="banned" />`}</h2>
    ${user.banned_at && html`<p class="row">${t('Banned since')} ${time(user.banned_at)} ${may('users:write') && html`<${Action} label=${t('Lift the ban')} note=${t('Note')} ask=${t('Rules no longer see the tag.')}
      act=${async (note) => { await post(`/users/${id}/unban`, note ? { note } : {}); found.again(); }} />`}</p>`}<${Figures} of=${[
    [t('Level'), user.level], ['XP', number(user.experience)], [t('Points'), number(user.points)], [t('Wallet'), number(user.wallet_points)],
    [t('Zone'), user.zone], [t('Country'), user.country ?? '–'], [t('Tags'), user.tags.join(', ') || '–'],
    [t('Badges'), user.badges.join(', ') || '–'], [t('Invite code'), user.invite_code], [t('First seen'), time(user.first_seen_at)],
  ]} /></section>
    <div class="grid"><${Calendar} id=${id} /><${Why} id=${id} /></div>
    <${Tasks} id=${id} /><${Rewards} id=${id} /><${Ledger} id=${id} />
    <div class="grid"><${Devices} id=${id} />${may('audit:read') && html`<${Audit} id=${id} />`}</div>`}<//>`;
}

const Tasks = ({ id }) => html`<${Listed} title=${t('Tasks')} path=${`/users/${id}/tasks`}
  head=${['Mission', 'Status', 'Progress', 'Period', 'Started']}
  row=${(task) => [task.mission ?? task.mission_id, html`<${Tag} of=${task.status} />`, `${task.progress.current} / ${task.progress.target}`,
    task.period, time(task.started_at)]} />`;

const REVOCABLE = ['claimed', 'pending', 'held'];

const Rewards = ({ id }) => {
  const [round, setRound] = useState(0);
  return html`${may('rewards:write') && html`<${Grant} id=${id} again=${() => setRound((n) => n + 1)} />`}<${RewardList} key=${round} id=${id} />`;
};

/** A grant by hand. Until it is answered, each try is the same grant. */
function Grant({ id, again }) {
  const [key, setKey] = useState(() => crypto.randomUUID());
  const [busy, setBusy] = useState(false);
  const [told, setTold] = useState('');
  const [error, setError] = useState(null);
  const grant = async (event) => {
    event.preventDefault();
    const form = event.target;
    const { points, experience, badge, reason } = Object.fromEntries(new FormData(form));
    setBusy(true);
    setError(null);
    setTold('');
    try {
      const reward = await post(`/users/${id}/rewards`, {
        points: points || '0', experience_points: Number(experience), badge_id: badge.trim() || null, reason,
      }, key);
      setTold(t(reward.status === 'held' ? 'It waits for the approval of another operator.' : 'It is granted.'));
      form.reset();
      setKey(crypto.randomUUID());
      again();
    } catch (problem) {
      setError(problem);
      // What was refused is not what will be sent next.
      if (problem instanceof Refused && problem.status < 500) setKey(crypto.randomUUID());
    }
    setBusy(false);
  };
  const field = (name, label, more) => html`<div><label for=${`grant-${name}`}>${label}</label><input id=${`grant-${name}`} name=${name} ...${more} /></div>`;
  return html`<section><h2>${t('Grant by hand')}</h2><form class="row" onSubmit=${grant}>
    ${field('points', t('Points'), { inputmode: 'decimal', size: 10 })}${field('experience', 'XP', { type: 'number', min: 0, step: 1 })}
    ${field('badge', t('Badge'), { size: 14, maxlength: 255 })}${field('reason', t('Reason'), { size: 30, maxlength: 1000, required: true })}
    <button class="main" disabled=${busy}>${t('Grant')}</button></form>
    <p role="status">${told}</p><${Problem} error=${error} /></section>`;
}

const RewardList = ({ id }) => html`<${Listed} title=${t('Rewards')} path=${`/users/${id}/rewards`}
  head=${['Type', 'Status', 'Points', 'Earned', 'Action']}
  row=${(reward, again) => [reward.type, html`<${Tag} of=${reward.status} />`, number(reward.total_points), time(reward.earned_at),
    may('rewards:write') && REVOCABLE.includes(reward.status) ? html`<${Action} label=${t('Revoke')} danger=${true} note=${t('Reason')}
      ask=${t('Its points, experience and badge are taken back, with a reversing entry in the wallet.')}
      act=${async (reason) => {
        const kept = await post(`/rewards/${reward.id}/revoke`, { reason });
        if (kept.status !== 'revoked') return t('It waits for the approval of another operator.');
        return again();
      }} />` : '–']} />`;

const Ledger = ({ id }) => html`<${Listed} title=${t('Ledger')} path=${`/users/${id}/ledger`}
  head=${['Type', 'Points', 'Reward', 'Time']}
  row=${(entry) => [html`<${Tag} of=${entry.kind} />`, number(entry.amount), html`<code>${entry.grant_id}</code>`, time(entry.booked_at)]} />`;

const Audit = ({ id }) => html`<${Listed} title=${t('Audit')} path=${`/audit?subject=${id}`} head=${['Time', 'Action', 'By']}
  row=${(one) => [time(one.at), one.action, html`<code>${one.actor ?? '–'}</code>`]} />`;

function Devices({ id }) {
  const found = useLoad(() => get(`/users/${id}/devices`), [id]);
  return html`<section><h2>${t('Devices')}</h2><${Loaded} from=${found}>${(data) => html`<${Table}
    head=${[t('Device'), t('State'), t('First seen'), t('Last seen'), t('Other users')]} rows=${data.items.map((one) => [
      html`<code>${one.device.slice(0, 12)}</code>`, html`<${Tag} of=${one.trusted ? 'trusted' : 'new'} />`, time(one.first_seen_at), time(one.last_seen_at),
      html`<span class=${one.other_users > 0 ? 'bad' : ''}>${number(one.other_users)}</span>`])} />`}<//></section>`;
}

function Calendar({ id }) {
  const [month, setMonth] = useState(new Date().toISOString().slice(0, 7));
  const found = useLoad(() => get(`/users/${id}/checkin?month=${month}`), [id, month]);
  return html`<section><h2>${t('Calendar')}</h2><div class="row"><div><label for="month">${t('Month')}</label>
    <input id="month" type="month" value=${month} onChange=${(event) => event.target.value && setMonth(event.target.value)} /></div></div>
    <${Loaded} from=${found}>${(data) => html`<${Figures} of=${[
      [t('Streak'), data.current_streak], [t('Longest'), data.longest_streak], [t('Total'), data.total_check_ins], [t('Freezes'), data.freezes_held],
    ]} /><${Month} month=${month} days=${data.month.days} />`}<//></section>`;
}

function Month({ month, days }) {
  const [year, index] = month.split('-').map(Number);
  const first = (new Date(Date.UTC(year, index - 1, 1)).getUTCDay() + 6) % 7;
  const length = new Date(Date.UTC(year, index, 0)).getUTCDate();
  const visited = new Map(days.map((day) => [Number(day.date.slice(8)), day]));
  // The fifth of January 2026 is a Monday.
  const weekday = (n) => new Date(Date.UTC(2026, 0, 5 + n)).toLocaleDateString(language(), { weekday: 'short', timeZone: 'UTC' });
  const cell = (n) => {
    const day = visited.get(n + 1);
    const kind = day ? `visited ${day.is_milestone ? 'milestone' : ''}` : '';
    return html`<span class=${kind} title=${day ? `${number(day.points_earned)} ★` : ''}>${n + 1}</span>`;
  };
  return html`<div class="calendar">${[...Array(7).keys()].map((n) => html`<span class="head">${weekday(n)}</span>`)}
    ${[...Array(first).keys()].map(() => html`<span class="head"></span>`)}${[...Array(length).keys()].map(cell)}</div>`;
}

const MARKS = { true: ['✓', 'good'], false: ['✗', 'bad'], null: ['?', 'soft'] };

function Why({ id }) {
  const missions = useLoad(() => get('/missions?limit=200'), []);
  const [answer, setAnswer] = useState(null);
  const [error, setError] = useState(null);
  const explain = async (event) => {
    event.preventDefault();
    setError(null);
    try {
      setAnswer(await get(`/users/${id}/missions/${event.target.elements.mission.value}/explain`));
    } catch (problem) {
      setError(problem);
    }
  };
  const row = (one, n) => {
    const [mark, tone] = MARKS[one.holds ?? null];
    return [html`<span class=${tone}>${mark}</span>`, html`${one.condition}${answer.decided_by === n ? html` <strong>←</strong>` : ''}`,
      html`<code>${JSON.stringify(one.seen)}</code>`];
  };
  return html`<section><h2>${t('Why not?')}</h2><${Loaded} from=${missions}>${(list) => html`<form class="row" onSubmit=${explain}>
      <div><label for="mission">${t('Mission')}</label><select id="mission" name="mission">
        ${list.items.map((one) => html`<option value=${one.id}>${one.title}</option>`)}</select></div><button>${t('Explain')}</button></form>`}<//>
    <${Problem} error=${error} />${answer && html`<p><${Tag} of=${answer.availability} /></p>
      <${Table} head=${[t('Holds'), t('Condition'), t('Seen')]} rows=${answer.conditions.map(row)} />`}</section>`;
}
