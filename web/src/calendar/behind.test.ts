// SPDX-License-Identifier: Apache-2.0
import { beforeAll, expect, it } from 'vitest';
import { loadWords } from '../i18n/t.ts';
import { behindWords } from './words.ts';

beforeAll(() => loadWords('calendar'));

it('says why a facility is behind, and since when', () => {
  const since = Date.UTC(2020, 9, 1, 0, 30);
  expect(behindWords(since, 'storage_away')).toBe('施設のデータの保管場所を読めません。2020/10/1 09:30以降の情報は表示されていません');
  expect(behindWords(null, 'storage_failed')).toBe('施設のサーバが新しいデータを取り込めません（容量不足など）。新しい情報は表示されていません');
  expect(behindWords(since, 'events_untaken')).toBe('センターのサーバが、この施設の新しいデータを取り込めません（容量不足など）。2020/10/1 09:30以降の情報は表示されていません');
  expect(behindWords(null, 'gateway_away')).toBe('応答がありません。新しい情報は表示されていません');
  expect(behindWords(null, 'a word of later')).toBe('応答がありません。新しい情報は表示されていません');
});
