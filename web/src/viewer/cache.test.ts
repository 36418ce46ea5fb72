// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Frames, orderOf, type Held, type Wish } from './cache.ts';

/* Loads that the test answers when it likes. */
function world(bytesMax: number, atATime: number) {
  const begun: string[] = [];
  const stopped: string[] = [];
  const told: string[] = [];
  const answers = new Map<string, { done: (bytes: number) => Promise<void>; fail: (why: unknown) => Promise<void> }>();
  const crowdMs = (why: unknown) => (why instanceof Error && why.message === 'crowd' ? 1000 : undefined);
  const frames = new Frames<Held>(bytesMax, atATime, (key) => told.push(key), crowdMs);
  const settle = () => new Promise<void>((done) => setTimeout(done));
  const wish = (key: string): Wish => ({
    key,
    load: (signal) =>
      new Promise((resolve, reject) => {
        begun.push(key);
        signal.addEventListener('abort', () => {
          stopped.push(key);
          reject(new DOMException('', 'AbortError'));
        });
        answers.set(key, {
          done: (bytes) => (resolve({ bytes }), settle()),
          fail: (why) => (reject(why), settle()),
        });
      }),
  });
  const want = (who: string, keys: string) => frames.want(who, [...keys].map(wish));
  return { frames, want, begun, stopped, told, done: async (key: string, bytes = 1) => answers.get(key)?.done(bytes), fail: async (key: string, why = 'no') => answers.get(key)?.fail(new Error(why)) };
}

describe('orderOf', () => {
  it('is the frame, five to each side, then ahead in the direction of travel', () => {
    expect(orderOf(20, 600, 1, 9)).toEqual([20, 21, 19, 22, 18, 23, 17, 24, 16, 25, 15, 26, 27, 28, 29]);
    expect(orderOf(20, 600, -1, 7)).toEqual([20, 19, 21, 18, 22, 17, 23, 16, 24, 15, 25, 14, 13]);
  });
  it('ends where the stack ends', () => {
    expect(orderOf(0, 3, 1, 600)).toEqual([0, 1, 2]);
    expect(orderOf(0, 1, -1, 600)).toEqual([0]);
  });
  it('names no frame twice and, ahead of a whole stack, each', () => {
    const order = orderOf(0, 600, 1, 600);
    expect(new Set(order).size).toBe(order.length);
    expect(order.length).toBe(600);
  });
});

describe('Frames', () => {
  it('loads so many at a time, in the order wished', async () => {
    const { want, begun, done } = world(100, 2);
    want('pane', 'abcd');
    expect(begun).toEqual(['a', 'b']);
    await done('b');
    expect(begun).toEqual(['a', 'b', 'c']);
  });
  it('gives up what nobody wants any more, and only that', async () => {
    const { want, begun, stopped, frames, done } = world(100, 2);
    want('pane', 'ab');
    want('pane', 'bc');
    expect(stopped).toEqual(['a']);
    expect(begun).toEqual(['a', 'b', 'c']);
    await done('b');
    expect(frames.has('b')).toBe(true);
    want('pane', 'a');
    expect(begun.filter((key) => key === 'a').length).toBe(2);
  });
  it('does not give up what another pane wants', () => {
    const { want, stopped } = world(100, 4);
    want('one', 'ab');
    want('other', 'bc');
    want('one', '');
    expect(stopped).toEqual(['a']);
  });
  it('serves panes in turn', () => {
    const { want, begun } = world(100, 4);
    want('blocker', 'wxyz');
    want('one', 'abcd');
    want('other', 'efgh');
    want('blocker', '');
    expect(begun.slice(4)).toEqual(['a', 'e', 'b', 'f']);
  });
  it('lets go what was seen longest ago when memory is short', async () => {
    const { want, frames, done } = world(10, 1);
    want('pane', 'abc');
    await done('a', 3);
    await done('b', 3);
    frames.take('a');
    await done('c', 5);
    expect(['a', 'b', 'c'].map((key) => frames.has(key))).toEqual([true, false, true]);
    expect(frames.bytes).toBe(8);
  });
  it('keeps one frame however large it is', async () => {
    const { want, frames, done } = world(10, 1);
    want('pane', 'a');
    await done('a', 50);
    expect(frames.has('a')).toBe(true);
  });
  it('fetches no further ahead than what is nearer leaves room for', async () => {
    const { want, begun, done } = world(100, 1);
    want('pane', 'abcdef');
    await done('a', 40);
    await done('b', 40);
    expect(begun).toEqual(['a', 'b']);
    want('pane', 'cdef');
    expect(begun).toEqual(['a', 'b', 'c']);
  });
  it('remembers what failed, does not ask for it again by itself, and does when told to', async () => {
    const { want, begun, told, frames, fail } = world(100, 1);
    want('pane', 'ab');
    await fail('a');
    expect(frames.failure('a')).toBeInstanceOf(Error);
    expect(told).toEqual(['a']);
    want('pane', 'ab');
    expect(begun).toEqual(['a', 'b']);
    want('pane', 'a');
    frames.retry('a');
    expect(begun).toEqual(['a', 'b', 'a']);
  });
  describe('in a crowd', () => {
    afterEach(() => void vi.useRealTimers());
    const inACrowd = () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const made = world(100, 2);
      const turnAway = async (key: string) => {
        void made.fail(key, 'crowd');
        await vi.advanceTimersByTimeAsync(0);
      };
      return { ...made, turnAway };
    };
    it('asks again by itself for what was turned away, after the time that was said and not before', async () => {
      const { want, begun, frames, turnAway } = inACrowd();
      want('pane', 'ab');
      await turnAway('a');
      await vi.advanceTimersByTimeAsync(999);
      expect(begun).toEqual(['a', 'b']);
      expect(frames.failure('a')).toBeUndefined();
      await vi.advanceTimersByTimeAsync(1);
      expect(begun).toEqual(['a', 'b', 'a']);
    });
    it('asks for nothing else meanwhile, whatever is wanted', async () => {
      const { want, begun, turnAway } = inACrowd();
      want('pane', 'abcd');
      await turnAway('a');
      want('pane', 'bcd');
      await vi.advanceTimersByTimeAsync(500);
      expect(begun).toEqual(['a', 'b']);
      await vi.advanceTimersByTimeAsync(500);
      expect(begun).toEqual(['a', 'b', 'c']);
    });
    it('says that it failed when it was turned away too often, and tries anew when told to', async () => {
      const { want, begun, frames, turnAway } = inACrowd();
      want('pane', 'a');
      for (let times = 0; times < 4; times += 1) {
        expect(frames.failure('a')).toBeUndefined();
        await turnAway('a');
        await vi.advanceTimersByTimeAsync(1000);
      }
      expect(begun).toEqual(['a', 'a', 'a', 'a']);
      expect(frames.failure('a')).toBeInstanceOf(Error);
      frames.retry('a');
      await turnAway('a');
      expect(frames.failure('a')).toBeUndefined();
    });
    it('asks no more when all was closed', async () => {
      const { want, begun, frames, turnAway } = inACrowd();
      want('pane', 'a');
      await turnAway('a');
      frames.close();
      await vi.advanceTimersByTimeAsync(5000);
      expect(begun).toEqual(['a']);
    });
  });
  it('says nothing of what came after all was closed', async () => {
    const { want, told, frames, done } = world(100, 1);
    want('pane', 'a');
    frames.close();
    await done('a');
    expect(told).toEqual([]);
    expect(frames.bytes).toBe(0);
  });
});
