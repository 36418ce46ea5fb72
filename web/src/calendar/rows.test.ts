// SPDX-License-Identifier: Apache-2.0
import { beforeEach, expect, test } from 'vitest';
import { isAsGiven, keepRows, moveRow, showRow } from './arrange.ts';
import { ALL_ROWS, rowsOf, shownOf } from './rows.ts';

class Memory {
  kept = new Map<string, string>();
  getItem = (key: string) => this.kept.get(key) ?? null;
  setItem = (key: string, text: string) => void this.kept.set(key, text);
}
let storage: Storage;
beforeEach(() => {
  storage = new Memory() as unknown as Storage;
});
const raw = (text: string) => storage.setItem('tsumugi-rows', text);

test('a row moves by one place and not beyond the ends', () => {
  const moved = moveRow(ALL_ROWS, 3, -1);
  expect(moved.order).toEqual([0, 1, 3, 2, 4, 5, 6, 7, 8, 9]);
  expect(moveRow(ALL_ROWS, 0, -1)).toBe(ALL_ROWS);
  expect(moveRow(ALL_ROWS, 9, 1)).toBe(ALL_ROWS);
  expect(isAsGiven(moved)).toBe(false);
  expect(isAsGiven(moveRow(moved, 3, 1))).toBe(true);
});

test('the last row that is shown cannot be hidden', () => {
  let rows = ALL_ROWS;
  for (const row of ALL_ROWS.order) rows = showRow(rows, row, false);
  expect(shownOf(rows)).toEqual([9]);
  expect(shownOf(showRow(rows, 2, true))).toEqual([2, 9]);
});

test('each account has its own arrangement, and the given one keeps nothing', () => {
  const mine = showRow(moveRow(ALL_ROWS, 3, -1), 6, false);
  keepRows(storage, 'a', mine);
  keepRows(storage, 'b', showRow(ALL_ROWS, 1, false));
  expect(rowsOf(storage, 'a')).toEqual(mine);
  expect(shownOf(rowsOf(storage, 'b'))).not.toContain(1);
  expect(rowsOf(storage, 'c')).toBe(ALL_ROWS);
  keepRows(storage, 'a', ALL_ROWS);
  expect(storage.getItem('tsumugi-rows')).not.toContain('"a"');
  expect(shownOf(rowsOf(storage, 'b'))).not.toContain(1);
});

test('a browser keeps no more than twenty accounts, the newest', () => {
  for (let account = 0; account < 30; account += 1) keepRows(storage, `n${account}`, showRow(ALL_ROWS, 1, false));
  expect(Object.keys(JSON.parse(storage.getItem('tsumugi-rows') ?? '') as object)).toHaveLength(20);
  expect(isAsGiven(rowsOf(storage, 'n29'))).toBe(false);
  expect(isAsGiven(rowsOf(storage, 'n0'))).toBe(true);
});

test('a row that a kept arrangement does not know is shown at the end', () => {
  raw('{"a":{"order":["test","period"],"hidden":["file"]}}');
  const rows = rowsOf(storage, 'a');
  expect(rows.order).toEqual([3, 0, 1, 2, 4, 5, 6, 7, 8, 9]);
  expect(rows.hidden).toEqual(new Set([6]));
});

test('what is no arrangement changes nothing', () => {
  for (const text of ['', 'x', '[]', '7', 'null', '{"a":7}', '{"a":null}', '{"a":{"order":"test","hidden":3}}', '{"a":{"order":["x",3,null]}}']) {
    raw(text);
    expect(isAsGiven(rowsOf(storage, 'a')), text).toBe(true);
  }
  raw(`{"a":{"hidden":${JSON.stringify(['period', 'prescription', 'injection', 'test', 'image', 'report', 'file', 'visit', 'record', 'message'])}}}`);
  expect(shownOf(rowsOf(storage, 'a'))).toHaveLength(10);
});
