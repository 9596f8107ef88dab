// Does in a real browser, once each, what the console is for, on the real server.
//
//   node console.mjs MISSION-SERVER [--images FOLDER]
//
// Fails on an error in the browser's console, a request to elsewhere, what the Content-Security-Policy stops, and what axe finds
// serious. With --images it writes the pictures of the documentation.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const [program, option, images] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'console-'));
const server = spawn(resolve(program), ['--dev', '--listen', '127.0.0.1:0'], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
let printed = '';
server.stdout.on('data', (data) => { printed += data; });

async function until(what, found, patience = 20_000) {
  const end = Date.now() + patience;
  for (;;) {
    const value = await found();
    if (value) return value;
    assert(Date.now() < end, `in vain waited for ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

const url = await until('the server', () => /listening on (\S+)/.exec(printed)?.[1]);
const [token, admin] = await until('the tokens', () => {
  const found = [/user token\s+(\S+)/, /admin token\s+(\S+)/].map((line) => line.exec(printed)?.[1]);
  return found.every(Boolean) && found;
});
const user = JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).sub;

async function call(as, method, path, body, headers = {}) {
  const answer = await fetch(`${url}/api/v1${path}`, { method, body: body && JSON.stringify(body), headers: { Authorization: `Bearer ${as}`, ...(body && { 'Content-Type': 'application/json' }), ...headers } });
  assert(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

const watched = (id) => ({ specversion: '1.0', id, source: '/test', type: 'video.watched', subject: user, data: { video_id: id, seconds: 40 } });
const faults = [];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

async function open(size = { width: 1200, height: 850 }) {
  const context = await browser.newContext({ viewport: size, locale: 'en-US' });
  const page = await context.newPage();
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && faults.push(message.text()));
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('request', (request) => !request.url().startsWith(url) && !request.url().startsWith('data:') && !request.url().startsWith('blob:') && faults.push(`a request to ${request.url()}`));
  return page;
}

async function accessible(page, where) {
  const found = await page.evaluate(`${axe}; axe.run(document, { resultTypes: ['violations'] })`);
  const serious = found.violations.filter((one) => ['serious', 'critical'].includes(one.impact));
  assert.deepEqual(serious.map((one) => [one.id, one.nodes[0].html]), [], where);
}

const picture = (page, name) => (option === '--images' ? page.screenshot({ path: join(images, `console-${name}.png`) }) : undefined);
const shows = (page, text) => page.getByText(text, { exact: false }).first().waitFor();
const go = async (page, name) => {
  await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
};

try {
  await call(admin, 'POST', '/events', ['a', 'b', 'c'].map(watched));
  const page = await open();
  const begun = Date.now();
  await page.goto(`${url}/console`);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  console.log(`first paint after ${Date.now() - begun} ms`);

  // What is no token is said to be none; what is one opens the pages that it may see.
  await page.getByLabel('Token').fill('nonsense');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await shows(page, 'This is no token');
  await accessible(page, 'sign in');
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { name: 'Missions' }).waitFor();
  assert.deepEqual(await page.getByRole('navigation').getByRole('link').allTextContents(), ['Missions', 'Operations'], 'a user sees no operator’s pages');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in as a developer' }).click();

  // A mission, paused and activated.
  await page.getByRole('link', { name: 'Watch 3 videos' }).waitFor();
  await accessible(page, 'missions');
  await picture(page, 'missions');
  await page.getByRole('link', { name: 'Watch 3 videos' }).click();
  await shows(page, 'completed: 1');
  await accessible(page, 'a mission');
  await picture(page, 'mission');
  for (const [move, status] of [['Pause', 'paused'], ['Activate', 'active']]) {
    await page.getByRole('button', { name: move }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Confirm' }).click();
    await page.getByRole('heading', { level: 1 }).getByText(status).waitFor();
  }

  // A script with a mistake, then without, and run.
  await page.getByText('Open tasks').first().waitFor();

  // What its pack was, and the way back to it.
  const pack = await call(admin, 'GET', '/packs/starter');
  const watch = 'missions/watch-3-videos.toml';
  await call(admin, 'PUT', '/packs/starter', { files: { ...pack.files, [watch]: pack.files[watch].replace('points = "50"', 'points = "60"') } });
  await page.getByRole('link', { name: 'starter' }).first().click();
  await page.getByRole('heading', { name: 'What changed: 1 → 2' }).waitFor();
  await shows(page, '+ points = "60"');
  await accessible(page, 'a pack');
  await picture(page, 'pack');
  await page.getByRole('button', { name: 'Roll back' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Confirm' }).click();
  await page.getByRole('heading', { name: 'What changed: 2 → 3' }).waitFor();
  await shows(page, '+ points = "50"');

  // The cases of its pack, with the script as it is edited; a recorded event as the context.
  await page.goto(`${url}/console#/playground/${(await call(token, 'GET', '/missions?limit=200')).items.find((one) => one.code === 'watch-3-videos').id}`);
  await page.getByRole('button', { name: 'Run the cases' }).click();
  await page.getByText(/passed: ([0-9]+) . \1$/).waitFor();
  await page.getByLabel('Events of user').fill(user);
  await page.getByRole('button', { name: 'Load' }).click();
  await page.getByRole('button', { name: 'Take' }).first().click();
  assert.match(await page.getByRole('textbox', { name: 'Context' }).inputValue(), /"video_id": "a"/);
  await accessible(page, 'the playground of a mission');
  await picture(page, 'cases');
  await go(page, 'Missions');
  await go(page, 'Playground');
  const script = page.getByRole('textbox', { name: 'Script' });
  await script.fill('fn eligible(ctx) { ctx.user.lvel > 2 }');
  await shows(page, 'did you mean');
  await script.fill('fn eligible(ctx) {\n    ctx.user.level >= 3 && !("banned" in ctx.user.tags)\n}\n');
  await shows(page, 'eligible: compiled');
  await page.getByRole('button', { name: 'Run' }).click();
  await shows(page, 'ctx.user.level = 4');
  await accessible(page, 'playground');
  await page.getByRole('textbox', { name: 'Context' }).fill('{');
  await page.getByRole('button', { name: 'Run' }).click();
  await page.getByRole('alert').waitFor();

  // A review, approved.
  const missions = await call(token, 'GET', '/missions?limit=200');
  const social = missions.items.find((one) => one.code === 'post-about-us');
  const task = await call(token, 'POST', `/missions/${social.id}/start`);
  await call(token, 'POST', `/tasks/${task.id}/progress`, { value: 1 });
  await call(token, 'POST', `/tasks/${task.id}/evidence`, { type: 'social_proof', screenshot_url: `https://img.example/${randomUUID()}.png` });
  await go(page, 'Reviews');
  await page.getByRole('link', { name: 'evidence' }).click();
  await shows(page, 'img.example');
  await accessible(page, 'a review');
  await picture(page, 'review');
  await page.locator('body').press('a');
  await page.getByRole('dialog').getByRole('textbox').fill('looks good');
  await page.getByRole('dialog').getByRole('button', { name: 'Confirm' }).click();
  await shows(page, 'Note: looks good');

  // A user: why not, and a reward revoked.
  await call(token, 'POST', '/checkin', undefined, { 'X-Device-Id': 'a-phone' });
  await go(page, 'Users');
  await page.getByLabel('User id or invite code').fill('NOBODYSCODE0');
  await page.getByRole('button', { name: 'Find' }).click();
  await shows(page, 'Nobody has this');
  await page.getByLabel('User id or invite code').fill((await call(token, 'GET', '/me')).invite_code);
  await page.getByRole('button', { name: 'Find' }).click();
  await shows(page, 'CHECKIN_DAILY');
  await page.getByRole('button', { name: 'Explain' }).click();
  await shows(page, 'the mission is active');
  await shows(page, 'trusted');
  await accessible(page, 'a user');
  await picture(page, 'user');
  await page.getByRole('row', { name: /CHECKIN_DAILY/ }).getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('dialog').getByRole('textbox').fill('a test');
  await page.getByRole('dialog').getByRole('button', { name: 'Confirm' }).click();
  await page.getByRole('row', { name: /CHECKIN_DAILY/ }).getByText('revoked').waitFor();

  await page.locator('#grant-points').fill('12.5');
  await page.locator('#grant-reason').fill('a goodwill');
  await page.getByRole('button', { name: 'Grant', exact: true }).click();
  await shows(page, 'It is granted.');
  await page.getByRole('row', { name: /MANUAL_GRANT/ }).getByText('claimed').waitFor();

  // Charts and a file; events as they happen; the audit.
  await go(page, 'Analytics');
  await page.locator('canvas').first().waitFor();
  await accessible(page, 'analytics');
  await picture(page, 'analytics');
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'CSV', exact: true }).click();
  assert.match(readFileSync(await (await download).path(), 'utf8'), /^start,started,completed,check_ins,claims,points/);
  await page.getByRole('link', { name: 'Watch 3 videos' }).waitFor();
  await page.getByLabel('By', { exact: true }).selectOption('category');
  await page.getByRole('cell', { name: 'engagement' }).first().waitFor();
  await page.getByRole('heading', { name: 'Streaks' }).waitFor();
  const streaks = page.waitForEvent('download');
  await page.getByRole('button', { name: 'CSV · Streaks' }).click();
  assert.match(readFileSync(await (await streaks).path(), 'utf8'), /^date,length,users,returned,retention,complete\n[-0-9]+,1,1,0,0,false\n/);
  await go(page, 'Operations');
  await shows(page, 'from `--dev`');
  await page.getByRole('heading', { name: 'Scripts that take longest' }).waitFor();
  await shows(page, 'RevokeReward');
  await page.waitForTimeout(500);
  const done = (await call(token, 'GET', '/tasks?mission=watch-3-videos')).items[0];
  await call(token, 'POST', `/tasks/${done.id}/claim`);
  await shows(page, 'RewardClaimedEvent');
  const survey = await call(token, 'POST', `/missions/${missions.items.find((one) => one.code === 'answer-survey').id}/start`);
  await call(token, 'POST', `/tasks/${survey.id}/progress`, { value: 3 });
  await shows(page, 'TaskProgressedEvent');
  await shows(page, '3 / 10, in progress');
  await accessible(page, 'operations');
  await picture(page, 'operations');

  // Another language on every page, with nothing left in English; and a phone in the dark.
  await page.getByLabel('Language').selectOption('vi');
  await page.getByRole('navigation').getByRole('link', { name: 'Nhiệm vụ' }).waitFor();
  const vi = ['missions', `missions/${social.id}`, 'packs', 'packs/starter', `playground/${social.id}`, 'reviews', 'rings', 'users', `users/${user}`, 'analytics', 'operations'];
  for (const path of vi) {
    await page.goto(`${url}/console#/${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await until(path, async () => (await page.getByText('Đang tải…').count()) === 0);
  }
  assert.deepEqual(await page.evaluate("import('/console/text.js').then((text) => [...text.untranslated])"), [], 'texts without a translation');
  const phone = await open({ width: 380, height: 720 });
  await phone.emulateMedia({ colorScheme: 'dark' });
  await phone.goto(`${url}/console/`);
  await phone.getByRole('button', { name: 'Sign in as a developer' }).click();
  await phone.getByRole('link', { name: 'Watch 3 videos' }).waitFor();
  assert(await phone.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'a phone does not scroll sideways');
  await accessible(phone, 'a phone in the dark');
  await picture(phone, 'phone');
  assert.deepEqual(faults, []);
  console.log('the console does what it is for');
} finally {
  await browser.close();
  server.kill();
  rmSync(folder, { recursive: true, force: true });
}
