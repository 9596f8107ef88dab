// The console: who is signed in, and which page is shown. Addresses are behind `#/`.

import { html, render, useEffect, useState } from './vendor/htm-preact.js';
import { Analytics } from './analytics.js';
import { claims, may, session } from './api.js';
import { Mission, Missions } from './missions.js';
import { Operations } from './operations.js';
import { Problem } from './parts.js';
import { Pack, Packs } from './packs.js';
import { Playground } from './playground.js';
import { Review, Reviews } from './reviews.js';
import { Ring, Rings } from './rings.js';
import { language, names, setLanguage, t } from './text.js';
import { Users } from './users.js';

const PAGES = [
  { path: 'missions', name: 'Missions', needs: null, list: Missions, one: (id) => html`<${Mission} key=${id} id=${id} />` },
  { path: 'packs', name: 'Packs', needs: 'missions:write', list: Packs, one: (name) => html`<${Pack} key=${name} name=${name} />` },
  { path: 'playground', name: 'Playground', needs: 'missions:write', list: Playground, one: (code) => html`<${Playground} code=${code} />` },
  { path: 'reviews', name: 'Reviews', needs: 'reviews:write', list: Reviews, one: (id) => html`<${Review} key=${id} id=${id} />` },
  { path: 'rings', name: 'Rings', needs: 'reviews:write', list: Rings, one: (id) => html`<${Ring} key=${id} id=${id} />` },
  { path: 'users', name: 'Users', needs: 'users:read', list: Users, one: (id) => html`<${Users} id=${id} />` },
  { path: 'analytics', name: 'Analytics', needs: 'analytics:read', list: Analytics },
  { path: 'operations', name: 'Operations', needs: null, list: Operations },
];

function Login({ enter }) {
  const [error, setError] = useState(null);
  const [development, setDevelopment] = useState(null);
  useEffect(() => { fetch('/console/development').then((answer) => (answer.status === 200 ? answer.json() : null)).then(setDevelopment, () => {}); }, []);
  const take = (token) => {
    const known = claims(token);
    if (!known) return setError(new Error(t('This is no token: it has three parts with dots between them.')));
    if (known.exp * 1000 < Date.now()) return setError(new Error(t('This token has expired.')));
    session.token = token;
    return enter();
  };
  return html`<main class="login"><section><h1>${t('Sign in')}</h1><${Problem} error=${error} />
    <form onSubmit=${(event) => { event.preventDefault(); take(event.target.elements.token.value.trim()); }}>
      <p><label for="token">${t('Token')}</label><textarea id="token" name="token" rows="5" required autocomplete="off"></textarea></p>
      <div class="row"><button class="main">${t('Sign in')}</button>
      ${development && html`<button type="button" onClick=${() => take(development.token)}>${t('Sign in as a developer')}</button>`}</div></form></section></main>`;
}

function App() {
  const [signedIn, setSignedIn] = useState(Boolean(session.token));
  const [address, setAddress] = useState(location.hash);
  const [, setLanguageRound] = useState(0);
  useEffect(() => {
    const moved = () => setAddress(location.hash);
    const left = () => setSignedIn(false);
    addEventListener('hashchange', moved);
    addEventListener('signed-out', left);
    return () => { removeEventListener('hashchange', moved); removeEventListener('signed-out', left); };
  }, []);
  if (!signedIn) return html`<${Login} enter=${() => setSignedIn(true)} />`;
  const [path, id] = address.replace(/^#\//, '').split('/').map(decodeURIComponent);
  const allowed = PAGES.filter((page) => !page.needs || may(page.needs));
  const page = allowed.find((one) => one.path === path) ?? allowed[0];
  const leave = () => { session.token = null; setSignedIn(false); };
  return html`<header><strong>Missions</strong><nav aria-label=${t('Pages')}>${allowed.map((one) => html`<a href="#/${one.path}" aria-current=${one === page ? 'page' : undefined}>${t(one.name)}</a>`)}</nav>
    <select aria-label=${t('Language')} value=${language()} onChange=${(event) => { setLanguage(event.target.value); setLanguageRound((n) => n + 1); }}>${Object.entries(names).map(([code, name]) => html`<option value=${code}>${name}</option>`)}</select>
    <button onClick=${leave}>${t('Sign out')}</button></header>
    <main key=${`${page.path} ${language()}`}>${id && page.one ? page.one(id) : html`<${page.list} />`}</main>`;
}

setLanguage(language());
render(html`<${App} />`, document.getElementById('app'));
