// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { MountQueue, planMount } from './mount.ts';

const BOUNDS = { first: 0, last: 100 };

describe('planMount', () => {
  it('mounts what is in view and two on either side, the middle first', () => {
    const { mount } = planMount({ first: 50, last: 54 }, BOUNDS, []);
    expect([...mount].sort((a, b) => a - b)).toEqual([48, 49, 50, 51, 52, 53, 54, 55, 56]);
    expect(mount[0]).toBe(52);
    expect(mount.slice(0, 5).every((week) => week >= 50 && week <= 54)).toBe(true);
  });
  it('unmounts what is farther away', () => {
    expect(planMount({ first: 50, last: 54 }, BOUNDS, [10, 48, 50, 57]).unmount).toEqual([10, 57]);
  });
  it('never unmounts the week that holds the focus', () => {
    expect(planMount({ first: 50, last: 54 }, BOUNDS, [10, 11], 10).unmount).toEqual([11]);
  });
  it('stays within the calendar', () => {
    const { mount } = planMount({ first: 0, last: 3 }, { first: 0, last: 4 }, []);
    expect(Math.min(...mount)).toBe(0);
    expect(Math.max(...mount)).toBe(4);
  });
  it('has nothing to do when everything is there', () => {
    expect(planMount({ first: 1, last: 1 }, BOUNDS, [0, 1, 2, 3])).toEqual({ mount: [], unmount: [] });
  });
});

describe('MountQueue', () => {
  function make() {
    const frames: (() => void)[] = [];
    const done: string[] = [];
    const queue = new MountQueue(
      { request: (work) => frames.push(work), cancel: () => frames.splice(0) },
      (week) => done.push(`+${week}`),
      (week) => done.push(`-${week}`),
    );
    const run = () => frames.shift()?.();
    return { frames, done, queue, run };
  }
  it('mounts one week per frame, then unmounts one per frame', () => {
    const { done, queue, run, frames } = make();
    queue.take({ mount: [5, 6], unmount: [1] });
    expect(done).toEqual([]);
    run();
    expect(done).toEqual(['+5']);
    run();
    run();
    expect(done).toEqual(['+5', '+6', '-1']);
    expect(frames).toEqual([]);
  });
  it('drops the rest of an older plan', () => {
    const { done, queue, run } = make();
    queue.take({ mount: [5, 6, 7], unmount: [] });
    run();
    queue.take({ mount: [9], unmount: [] });
    run();
    run();
    expect(done).toEqual(['+5', '+9']);
  });
  it('stops for good', () => {
    const { done, queue, run, frames } = make();
    queue.take({ mount: [5], unmount: [] });
    queue.stop();
    run();
    expect(done).toEqual([]);
    expect(frames).toEqual([]);
  });
});
