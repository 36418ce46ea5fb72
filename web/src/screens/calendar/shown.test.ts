// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import type { EntryHead } from '../../api/client.ts';
import { goneTo, ofDays, withEntries, withoutEntries, type Shown } from './shown.ts';

const head = (id: string): EntryHead => ({
  id, kind: 'laboratory', row: 'test', day: '2026-03-04', facility: 'f', title: id,
  state: 'current', flags: 0, department: '', author: '', time: '',
});
const opening = (entry: string): Shown => ({ entry, title: 'CRP', facility: 'f', row: 'test', group: null });
const failed = { problem: new Error('away'), retry: () => {} };

test('of the entries behind a mark the newest one is shown', () => {
  const asked = opening('');
  expect(withEntries(asked, asked, [head('new'), head('old')])).toEqual({
    ...asked, entry: 'new', group: [head('new'), head('old')],
  });
});

test('behind a mark with nothing left, nothing is chosen', () => {
  const asked = opening('');
  expect(withEntries(asked, asked, [])).toBe(asked);
});

test('what came too late takes nobody away from what was opened meanwhile', () => {
  const other = opening('elsewhere');
  expect(withEntries(other, opening(''), [head('new')])).toBe(other);
  expect(withoutEntries(other, opening(''), failed)).toBe(other);
  expect(withEntries(null, opening(''), [head('new')])).toBeNull();
  const waiting = opening(''); // for the entries of another mark
  expect(withEntries(waiting, opening(''), [head('new')])).toBe(waiting);
  expect(withoutEntries(waiting, opening(''), failed)).toBe(waiting);
});

test('an entry that is open keeps its place and has the others beside it', () => {
  const old = opening('b');
  expect(withEntries(old, undefined, [head('a'), head('b')])).toEqual({ ...old, group: [head('a'), head('b')] });
});

test('a failure is said while nothing is open, and not over an open entry', () => {
  const asked = opening('');
  expect(withoutEntries(asked, asked, failed)).toEqual({ ...asked, failed });
  const open = opening('a');
  expect(withoutEntries(open, open, failed)).toBe(open);
});

test('the list of a day stays while one of it is looked at, and is left with another entry', () => {
  const list: Shown = { ...ofDays(3, 100, 106), group: [head('a'), head('b')] };
  const chosen = goneTo(list, 'a');
  expect(chosen).toMatchObject({ entry: 'a', row: 'test', group: list.group, days: [100, 106] });
  expect(goneTo(chosen, '')).toMatchObject({ entry: '', group: list.group, days: [100, 106] });
  expect(goneTo(chosen, 'z')).toEqual({ entry: 'z', title: '', facility: '', row: 'test', group: null });
});
