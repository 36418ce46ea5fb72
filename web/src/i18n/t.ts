// SPDX-License-Identifier: Apache-2.0
/* The words of the screens: typed keys, plural forms by Intl, no concatenated sentences. The
 * first words are part of the first page; the others come in groups, with the screens that say
 * them. */
import { signal } from '@preact/signals';
import type { words as audit } from './ja/audit.ts';
import type { words as calendar } from './ja/calendar.ts';
import type { words as content } from './ja/content.ts';
import { words as first } from './ja/first.ts';
import type { words as help } from './ja/help.ts';
import type { words as image } from './ja/image.ts';
import type { words as key } from './ja/key.ts';
import type { words as note } from './ja/note.ts';
import type { words as print } from './ja/print.ts';
import type { words as problem } from './ja/problem.ts';
import type { words as register } from './ja/register.ts';
import type { words as request } from './ja/request.ts';
import type { words as wave } from './ja/wave.ts';
import type { words as work } from './ja/work.ts';

export type Words = string | { one: string; other: string };
type Source = typeof first & typeof work & typeof calendar & typeof help & typeof content
  & typeof register & typeof request & typeof audit & typeof print & typeof problem & typeof image & typeof key & typeof note & typeof wave;
export type Key = keyof Source;
export type Catalogue = Record<Key, Words>;
export type Language = 'ja' | 'en';

type Part = Promise<{ words: Partial<Catalogue> }>;
const PARTS = {
  work: { ja: (): Part => import('./ja/work.ts'), en: (): Part => import('./en/work.ts') },
  calendar: { ja: (): Part => import('./ja/calendar.ts'), en: (): Part => import('./en/calendar.ts') },
  help: { ja: (): Part => import('./ja/help.ts'), en: (): Part => import('./en/help.ts') },
  content: { ja: (): Part => import('./ja/content.ts'), en: (): Part => import('./en/content.ts') },
  register: { ja: (): Part => import('./ja/register.ts'), en: (): Part => import('./en/register.ts') },
  request: { ja: (): Part => import('./ja/request.ts'), en: (): Part => import('./en/request.ts') },
  audit: { ja: (): Part => import('./ja/audit.ts'), en: (): Part => import('./en/audit.ts') },
  image: { ja: (): Part => import('./ja/image.ts'), en: (): Part => import('./en/image.ts') },
  print: { ja: (): Part => import('./ja/print.ts'), en: (): Part => import('./en/print.ts') },
  key: { ja: (): Part => import('./ja/key.ts'), en: (): Part => import('./en/key.ts') },
  note: { ja: (): Part => import('./ja/note.ts'), en: (): Part => import('./en/note.ts') },
  wave: { ja: (): Part => import('./ja/wave.ts'), en: (): Part => import('./en/wave.ts') },
  problem: { ja: (): Part => import('./ja/problem.ts'), en: (): Part => import('./en/problem.ts') },
};
export type Group = keyof typeof PARTS;
export const GROUPS = Object.keys(PARTS) as Group[];

export const language = signal<Language>('ja');
/* Grows whenever words came, so that what was drawn without them is drawn again. */
const arrived = signal(0);
const wanted = new Set<Group>();
const catalogues: Record<Language, Partial<Catalogue>> = { ja: { ...first }, en: {} };
const loaded: Record<Language, Set<string>> = { ja: new Set(['first']), en: new Set() };

async function fill(tongue: Language): Promise<void> {
  const here = loaded[tongue];
  const parts: [string, Part][] = [...wanted].filter((group) => !here.has(group))
    .map((group) => [group, PARTS[group][tongue]()]);
  if (tongue === 'en' && !here.has('first')) parts.push(['first', import('./en/first.ts')]);
  if (parts.length === 0) return;
  const came = await Promise.all(parts.map(async ([group, part]) => ({ group, ...(await part) })));
  for (const { group, words } of came) {
    Object.assign(catalogues[tongue], words);
    here.add(group);
  }
  if (tongue === language.peek()) arrived.value += 1;
}

/** Before a screen is shown that says them. */
export async function loadWords(...groups: Group[]): Promise<void> {
  for (const group of groups) wanted.add(group);
  let tongue: Language;
  do {
    tongue = language.peek();
    await fill(tongue);
  } while (tongue !== language.peek());
}

export async function setLanguage(next: Language): Promise<void> {
  await fill(next);
  language.value = next;
  const isOther = document.documentElement.lang !== next;
  document.documentElement.lang = next;
  // nobody waits for it
  if (isOther) void import('./tongues.ts').then((m) => (language.peek() === 'en' ? m.followTongues() : m.leaveTongues())).catch(() => {});
  await fill(next); // what became wanted meanwhile
}

export function has(key: string): key is Key {
  return Object.hasOwn(catalogues[language.peek()], key);
}

export function t(key: Key, params: Record<string, string | number> = {}): string {
  // reading the signals makes every component that uses words draw again on a switch
  const current = language.value;
  const words = catalogues[current][key];
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

/** Words that nobody waits for: what is drawn without them is drawn again when they are there. */
export function askFor(group: Group): void {
  void arrived.value; // read, so that whoever asks draws again
  if (!loaded[language.peek()].has(group)) void loadWords(group).catch(() => {});
}
