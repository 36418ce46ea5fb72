// SPDX-License-Identifier: Apache-2.0
/* The words of the screens: typed keys, plural forms by Intl, no concatenated sentences. */
import { signal } from '@preact/signals';
import type { jaMore } from './ja.more.ts';
import type { jaRequest } from './ja.request.ts';
import { ja } from './ja.ts';

export type Words = string | { one: string; other: string };
export type Key = keyof typeof ja | keyof typeof jaMore | keyof typeof jaRequest;
export type Catalogue = Record<Key, Words>;
export type Language = 'ja' | 'en';

export const language = signal<Language>('ja');
let japanese: Partial<Catalogue> = ja;
let catalogue: Partial<Catalogue> = ja;

/** The words of screens that are not part of the first page; before such a screen is shown. */
export async function loadMoreWords(): Promise<void> {
  const [{ jaMore }, { jaRequest }] = await Promise.all([import('./ja.more.ts'), import('./ja.request.ts')]);
  japanese = { ...ja, ...jaMore, ...jaRequest };
  if (language.value === 'ja') catalogue = japanese;
}

async function english(): Promise<Catalogue> {
  const [{ en }, { enMore }, { enRequest }] = await Promise.all([
    import('./en.ts'), import('./en.more.ts'), import('./en.request.ts'),
  ]);
  return { ...en, ...enMore, ...enRequest };
}

export async function setLanguage(next: Language): Promise<void> {
  catalogue = next === 'en' ? await english() : japanese;
  language.value = next;
  document.documentElement.lang = next;
}

export function has(key: string): key is Key {
  return Object.hasOwn(catalogue, key);
}

export function t(key: Key, params: Record<string, string | number> = {}): string {
  // reading the signal makes every component that uses words draw again on a switch
  const current = language.value;
  const words = catalogue[key];
  let text: string;
  if (words === undefined) text = key;
  else if (typeof words === 'string') text = words;
  else {
    const form = new Intl.PluralRules(current).select(Number(params.n ?? 0));
    text = form === 'one' ? words.one : words.other;
  }
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

/** A word for a code of the contract; the code itself where the catalogue has none. */
export function word(prefix: string, code: string): string {
  const key = `${prefix}.${code}`;
  return has(key) ? t(key) : code;
}
