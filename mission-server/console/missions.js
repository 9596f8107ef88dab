// Missions: the list with what each does, and one with its funnel, budget, health and definition.

import { html, useState } from './vendor/htm-preact.js';
import { get, may, post } from './api.js';
import { Action, Figures, Json, Loaded, More, Share, Table, Tag, useLoad, usePages } from './parts.js';
import { day, number, t, time } from './text.js';

const STATUSES = ['active', 'paused', 'draft', 'archived'];
const DAYS = 30;

const windowOf = (mission) => (mission.starts_at || mission.ends_at ? `${day(mission.starts_at)} – ${day(mission.ends_at)}` : '–');
const offer = (reward) => [
  Number(reward.points) > 0 && `${number(reward.points)} ★`,
  reward.experience_points > 0 && `${reward.experience_points} XP`,
  Number(reward.mining_boost_percent) > 0 && `+${reward.mining_boost_percent} %`,
  reward.badge_id,
].filter(Boolean).join(' · ') || '–';
const since = (days) => new Date(Date.now() - days * 86400e3).toISOString().slice(0, 10);

/** What was done with each mission of late, by its id; nothing for who may not see it. */
async function counts() {
  if (!may('analytics:read')) return new Map();
  const found = await get(`/analytics/missions?from=${since(DAYS)}`);
  return new Map(found.items.map((one) => [one.mission_id, one]));
}

function Budget({ mission }) {
  const { budget, budget_used: used } = mission;
  if (!budget) return used ? `${number(used.points)} ★` : '–';
  const limits = [['points', budget.max_points, '★'], ['grants', budget.max_grants, '×']];
  return limits.filter(([, most]) => most != null).map(([name, most, unit]) => html`
    <${Share} label=${`${t('Budget')}, ${name}`} part=${used?.[name]} of=${most} unit=${unit} />`);
}

const Health = ({ of: health }) => (health
  ? html`<span class=${health.failures_last_hour > 0 ? 'bad' : 'good'}>${number(health.failures_last_hour)}</span>`
  : '–');

const Pack = ({ name }) => (name && may('missions:write') ? html`<a href="#/packs/${name}">${name}</a>` : name ?? '–');

export function Missions() {
  const [status, setStatus] = useState('active');
  const [category, setCategory] = useState('');
  const wanted = `status=${status}${category ? `&category=${encodeURIComponent(category)}` : ''}`;
  const pages = usePages(`/missions?${wanted}`, 100);
  const done = useLoad(counts, []);
  const rows = pages.items.map((mission) => {
    const of = done.data?.get(mission.id);
    return [
      html`<a href="#/missions/${mission.id}">${mission.title}</a><br /><code>${mission.code}</code>
        <span class="soft"> · ${mission.category} · ${mission.frequency.replace('_', ' ')}</span>`,
      html`<${Tag} of=${mission.status} />${mission.shadow && html` <${Tag} of=${t('shadow')} />`}`, offer(mission.reward),
      html`<${Budget} mission=${mission} />`, of ? `${number(of.started)} → ${number(of.completed)} → ${number(of.claims)}` : '–',
      html`<${Health} of=${mission.health} />`, windowOf(mission), html`<${Pack} name=${mission.pack} />`,
    ];
  });
  const head = ['Title', 'Status', 'Reward', 'Budget', 'Started, completed, claimed', 'Rule failures', 'Window', 'Pack'];
  return html`<h1>${t('Missions')}</h1><section>
    <div class="row">
      <div><label for="status">${t('Status')}</label><select id="status" value=${status} onChange=${(event) => setStatus(event.target.value)}>
        ${STATUSES.map((one) => html`<option value=${one}>${one}</option>`)}</select></div>
      <div><label for="category">${t('Category')}</label>
        <input id="category" value=${category} onChange=${(event) => setCategory(event.target.value.trim())} /></div></div>
    ${!pages.loading && html`<${Table} head=${head.map(t)} rows=${rows} />`}
    <${More} pages=${pages} /></section>`;
}

export function Mission({ id }) {
  const found = useLoad(() => get(`/missions/${id}`), [id]);
  return html`<${Loaded} from=${found}>${(mission) => html`<${Page} mission=${mission} again=${found.again} />`}<//>`;
}

const MOVES = { draft: ['activate'], active: ['pause', 'archive'], paused: ['activate', 'archive'], archived: [] };
const LABELS = { activate: 'Activate', pause: 'Pause', archive: 'Archive' };
const QUESTIONS = {
  activate: 'Users can start it from then on.',
  pause: 'Nobody can start it or go on with it until it is activated again. Running tasks stay as they are.',
  archive: 'Nobody can start it or go on with it again, ever. What is completed can still be claimed.',
};

