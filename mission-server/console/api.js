// Calls of the API with the token of this tab, and what the token says.

const KEY = 'mission-console-token';

export const session = {
  get token() { return sessionStorage.getItem(KEY); },
  set token(token) { token ? sessionStorage.setItem(KEY, token) : sessionStorage.removeItem(KEY); },
};

/** The claims of a token, unverified: the server is who decides. */
export function claims(token) {
  try {
    const part = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (c) => c.charCodeAt(0))));
  } catch {
    return null;
  }
}

/** Whether the token has a permission: only to show what makes sense. */
export function may(permission) {
  const known = claims(session.token ?? '') ?? {};
  return (known.roles ?? []).includes('admin') || (known.permissions ?? []).includes(permission);
}

/** A refusal of the server. */
export class Refused extends Error {
  constructor(status, problem) {
    const fields = (problem.errors ?? []).map((error) => `${error.pointer}: ${error.message}`);
    super([problem.detail ?? `status ${status}`, ...fields].join('\n'));
    this.status = status;
    this.code = problem.code;
  }
}

export async function call(method, path, body, key = crypto.randomUUID()) {
  const headers = { Authorization: `Bearer ${session.token}`, Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET') headers['Idempotency-Key'] = key;
  const response = await fetch(`/api/v1${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await response.text();
  let answer = null;
  try { answer = text ? JSON.parse(text) : null; } catch { answer = { detail: text }; }
  if (!response.ok) {
    if (response.status === 401) {
      session.token = null;
      dispatchEvent(new Event('signed-out'));
    }
    throw new Refused(response.status, answer ?? {});
  }
  return answer;
}

export const get = (path) => call('GET', path);
/** With the same key it is done once, however often it is sent. */
export const post = (path, body, key) => call('POST', path, body, key);

/** Follows the stream until it is told to stop; comes again with the last id where it breaks. */
export async function follow(see, signal) {
  let last = '';
  while (!signal.aborted) {
    try {
      const headers = { Authorization: `Bearer ${session.token}` };
      if (last) headers['Last-Event-ID'] = last;
      const response = await fetch('/api/v1/stream', { headers, signal });
      if (!response.ok) return;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
        let end;
        while ((end = text.indexOf('\n\n')) >= 0) {
          const lines = text.slice(0, end).split('\n');
          text = text.slice(end + 2);
          const field = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
          last = field('id') ?? last;
          if (field('event') && field('event') !== 'gap') see(JSON.parse(field('data')));
        }
      }
    } catch {
      if (signal.aborted) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
