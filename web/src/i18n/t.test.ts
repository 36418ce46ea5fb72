// SPDX-License-Identifier: Apache-2.0
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { enMore } from './en.more.ts';
import { enRequest } from './en.request.ts';
import { en as enFirst } from './en.ts';
import { jaMore } from './ja.more.ts';
import { jaRequest } from './ja.request.ts';
import { ja } from './ja.ts';
import { has, loadMoreWords, setLanguage, t, word, type Words } from './t.ts';

const en = { ...enFirst, ...enMore, ...enRequest };

const all: Record<string, Words> = { ...ja, ...jaMore, ...jaRequest };
const english: Record<string, Words> = en;
const texts = (words: Words) => (typeof words === 'string' ? [words] : [words.one, words.other]);
const params = (words: Words) => [...new Set(texts(words).flatMap((text) => text.match(/\{\w+\}/g) ?? []))].sort();

beforeAll(async () => {
  vi.stubGlobal('document', { documentElement: { lang: '' } });
  await loadMoreWords();
});

describe('catalogues', () => {
  it('say everything in both languages', () => {
    expect(Object.keys(english).sort()).toEqual(Object.keys(all).sort());
  });
  it('have no word twice', () => {
    expect(Object.keys(ja).filter((key) => key in jaMore || key in jaRequest)).toEqual([]);
    expect(Object.keys(jaMore).filter((key) => key in jaRequest)).toEqual([]);
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
  it('shows codes that it does not know', () => {
    expect(word('kind', 'prescription')).toBe('処方');
    expect(word('kind', 'new_kind')).toBe('new_kind');
    expect(has('toString')).toBe(false);
  });
});