function Page({ mission, again }) {
  const moves = may('missions:write') ? MOVES[mission.status] : [];
  const { health } = mission;
  return html`<p><a href="#/missions">← ${t('Missions')}</a></p><h1>${mission.title} <${Tag} of=${mission.status} />
    ${mission.shadow && html` <${Tag} of=${t('shadow')} />`}</h1>
    <section><p>${mission.description}</p>
      <${Figures} of=${[
        [t('Code'), mission.code], [t('Frequency'), mission.frequency], [t('Priority'), mission.priority], [t('Reward'), offer(mission.reward)],
        [t('Window'), windowOf(mission)], [t('Budget'), html`<${Budget} mission=${mission} />`], [t('Pack'), html`<${Pack} name=${mission.pack} />`],
        [t('Version'), mission.version], ...(mission.open_task_count == null ? [] : [[t('Open tasks'), number(mission.open_task_count)]]),
      ]} />
      <div class="row">${moves.map((move) => html`<${Action} label=${t(LABELS[move])} danger=${move === 'archive'}
        ask=${`${t(QUESTIONS[move])} ${t('Open tasks')}: ${number(mission.open_task_count)}.`}
        act=${async () => { await post(`/missions/${mission.id}/${move}`); again(); }} />`)}</div></section>
    ${mission.shadow && html`<${Shadow} mission=${mission} />`}
    <div class="grid"><${Funnel} mission=${mission} />
      ${health && html`<section><h2>${t('Health')}</h2>
        <${Figures} of=${[[t('Rule failures, last hour'), html`<${Health} of=${health} />`], [t('Since'), time(health.since)]]} />
        ${health.last_reason && html`<pre>${health.last_reason}</pre>`}</section>`}
      <${Changes} mission=${mission} /></div>
    ${mission.script && html`<section><h2>${t('Script')}</h2><pre tabindex="0">${mission.script}</pre>
      <p><a href="#/playground/${mission.id}">${t('Playground')}</a></p></section>`}
    <section><h2>${t('Definition')}</h2><${Json} of=${mission} /></section>`;
}

const NOTHING = { started: 0, completed: 0, claims: 0, points: 0 };

/** How many start, finish and are paid; and how much of the evidence is refused. */
function Funnel({ mission }) {
  if (!may('analytics:read')) return null;
  const found = useLoad(counts, [mission.id]);
  return html`<section><h2>${t('Funnel, last 30 days')}</h2><${Loaded} from=${found}>${(missions) => {
    const of = missions.get(mission.id) ?? NOTHING;
    const most = Math.max(of.started, of.completed, of.claims, 1);
    const good = of.verification_success_rate;
    return html`<div class="funnel">${['started', 'completed', 'claims'].map((name) => html`<div>
      <label>${t(name)}: ${number(of[name])}<progress max=${most} value=${of[name]}></progress></label></div>`)}</div>
      <p class="soft">${t('Points')}: ${number(of.points)}${good == null ? '' : ` · ${t('Evidence refused')}: ${number(100 - 100 * good)} %`}</p>`;
  }}<//></section>`;
}

const totals = (code, of) => [html`<code>${code}</code>`, ...['started', 'completed', 'grants', 'points'].map((name) => number(of[name]))];

/** What a shadow mission would have granted, and for whom it differs from the mission that pays. */
function Shadow({ mission }) {
  const found = useLoad(() => get(`/missions/${mission.id}/shadow`), [mission.id]);
  return html`<section><h2>${t('What it would have granted')}</h2><${Loaded} from=${found}>${(report) => {
    const { shadow, live, completed_by: by, differences } = report;
    const rows = [totals(report.mission, shadow), ...(live ? [totals(report.shadow_of, live)] : [])];
    return html`<p class="soft">${t('Since')}: ${time(report.since)} · ${t('Users')}: ${number(report.users)}${report.is_partial ? '+' : ''}</p>
      <${Table} head=${['Mission', 'started', 'completed', 'Rewards', 'Points'].map(t)} rows=${rows} />
      ${by && html`<${Figures} of=${[[t('Completed both'), number(by.both)], [t('The shadow mission only'), number(by.shadow_only)],
        [t('The other only'), number(by.live_only)]]} />`}
      ${differences.length > 0 && html`<h3>${t('Largest differences')}</h3>
        <${Table} head=${['User', 'Difference', 'Would have', 'Has'].map(t)} rows=${differences.map((one) => [
          html`<a href="#/users/${one.user_id}"><code>${one.user_id}</code></a>`, number(one.points), number(one.shadow.points), number(one.live.points)])} />`}`;
  }}<//></section>`;
}

/** Who changed it, and when. */
function Changes({ mission }) {
  if (!may('audit:read')) return null;
  const found = useLoad(() => get(`/audit?subject=${mission.id}&limit=10`), [mission.id, mission.version]);
  return html`<section><h2>${t('Changes')}</h2><${Loaded} from=${found}>${(data) => html`
    <${Table} head=${[t('Time'), t('Action'), t('By')]} rows=${data.items.map((one) => [time(one.at), one.action, html`<code>${one.actor ?? '–'}</code>`])} />
    ${mission.pack && html`<p><a href="#/packs/${mission.pack}">${t('Versions of its pack')}</a></p>`}`}<//></section>`;
}
