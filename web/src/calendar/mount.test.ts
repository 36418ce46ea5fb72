// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { FRAME_MS, MARKS_MAX, MountQueue, planMount, type Plan } from './mount.ts';

const BOUNDS = { first: 0, last: 100 };
const plan = (more: Partial<Plan>): Plan => ({ mount: [], ahead: [], unmount: [], ...more });

describe('planMount', () => {
  it('mounts what is in view by frames, the middle first, and two on either side ahead', () => {
    const { mount, ahead } = planMount({ first: 50, last: 54 }, BOUNDS, { mounted: [] });
    expect(mount).toEqual([52, 53, 51, 54, 50]);
    expect(ahead).toEqual([55, 49, 56, 48]);
  });
  it('unmounts what is farther away', () => {
    expect(planMount({ first: 50, last: 54 }, BOUNDS, { mounted: [57, 10, 48, 50] }).unmount).toEqual([57, 10]);
  });
  it('never unmounts the week that holds the focus, and counts it', () => {
    const { ahead, unmount } = planMount({ first: 50, last: 54 }, BOUNDS, { mounted: [10, 11], keep: 10 });
    expect(unmount).toEqual([11]);
    expect(ahead).toEqual([55, 49, 56]);
  });
  it('stays within the calendar', () => {
    const { mount, ahead } = planMount({ first: 0, last: 3 }, { first: 0, last: 4 }, { mounted: [] });
    expect([...mount, ...ahead].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
  });
  it('has nothing to do when everything is there', () => {
    expect(planMount({ first: 1, last: 1 }, { first: 0, last: 3 }, { mounted: [0, 1, 2, 3] })).toEqual(plan({}));
  });
  it('holds fewer weeks beside the view when they are full, but always what is in view', () => {
    const full = MARKS_MAX / 6;
    const { mount, ahead } = planMount({ first: 50, last: 54 }, BOUNDS, { mounted: [48], weight: () => full });
    expect(mount).toHaveLength(5);
    expect(ahead).toEqual([55]);
    const over = planMount({ first: 50, last: 54 }, BOUNDS, { mounted: [48], weight: () => MARKS_MAX });
    expect([over.mount.length, over.ahead, over.unmount]).toEqual([5, [], [48]]);
  });
});

describe('MountQueue', () => {
  function make(partsOfWeek = 1, partMs = 0) {
    const frames: (() => void)[] = [];
    const idles: (() => void)[] = [];
    const done: string[] = [];
    let clock = 0;
    const queue = new MountQueue(
      {
        request: (work) => frames.push(work),
        cancel: () => frames.splice(0),
        idle: (work) => idles.push(work),
        cancelIdle: () => idles.splice(0),
        now: () => clock,
      },
      function* mount(week) {
        for (let part = 1; part <= partsOfWeek; part += 1) {
          clock += partMs;
          done.push(partsOfWeek === 1 ? `+${week}` : `+${week}.${part}`);
          yield;
        }
      },
      (week) => done.push(`-${week}`),
    );
    const run = () => frames.shift()?.();
    const rest = () => idles.shift()?.();
    return { frames, idles, done, queue, run, rest };
  }
  it('mounts one week per frame, after all that go', () => {
    const { done, queue, run, frames } = make();
    queue.take(plan({ mount: [5, 6], unmount: [1, 2] }));
    expect(done).toEqual(['-1', '-2']);
    run();
    expect(done).toEqual(['-1', '-2', '+5']);
    run();
    expect(done).toEqual(['-1', '-2', '+5', '+6']);
    expect(frames).toEqual([]);
  });
  it('holds at no moment of a jump more marks than where it leads', () => {
    const weight = (week: number) => 100 + 30 * (week % 3);
    const { queue, run, rest, frames, idles, done } = make();
    const mounted = new Set<number>();
    const marks = () => [...mounted].reduce((sum, week) => sum + weight(week), 0);
    const follow = () => {
      for (const said of done.splice(0)) {
        if (said.startsWith('+')) mounted.add(Number(said));
        else mounted.delete(-Number(said));
      }
    };
    for (const first of [10, 71, 20, 60, 75]) {
      queue.take(planMount({ first, last: first + 7 }, BOUNDS, { mounted, weight }));
      let most = 0;
      while (frames.length + idles.length > 0) {
        if (frames.length > 0) run();
        else rest();
        follow();
        most = Math.max(most, marks());
      }
      expect(most).toBe(marks());
    }
  });
  it('goes on with a week in the next frame when a frame took long enough', () => {
    const { done, queue, run } = make(3, FRAME_MS * 0.6);
    queue.take(plan({ mount: [5, 6] }));
    run();
    expect(done).toEqual(['+5.1', '+5.2']);
    run();
    expect(done).toEqual(['+5.1', '+5.2', '+5.3']);
    run();
    expect(done.slice(3)).toEqual(['+6.1', '+6.2']);
  });
  it('leaves what is beside the view to idle moments', () => {
    const { done, queue, run, rest, frames } = make();
    queue.take(plan({ mount: [5], ahead: [6, 7] }));
    rest();
    expect(done).toEqual([]);
    run();
    expect(frames).toEqual([]);
    rest();
    rest();
    expect(done).toEqual(['+5', '+6', '+7']);
  });
  it('drops the rest of an older plan, and a begun week that is not wanted any more', () => {
    const { done, queue, run } = make(2, FRAME_MS);
    queue.take(plan({ mount: [5, 6, 7] }));
    run();
    queue.take(plan({ mount: [9], unmount: [5] }));
    run();
    run();
    expect(done).toEqual(['+5.1', '-5', '+9.1', '+9.2']);
  });
  it('finishes a begun week under a newer plan that still wants it', () => {
    const { done, queue, run } = make(2, FRAME_MS);
    queue.take(plan({ mount: [5, 6] }));
    run();
    queue.take(plan({ mount: [7] }));
    run();
    expect(done).toEqual(['+5.1', '+5.2']);
  });
  it('stops for good', () => {
    const { done, queue, run, rest, frames, idles } = make();
    queue.take(plan({ mount: [5], ahead: [6] }));
    queue.stop();
    run();
    rest();
    expect(done).toEqual([]);
    expect([frames, idles]).toEqual([[], []]);
  });
});
