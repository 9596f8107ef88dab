// A user's page over the API: missions with progress, claiming, the calendar of check-ins.

import type { components } from './api';

type Schemas = components['schemas'];
type Mission = Schemas['Mission'];
type Task = Schemas['Task'];

const server = new URLSearchParams(location.search).get('server') ?? 'http://127.0.0.1:8080';
let token = '';
let following = false;

/** What the server says no with (RFC 9457). */
class Problem extends Error {
  constructor(readonly code: string, detail: string) {
    super(detail);
  }
}

async function call<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { Authorization: `Bearer ${token}`, 'Accept-Language': navigator.language };
  // A repetition after a lost answer is the same command.
  if (method === 'POST') headers['Idempotency-Key'] = crypto.randomUUID();
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const response = await fetch(`${server}/api/v1${path}`, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  const answer: unknown = await response.json();
  if (!response.ok) {
    const problem = answer as Schemas['Problem'];
    throw new Problem(problem.code, problem.detail);
  }
  return answer as T;
}

async function all<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  for (let cursor = ''; ; ) {
    const page = await call<{ items: T[]; next_cursor: string | null }>('GET', `${path}?limit=200${cursor}`);
    items.push(...page.items);
    if (!page.next_cursor) return items;
    cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
  }
}

function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

function show(error: unknown): void {
  element('problem').textContent = error instanceof Error ? error.message : String(error);
}

/** A button that does something, and shows the page anew. */
function action(label: string, act: () => Promise<unknown>): HTMLButtonElement {
  const button = document.createElement('button');
  button.textContent = label;
  button.onclick = () => {
    button.disabled = true;
    void act().then(() => show(''), show).then(refresh);
  };
  return button;
}

/** The task that matters of a mission: the open one, else the last that can be claimed. */
function taskOf(mission: Mission, tasks: Task[]): Task | undefined {
  const own = tasks.filter((task) => task.mission_id === mission.id);
  return own.find((task) => task.status === 'in_progress' || task.status === 'pending_review') ?? own.find((task) => task.status === 'completed' && !task.reward_claimed);
}

function card(mission: Mission, task: Task | undefined): HTMLLIElement {
  const item = document.createElement('li');
  const title = document.createElement('b');
  title.textContent = String(mission.title);
  const text = document.createElement('p');
  text.textContent = String(mission.description);
  item.append(title, text);
  if (!task) {
    if (!mission.auto_start) item.append(action('Start', () => call('POST', `/missions/${mission.id}/start`)));
    return item;
  }
  const bar = document.createElement('progress');
  bar.max = Math.max(task.progress.target, 1);
  bar.value = task.progress.current;
  bar.title = `${task.progress.current} of ${task.progress.target}`;
  item.append(bar);
  if (task.status === 'pending_review') item.append('somebody looks at it');
  if (task.status === 'completed') item.append(action(`Take ${mission.reward.points} points`, () => call('POST', `/tasks/${task.id}/claim`)));
  return item;
}

function calendar(data: Schemas['Calendar']): void {
  element('streak').textContent = String(data.current_streak);
  element('at-risk').hidden = !data.streak_at_risk;
  element<HTMLButtonElement>('check-in').disabled = !data.can_check_in_today;
  const done = new Map(data.month.days.map((day) => [Number(day.date.slice(8)), day]));
  const now = new Date();
  const days = new Date(now.getFullYear(), now.getMonth() + 1, 0).getDate();
  element('days').replaceChildren(...Array.from({ length: days }, (_, n) => {
    const cell = document.createElement('span');
    const day = done.get(n + 1);
    cell.textContent = String(n + 1);
    cell.className = day ? 'done' : '';
    if (day) cell.title = `${day.points_earned} points`;
    return cell;
  }));
}

async function refresh(): Promise<void> {
  const [profile, month, missions, tasks] = await Promise.all([
    call<Schemas['Profile']>('GET', '/me'), call<Schemas['Calendar']>('GET', '/checkin'), all<Mission>('/missions'), all<Task>('/tasks'),
  ]);
  element('level').textContent = String(profile.level);
  element('points').textContent = String(profile.points);
  calendar(month);
  element('missions').replaceChildren(...missions.filter((mission) => mission.status === 'active').map((mission) => card(mission, taskOf(mission, tasks))));
  element('mine').hidden = false;
}

/** Shows the page anew whenever an event of the user left the server; comes again where the connection breaks. */
async function follow(): Promise<void> {
  for (let last = ''; ; ) {
    try {
      const headers: Record<string, string> = { Authorization: `Bearer ${token}` };
      if (last) headers['Last-Event-ID'] = last;
      const response = await fetch(`${server}/api/v1/stream`, { headers });
      if (!response.ok || !response.body) return;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ''; ; ) {
        const { value, done } = await reader.read();
        if (done) break;
        const messages = (rest + value).split('\n\n');
        rest = messages.pop() ?? '';
        const ids = messages.flatMap((message) => /^id: (.*)$/m.exec(message)?.[1] ?? []);
        last = ids.at(-1) ?? last;
        // Without an id comes `gap`: something was missed.
        if (messages.some((message) => message.includes('event: '))) await refresh();
      }
    } catch {
      // The network is away; the next try may find it.
    }
    await new Promise((wait) => setTimeout(wait, 2000));
  }
}

element<HTMLFormElement>('sign-in').onsubmit = (event) => {
  event.preventDefault();
  token = element<HTMLInputElement>('token').value.trim();
  void refresh().then(() => { show(''); if (!following) { following = true; void follow(); } }, show);
};
element('check-in').onclick = () => void call('POST', '/checkin').then(() => show(''), show).then(refresh);
