// Figures over time, as a chart, a table of sums and a file.

import { html, useMemo, useState } from './vendor/htm-preact.js';
import { get } from './api.js';
import { Chart, Figures, Loaded, Table, useLoad } from './parts.js';
import { number, t } from './text.js';

const COUNTS = ['started', 'completed', 'check_ins', 'claims'];
const day = (offset) => new Date(Date.now() + offset * 86400e3).toISOString().slice(0, 10);

export function Analytics() {
  const [asked, setAsked] = useState({ from: day(-30), to: day(1), bucket: 'day', mission: '' });
  const missions = useLoad(() => get('/missions?limit=200'), []);
  const query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value)).toString();
  const found = useLoad(() => get(`/analytics?${query}`), [query]);
  const set = (name) => (event) => event.target.value !== asked[name] && setAsked({ ...asked, [name]: event.target.value });
  return html`<h1>${t('Analytics')}</h1><section><div class="row">
    <div><label for="from">${t('From')}</label><input id="from" type="date" value=${asked.from} onChange=${set('from')} /></div>
    <div><label for="to">${t('To')}</label><input id="to" type="date" value=${asked.to} onChange=${set('to')} /></div>
    <div><label for="bucket">${t('Step')}</label><select id="bucket" value=${asked.bucket} onChange=${set('bucket')}><option value="hour">hour</option><option value="day">day</option></select></div>
    <div><label for="mission">${t('Mission')}</label><select id="mission" value=${asked.mission} onChange=${set('mission')}><option value="">${t('All')}</option>${(missions.data?.items ?? []).map((one) => html`<option value=${one.id}>${one.title}</option>`)}</select></div></div></section>
    <${Loaded} from=${found}>${(data) => html`<${Figured} data=${data} />`}<//>
    ${!asked.mission && html`<${ByMission} from=${asked.from} to=${asked.to} missions=${missions.data?.items ?? []} /><${Streaks} from=${asked.from} to=${asked.to} />`}`;
}

function Figured({ data }) {
  const series = data.series;
  const { times, counts, points } = useMemo(() => ({
    times: series.map((one) => Date.parse(one.start) / 1000),
    counts: COUNTS.map((name) => ({ label: t(name.replace('_', '-')), values: series.map((one) => one[name]) })),
    points: [{ label: t('Points'), values: series.map((one) => Number(one.points)) }],
  }), [series]);
  const sum = (name) => series.reduce((all, one) => all + Number(one[name]), 0);
  const save = () => saveCsv('analytics.csv', ['start', ...COUNTS, 'points', 'verification_success_rate'], series);
  return html`<section><${Figures} of=${[...COUNTS, 'points'].map((name) => [t(name.replace('_', '-')), number(sum(name))])} /></section>
    <section><${Chart} times=${times} series=${counts} /></section><section><h2>${t('Points')}</h2><${Chart} times=${times} series=${points} /></section>
    <p><button onClick=${save}>CSV</button></p>`;
}

/** What each mission, or each category of them, brought and cost. */
function ByMission({ from, to, missions }) {
  const [by, setBy] = useState('mission');
  const found = useLoad(() => get(`/analytics/missions?${new URLSearchParams({ from, to })}`), [from, to]);
  const titles = new Map(missions.map((one) => [one.id, one.title]));
  const names = [by, ...PARTS];
  return html`<section><h2>${t('Compared')}</h2><div class="row"><div><label for="by">${t('By')}</label>
    <select id="by" value=${by} onChange=${(event) => setBy(event.target.value)}>
      <option value="mission">${t('Mission')}</option><option value="category">${t('Category')}</option></select></div></div>
    <${Loaded} from=${found}>${(data) => {
      const items = by === 'category' ? byCategory(data.items) : data.items.map((one) => ({ ...one, mission: one.code }));
      const name = (one) => (by === 'category' ? one.category : html`<a href="#/missions/${one.mission_id}">${titles.get(one.mission_id) ?? one.code}</a>`);
      return html`<${Table} head=${[t(by === 'category' ? 'Category' : 'Mission'), ...PARTS.map(t)]}
        rows=${items.map((one) => [name(one), ...PARTS.map((part) => number(one[part]))])} />
        <p><button onClick=${() => saveCsv(`analytics-${by}.csv`, names, items)}>CSV · ${t('Compared')}</button></p>`;
    }}<//></section>`;
}

/** How long streaks are, and how many of each length go on. */
function Streaks({ from, to }) {
  const found = useLoad(() => get(`/analytics/streaks?${new URLSearchParams({ from, to })}`), [from, to]);
  return html`<section><h2>${t('Streaks')}</h2><${Loaded} from=${found}>${(data) => html`<${StreakFigures} data=${data} />`}<//></section>`;
}

/** The bounds of the lengths that the chart shows together. */
const LENGTHS = [[1, 1], [2, 6], [7, 29], [30, 366]];

function StreakFigures({ data }) {
  const { times, series } = useMemo(() => ({
    times: data.days.map((day) => Date.parse(day.date) / 1000),
    series: LENGTHS.map(([first, last]) => ({
      label: `${first === last ? first : last === 366 ? `${first}+` : `${first}–${last}`} ${t('days')}`,
      values: data.days.map((day) => day.lengths.filter((one) => one.length >= first && one.length <= last).reduce((all, one) => all + one.users, 0)),
    })),
  }), [data]);
  const length = (one) => (one.length === 366 ? '366+' : one.length);
  const rows = data.days.flatMap((day) => day.lengths.map((one) => ({ date: day.date, complete: day.complete, ...one, length: length(one) })));
  return html`<${Chart} times=${times} series=${series} />
    <${Table} head=${['Length', 'Check-ins', 'Back the next day', 'Part'].map(t)} empty=${t('No day is over yet.')}
      rows=${data.lengths.map((one) => [length(one), number(one.users), number(one.returned), one.retention === null ? '–' : `${number(one.retention * 100)} %`])} />
    <p><button onClick=${() => saveCsv('streaks.csv', ['date', 'length', 'users', 'returned', 'retention', 'complete'], rows)}>CSV · ${t('Streaks')}</button></p>`;
}

const PARTS = ['started', 'completed', 'claims', 'points'];

/** The sums of each category, the dearest first. */
function byCategory(items) {
  const sums = new Map();
  for (const one of items) {
    const sum = sums.get(one.category) ?? { category: one.category, ...Object.fromEntries(PARTS.map((part) => [part, 0])) };
    for (const part of PARTS) sum[part] += Number(one[part]);
    sums.set(one.category, sum);
  }
  return [...sums.values()].sort((a, b) => b.points - a.points);
}

function saveCsv(file, names, items) {
  const cell = (value) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const lines = [names, ...items.map((one) => names.map((name) => cell(String(one[name] ?? ''))))].map((cells) => cells.join(','));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([`${lines.join('\n')}\n`], { type: 'text/csv' }));
  link.download = file;
  link.click();
  URL.revokeObjectURL(link.href);
}
