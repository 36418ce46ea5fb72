// SPDX-License-Identifier: Apache-2.0
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { GROUPS, has, language, loadWords, setLanguage, t, word, type Words } from './t.ts';

type Part = Record<string, Words>;
const names = ['first', ...GROUPS];
const read = async (tongue: string): Promise<Part[]> =>
  Promise.all(names.map(async (name) => ((await import(`./${tongue}/${name}.ts`)) as { words: Part }).words));
const [japanese, englishParts] = [await read('ja'), await read('en')];
const all: Part = Object.assign({}, ...japanese);
const english: Part = Object.assign({}, ...englishParts);
const texts = (words: Words) => (typeof words === 'string' ? [words] : [words.one, words.other]);
const params = (words: Words) => [...new Set(texts(words).flatMap((text) => text.match(/\{\w+\}/g) ?? []))].sort();

beforeAll(async () => {
  vi.stubGlobal('document', { documentElement: { lang: '' } });
  await loadWords('work', 'calendar', 'content');
});

describe('catalogues', () => {
  it('say everything in both languages', () => {
    expect(Object.keys(english).sort()).toEqual(Object.keys(all).sort());
  });
  it('have no word twice', () => {
    const keys = japanese.flatMap((part) => Object.keys(part));
    expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
  });
  it('take the same values in both languages and are never empty', () => {
    for (const [key, source] of Object.entries(all)) {
      expect(params(english[key] ?? ''), key).toEqual(params(source));
      expect(texts(source).concat(texts(english[key] ?? '')).every((text) => text.trim() !== ''), key).toBe(true);
    }
  });
  it('pair every problem and refusal with what to do next', () => {
    for (const key of Object.keys(all)) {
      const match = /^((?:problem|why)\.[a-z_]+)\.text$/.exec(key);
      if (match) expect(all).toHaveProperty([`${match[1]}.next`]);
    }
  });
  it('have a word for every row, kind, state and channel of the contract', () => {
    const contract = readFileSync(new URL('../../../docs/openapi.yaml', import.meta.url), 'utf8');
    const list = (name: string) => {
      const match = new RegExp(`    ${name}:[^\\[]*\\[([^\\]]*)\\]`).exec(contract);
      return (match?.[1] ?? '').split(',').map((item) => item.trim());
    };
    const sets: [string, string][] = [['Row', 'row'], ['Kind', 'kind'], ['Channel', 'channel'], ['ConsentState', 'consent.state'], ['Sex', 'sex']];
    for (const [name, prefix] of sets) {
      const ids = list(name);
      expect(ids.length).toBeGreaterThan(2);
      for (const id of ids) expect(all).toHaveProperty([`${prefix}.${id}`]);
    }
  });
  it('are parts that the loader knows, each', () => {
    const folder = (tongue: string) => readdirSync(new URL(tongue, import.meta.url)).map((name) => name.replace('.ts', '')).sort();
    expect(folder('ja')).toEqual([...names].sort());
    expect(folder('en')).toEqual([...names].sort());
  });
  it('have every key that the sources use', () => {
    const root = new URL('..', import.meta.url).pathname;
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name) && !name.includes('.test.'));
    for (const file of files) {
      for (const [, key = ''] of readFileSync(join(root, file), 'utf8').matchAll(/\bt\(\s*'([^']+)'/g)) {
        expect(all, `${file}: ${key}`).toHaveProperty([key]);
      }
    }
  });
});

describe('t', () => {
  it('fills values and keeps unknown ones visible', () => {
    expect(t('home.new_count', { n: 3 })).toBe('新着3件');
    expect(t('home.new_count')).toBe('新着{n}件');
  });
  it('never reads a value as a pattern', () => {
    expect(t('panel.loading', { facility: '$& {n}' })).toBe('$& {n}から取得しています');
  });
  it('chooses the plural form of the language', async () => {
    await setLanguage('en');
    expect(t('form.summary', { n: 1 })).not.toBe(t('form.summary', { n: 2 }));
    await setLanguage('ja');
    expect(t('form.summary', { n: 2 })).toBe('入力に2件の誤りがあります');
  });
  it('has the words of a group in the language that was chosen while they came', async () => {
    const coming = loadWords('audit');
    await setLanguage('en');
    await coming;
    expect(t('logs.csv')).toBe(english['logs.csv']);
    await setLanguage('ja');
    expect(t('logs.csv')).toBe(all['logs.csv']);
    expect(language.value).toBe('ja');
  });
  it('shows codes that it does not know', () => {
    expect(word('kind', 'prescription')).toBe('処方');
    expect(word('kind', 'new_kind')).toBe('new_kind');
    expect(has('toString')).toBe(false);
  });
});
