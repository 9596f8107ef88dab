// Missions: the list, and one with its funnel, health and definition.

import { html, useState } from './vendor/htm-preact.js';
import { get, may, post } from './api.js';
import { Action, Figures, Json, Loaded, More, Problem, Tag, useLoad, usePages, Table } from './parts.js';
import { number, t, time } from './text.js';

const STATUSES = ['active', 'paused', 'draft', 'archived'];
const span = (mission) => (mission.starts_at || mission.ends_at ? `${time(mission.starts_at)} – ${time(mission.ends_at)}` : '–');
const offer = (reward) => [
  Number(reward.points) > 0 && `${number(reward.points)} ★`, reward.experience_points > 0 && `${reward.experience_points} XP`,
  Number(reward.mining_boost_percent) > 0 && `+${reward.mining_boost_percent} %`, reward.badge_id,
].filter(Boolean).join(' · ') || '–';

export function Missions() {
  const [status, setStatus] = useState('active');
  const pages = usePages((cursor) => get(`/missions?status=${status}&limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`), [status]);
  const rows = pages.items.map((mission) => [
    html`<a href="#/missions/${mission.id}">${mission.title}</a><br /><code>${mission.code}</code>`, html`<${Tag} of=${mission.status} />`,
    mission.type, mission.frequency, mission.category || '–', offer(mission.reward), span(mission), mission.pack ?? '–',
  ]);
  return html`<h1>${t('Missions')}</h1><section>
    <div class="row"><div><label for="status">${t('Status')}</label><select id="status" value=${status} onChange=${(event) => setStatus(event.target.value)}>
      ${STATUSES.map((one) => html`<option value=${one}>${one}</option>`)}</select></div></div>
    ${!pages.loading && html`<${Table} head=${[t('Title'), t('Status'), t('Type'), t('Frequency'), t('Category'), t('Reward'), t('Window'), t('Pack')]} rows=${rows} />`}
    <${More} pages=${pages} /></section>`;
}

export function Mission({ id }) {
  const found = useLoad(() => get(`/missions/${id}`), [id]);
  return html`<${Loaded} from=${found}>${(mission) => html`<${Page} mission=${mission} again=${found.again} />`}<//>`;
}

const MOVES = { draft: ['activate'], active: ['pause', 'archive'], paused: ['activate', 'archive'], archived: [] };
const LABELS = { activate: 'Activate', pause: 'Pause', archive: 'Archive' };
const ASKS = {
  activate: 'Users can start it from then on.',
  pause: 'Nobody can start it or go on with it until it is activated again. Running tasks stay as they are.',
  archive: 'Nobody can start it or go on with it again, ever. What is completed can still be claimed.',
};

function Page({ mission, again }) {
  const moves = may('missions:write') ? MOVES[mission.status] : [];
  const health = mission.health;
  return html`<p><a href="#/missions">← ${t('Missions')}</a></p><h1>${mission.title} <${Tag} of=${mission.status} /></h1>
    <section><p>${mission.description}</p>
      <${Figures} of=${[[t('Code'), mission.code], [t('Frequency'), mission.frequency], [t('Priority'), mission.priority], [t('Reward'), offer(mission.reward)],
        [t('Window'), span(mission)], [t('Budget'), mission.budget ? [mission.budget.max_points && `${number(mission.budget.max_points)} ★`, mission.budget.max_grants && `${number(mission.budget.max_grants)} ×`].filter(Boolean).join(', ') : '–'],
        [t('Pack'), mission.pack ?? '–'], [t('Version'), mission.version]]} />
      <div class="row">${moves.map((move) => html`<${Action} label=${t(LABELS[move])} danger=${move === 'archive'} ask=${ASKS[move]}
        act=${async () => { await post(`/missions/${mission.id}/${move}`); again(); }} />`)}</div></section>
    <div class="grid"><${Funnel} mission=${mission} />
      ${health && html`<section><h2>${t('Health')}</h2><${Figures} of=${[['rule failures, last hour', html`<span class=${health.failures_last_hour > 0 ? 'bad' : 'good'}>${health.failures_last_hour}</span>`], ['since', time(health.since)]]} />
        ${health.last_reason && html`<pre>${health.last_reason}</pre>`}</section>`}</div>
    ${mission.script && html`<section><h2>${t('Script')}</h2><pre tabindex="0">${mission.script}</pre><p><a href="#/playground/${mission.id}">${t('Playground')}</a></p></section>`}
    <section><h2>${t('Definition')}</h2><${Json} of=${mission} /></section>`;
}

function Funnel({ mission }) {
  if (!may('analytics:read')) return null;
  const from = new Date(Date.now() - 30 * 86400e3).toISOString().slice(0, 10);
  const found = useLoad(() => get(`/analytics?bucket=day&from=${from}&mission=${mission.id}`), [mission.id]);
  return html`<section><h2>${t('Funnel, last 30 days')}</h2><${Loaded} from=${found}>${(data) => {
    const sum = (name) => data.series.reduce((all, point) => all + Number(point[name]), 0);
    const most = Math.max(sum('started'), 1);
    return html`<div class="funnel">${[['started', 'started'], ['completed', 'completed'], ['claimed', 'claims']].map(([label, name]) => html`<div>
      <label>${t(label)}: ${number(sum(name))}<progress max=${most} value=${Math.min(sum(name), most)}></progress></label></div>`)}</div>
      <p class="soft">${t('Points')}: ${number(sum('points'))}</p>`;
  }}<//></section>`;
}
