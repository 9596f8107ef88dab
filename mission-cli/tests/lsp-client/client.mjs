// An editor's own client library against `mission lsp`: `node client.mjs PROGRAM`.
// A pack with a misspelled field is opened, looked at, and corrected by what the server offers.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  CodeActionRequest,
  CompletionRequest,
  DefinitionRequest,
  DidChangeTextDocumentNotification,
  DidOpenTextDocumentNotification,
  ExitNotification,
  HoverRequest,
  InitializeRequest,
  InitializedNotification,
  PublishDiagnosticsNotification,
  RegistrationRequest,
  ShutdownRequest,
  StreamMessageReader,
  StreamMessageWriter,
  createProtocolConnection,
} from "vscode-languageserver-protocol/node";

const program = resolve(process.argv[2]);
const folder = mkdtempSync(join(tmpdir(), "mission-lsp-"));
const pack = join(folder, "demo");
assert.equal(spawnSync(program, ["new", pack], { stdio: "inherit" }).status, 0);

const server = spawn(program, ["lsp", "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
const exited = new Promise((done) => server.on("exit", done));
const connection = createProtocolConnection(new StreamMessageReader(server.stdout), new StreamMessageWriter(server.stdin));
const slow = setTimeout(() => {
  console.error("the server did not answer in time");
  server.kill();
  process.exit(1);
}, 60_000);

/** What was last published of each file, and who waits for more. */
const published = new Map();
let waiting = [];
connection.onNotification(PublishDiagnosticsNotification.type, (params) => {
  published.set(params.uri, params);
  waiting = waiting.filter((look) => !look());
});
const watched = new Promise((done) => connection.onRequest(RegistrationRequest.type, done));
connection.listen();

/** The findings of a version of a file. */
function findings(uri, version) {
  return new Promise((done) => {
    const look = () => {
      const last = published.get(uri);
      if (last?.version !== version) return false;
      done(last.diagnostics);
      return true;
    };
    if (!look()) waiting.push(look);
  });
}

const uriOf = (path) => pathToFileURL(join(pack, path)).href;
const script = uriOf("rules/watch.rhai");
const mission = uriOf("missions/watch-3-videos.toml");

/** The position right behind the first occurrence of a text. */
function behind(text, wanted) {
  const before = text.slice(0, text.indexOf(wanted) + wanted.length);
  const lines = before.split("\n");
  return { line: lines.length - 1, character: lines.at(-1).length };
}

function apply(text, edits) {
  const lines = text.split("\n");
  const offset = ({ line, character }) => lines.slice(0, line).reduce((sum, one) => sum + one.length + 1, 0) + character;
  const last = (a, b) => offset(b.range.start) - offset(a.range.start);
  return edits.toSorted(last).reduce(
    (done, { range, newText }) => done.slice(0, offset(range.start)) + newText + done.slice(offset(range.end)),
    text,
  );
}

const open = (uri, languageId, text) =>
  connection.sendNotification(DidOpenTextDocumentNotification.type, {
    textDocument: { uri, languageId, version: 1, text },
  });
const change = (uri, version, text) =>
  connection.sendNotification(DidChangeTextDocumentNotification.type, {
    textDocument: { uri, version },
    contentChanges: [{ text }],
  });

try {
  const started = performance.now();
  const { capabilities, serverInfo } = await connection.sendRequest(InitializeRequest.type, {
    processId: process.pid,
    rootUri: pathToFileURL(folder).href,
    workspaceFolders: null,
    capabilities: { workspace: { didChangeWatchedFiles: { dynamicRegistration: true } } },
  });
  assert.equal(serverInfo.name, "mission");
  assert.ok(capabilities.hoverProvider && capabilities.definitionProvider && capabilities.codeActionProvider);
  await connection.sendNotification(InitializedNotification.type, {});
  assert.equal((await watched).registrations[0].method, "workspace/didChangeWatchedFiles");

  // A misspelled field, behind a character that is two units of UTF-16 and four bytes.
  const typo = '// Who may.\nfn eligible(ctx) {\n    /* 𝄞 */ ctx.user.levle >= 3 && helper(ctx)\n}\n\n// Not on Sundays.\nfn helper(ctx) {\n    ctx.now.weekday < 7\n}\n';
  await open(script, "rhai", typo);
  const [found, ...others] = await findings(script, 1);
  assert.deepEqual(others, []);
  assert.equal(found.code, "script/unknown-field");
  assert.equal(found.source, "mission");
  assert.match(found.message, /did you mean `ctx\.user\.level`\?/);
  const column = '    /* 𝄞 */ ctx.user.'.length;
  assert.deepEqual(found.range, {
    start: { line: 2, character: column },
    end: { line: 2, character: column + "levle".length },
  });

  const fields = await connection.sendRequest(CompletionRequest.type, {
    textDocument: { uri: script },
    position: behind(typo, "ctx.user."),
  });
  const level = fields.find((item) => item.label === "level");
  assert.equal(level.detail, "a whole number");
  assert.match(level.documentation.value, /level/);
  assert.ok(!fields.some((item) => item.label === "points"));

  const hover = await connection.sendRequest(HoverRequest.type, {
    textDocument: { uri: script },
    position: behind(typo, "now.week"),
  });
  assert.match(hover.contents.value, /ctx\.now\.weekday: a whole number/);
  assert.match(hover.contents.value, /Monday 1 to Sunday 7/);

  const helper = await connection.sendRequest(DefinitionRequest.type, {
    textDocument: { uri: script },
    position: behind(typo, "&& hel"),
  });
  assert.equal(helper.uri, script);
  assert.deepEqual(helper.range.start, { line: 6, character: 3 });

  const toml = readFileSync(join(pack, "missions/watch-3-videos.toml"), "utf8");
  await open(mission, "toml", toml);
  await findings(mission, 1);
  const rules = await connection.sendRequest(DefinitionRequest.type, {
    textDocument: { uri: mission },
    position: behind(toml, "rules/wat"),
  });
  assert.equal(rules.uri, script);

  const actions = await connection.sendRequest(CodeActionRequest.type, {
    textDocument: { uri: script },
    range: found.range,
    context: { diagnostics: [found] },
  });
  assert.equal(actions.length, 1);
  assert.equal(actions[0].kind, "quickfix");
  const corrected = apply(typo, actions[0].edit.changes[script]);
  assert.equal(corrected, typo.replace("levle", "level"));
  await change(script, 2, corrected);
  assert.deepEqual(await findings(script, 2), []);

  // What is measured: a change in an editor until its findings are there, with the pause that the server waits for.
  const times = [];
  for (let version = 3; version < 13; version++) {
    const sent = performance.now();
    await change(script, version, version % 2 ? typo : corrected);
    assert.equal((await findings(script, version)).length, version % 2);
    times.push(performance.now() - sent);
  }
  times.sort((a, b) => a - b);

  await connection.sendRequest(ShutdownRequest.type);
  await connection.sendNotification(ExitNotification.type);
  assert.equal(await exited, 0);
  console.log(
    `mission lsp: ok in ${Math.round(performance.now() - started)} ms; findings ${Math.round(times[5])} ms after a change`,
  );
} finally {
  clearTimeout(slow);
  server.kill();
  rmSync(folder, { recursive: true, force: true });
}
