// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SILENT_MS, doubtLive, liveHeardAt, liveState, onLiveState, startLive, stopLive } from './live.ts';

/* A stream of events that a test opens, feeds and breaks. */
class Stream extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  static all: Stream[] = [];
  readyState = Stream.CONNECTING;
  onopen = () => {};
  onerror = () => {};
  constructor() {
    super();
    Stream.all.push(this);
  }
  open(): void {
    this.readyState = Stream.OPEN;
    this.onopen();
  }
  break(): void {
    this.readyState = Stream.CLOSED;
    this.onerror();
  }
  beat(): void {
    this.dispatchEvent(Object.assign(new Event('beat'), { data: '{}' }));
  }
  close(): void {
    this.readyState = Stream.CLOSED;
  }
}
const newest = (): Stream => Stream.all.at(-1) as Stream;

const page = new EventTarget();
let states: [string, boolean][];
let remove: () => void;
beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  vi.stubGlobal('EventSource', Stream);
  vi.stubGlobal('navigator', {});
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
  Stream.all = [];
  states = [];
  remove = onLiveState((state, wasLost) => states.push([state, wasLost]));
  startLive();
  newest().open();
});
afterEach(() => {
  remove();
  stopLive();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test('a stream that says nothing any more is lost since it spoke last, and another is asked for', () => {
  vi.advanceTimersByTime(10_000);
  newest().beat();
  vi.advanceTimersByTime(SILENT_MS - 1);
  expect(liveState()).toBe('open');
  vi.advanceTimersByTime(1);
  expect(liveState()).toBe('lost');
  expect(liveHeardAt()).toBe(1_010_000);
  expect(Stream.all.map(({ readyState }) => readyState)).toEqual([Stream.CLOSED, Stream.CONNECTING]);
});

test('a new stream that hangs, too, is given up, and it stays lost', () => {
  vi.advanceTimersByTime(2 * SILENT_MS);
  expect(Stream.all.length).toBe(3);
  expect(liveState()).toBe('lost');
  expect(liveHeardAt()).toBe(1_000_000);
});

test('beats keep it', () => {
  for (let beat = 0; beat < 20; beat += 1) {
    vi.advanceTimersByTime(10_000);
    newest().beat();
  }
  expect(Stream.all.length).toBe(1);
  expect(liveState()).toBe('open');
});

test('who comes back after the browser gave up hears that it was lost', () => {
  newest().break();
  vi.advanceTimersByTime(5_000);
  newest().open();
  expect(states.at(-1)).toEqual(['open', true]);
});

test('a browser without a network knows at once', () => {
  page.dispatchEvent(new Event('offline'));
  expect(liveState()).toBe('lost');
});

test('a request without an answer has the stream made anew, once', () => {
  doubtLive();
  doubtLive();
  expect(Stream.all.length).toBe(2);
  newest().open();
  expect(states.at(-1)).toEqual(['open', true]);
});
