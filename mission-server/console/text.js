// The console's texts. English is the key of every other language.

import { vi } from './vi.js';

const languages = { en: null, vi };
const KEY = 'mission-console-language';
export const names = { en: 'English', vi: 'Tiếng Việt' };

/** Texts that were shown in English because the language has none for them: the console's test wants none. */
export const untranslated = new Set();

export function language() {
  const wanted = localStorage.getItem(KEY) ?? navigator.language.slice(0, 2);
  return wanted in languages ? wanted : 'en';
}

export function setLanguage(code) {
  localStorage.setItem(KEY, code);
  document.documentElement.lang = code;
}

export function t(text) {
  const texts = languages[language()];
  if (!texts) return text;
  if (!(text in texts)) untranslated.add(text);
  return texts[text] ?? text;
}

export const number = (value) => (value == null ? '–' : Number(value).toLocaleString(language(), { maximumFractionDigits: 6 }));
export const day = (value) => (value ? new Date(value).toLocaleDateString(language(), { dateStyle: 'medium' }) : '');
export const time = (value) => (value ? new Date(value).toLocaleString(language(), { dateStyle: 'short', timeStyle: 'short' }) : '–');
