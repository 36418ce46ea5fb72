// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Due, type Weeks } from './due.ts';

let read: (Weeks | null)[];
let due: Due;
beforeEach(() => {
  vi.useFakeTimers();
  read = [];
  due = new Due((weeks) => read.push(weeks), 250);
});
afterEach(() => vi.useRealTimers());

test('several arrivals are one reading of all their weeks', () => {
  due.ready();
  for (const week of [7, 5, 9]) due.add(week);
  vi.advanceTimersByTime(249);
  expect(read).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(read).toEqual([{ from: 5, to: 9 }]);
  due.add(3);
  vi.advanceTimersByTime(250);
  expect(read).toEqual([{ from: 5, to: 9 }, { from: 3, to: 3 }]);
});

test('everything is more than any week, whichever came first', () => {
  due.ready();
  due.add(7);
  due.add(null);
  due.add(8);
  vi.advanceTimersByTime(250);
  expect(read).toEqual([null]);
});

test('what arrives while the calendar is being opened is read once it is open', () => {
  due.add(7);
  vi.advanceTimersByTime(10_000);
  expect(read).toEqual([]);
  due.ready();
  vi.advanceTimersByTime(250);
  expect(read).toEqual([{ from: 7, to: 7 }]);
});

test('a calendar with nothing new is not read again', () => {
  due.ready();
  vi.advanceTimersByTime(10_000);
  expect(read).toEqual([]);
});

test('after the end nothing is read', () => {
  due.ready();
  due.add(7);
  due.stop();
  due.add(8);
  vi.advanceTimersByTime(10_000);
  expect(read).toEqual([]);
});
