// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { freshnessHeardAt, onLive, onLiveState } from '../api/live.ts';
import { Problem } from '../api/problem.ts';
import { AGAIN_MS, recover, SOON_MS, whatFailed } from './recovery.ts';

vi.mock('../api/live.ts', () => ({
  freshnessHeardAt: vi.fn(() => -Infinity),
  onLive: vi.fn(() => () => {}),
  onLiveState: vi.fn(() => () => {}),
}));
const problem = (code: string, status: number) => new Problem({ code, status });

beforeEach(() => {
  vi.clearAllMocks();
  vi.useFakeTimers();
  vi.stubGlobal('document', { visibilityState: 'visible' });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('what a person or an office has to mend is not tried again', () => {
  for (const one of [problem('no_consent', 403), problem('store_corrupt', 503), problem('restore_unconfirmed', 503), problem('frame_short', 0), new Error('code')]) {
    expect(whatFailed(one)).toBe('other');
  }
});

test('a server that is away or full is asked again every quarter of a minute, while somebody looks', () => {
  const retry = vi.fn();
  const stop = recover(problem('audit_unwritable', 503), retry);
  vi.advanceTimersByTime(2 * AGAIN_MS);
  expect(retry).toHaveBeenCalledTimes(2);
  vi.stubGlobal('document', { visibilityState: 'hidden' });
  vi.advanceTimersByTime(AGAIN_MS);
  stop();
  vi.advanceTimersByTime(AGAIN_MS);
  expect(retry).toHaveBeenCalledTimes(2);
});

test('a crowded server is asked when it said, and not by all at once', () => {
  const retry = vi.fn();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  const stop = recover(new Problem({ code: 'server_busy', status: 503 }, 2000), retry);
  vi.advanceTimersByTime(2999);
  expect(retry).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(retry).toHaveBeenCalledTimes(1);
  stop();
  recover(new Problem({ code: 'epoch_stale', status: 503 }, 1000), retry)();
  const again = vi.fn();
  recover(new Problem({ code: 'epoch_stale', status: 503 }, 1000), again);
  vi.advanceTimersByTime(1500);
  expect(again).toHaveBeenCalledTimes(1);
  recover(new Problem({ code: 'gateway_busy', status: 503 }, 1000), retry); // a try is in the audit
  recover(new Problem({ code: 'store_corrupt', status: 503 }, 1000), retry);
  recover(new Problem({ code: 'store_full', status: 503 }, 1000), retry); // is so for a while
  vi.advanceTimersByTime(AGAIN_MS - 1501);
  expect(retry).toHaveBeenCalledTimes(1);
});

test('back from a lost connection everything is asked at once', () => {
  const retry = vi.fn();
  recover(problem('offline', 0), retry);
  const told = vi.mocked(onLiveState).mock.lastCall?.[0];
  told?.('open', false);
  expect(retry).not.toHaveBeenCalled();
  told?.('open', true);
  expect(retry).toHaveBeenCalledTimes(1);
});

test('a hospital is asked when its gateway is heard of, never by the clock: each try is in the audit', () => {
  const retry = vi.fn();
  recover(problem('gateway_silent', 503), retry);
  vi.advanceTimersByTime(20 * AGAIN_MS);
  expect(retry).not.toHaveBeenCalled();
  vi.mocked(onLive).mock.lastCall?.[0]('entry', {} as never);
  expect(retry).not.toHaveBeenCalled();
  vi.mocked(onLive).mock.lastCall?.[0]('freshness', {} as never);
  expect(retry).toHaveBeenCalledTimes(1);
});

test('what failed while its gateway was coming back is asked once more, and then left', () => {
  const retry = vi.fn();
  vi.mocked(freshnessHeardAt).mockReturnValue(Date.now());
  let stop = recover(problem('gateway_away', 503), retry);
  vi.advanceTimersByTime(SOON_MS);
  expect(retry).toHaveBeenCalledTimes(1);
  stop();
  vi.advanceTimersByTime(2 * SOON_MS);
  stop = recover(problem('gateway_away', 503), retry);
  vi.advanceTimersByTime(20 * AGAIN_MS);
  expect(retry).toHaveBeenCalledTimes(1);
  stop();
  vi.mocked(freshnessHeardAt).mockReturnValue(Date.now());
  recover(problem('gateway_away', 503), retry)();
  vi.advanceTimersByTime(20 * AGAIN_MS);
  expect(retry).toHaveBeenCalledTimes(1);
  vi.mocked(freshnessHeardAt).mockReturnValue(-Infinity);
});
