// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Gestures, type Meaning, type Tool, type Touch } from './gestures.ts';
import { commandOf } from './keys.ts';
import { Measuring } from './measure.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function hands(tool: Tool, step = 10) {
  const does: unknown[][] = [];
  const note = (name: string) => (...args: unknown[]) => void does.push([name, ...args.map((arg) => (typeof arg === 'number' ? Math.round(arg * 100) / 100 : arg))]);
  const meaning = Object.fromEntries(
    ['scroll', 'window', 'pan', 'zoom', 'fit', 'tools', 'mark'].map((name) => [name, note(name)]),
  ) as unknown as Meaning;
  const gestures = new Gestures({ ...meaning, rest: () => {} }, () => tool, () => step);
  let time = 0;
  const touch = (id: number, x: number, y: number, more: Partial<Touch> = {}): Touch => ({ id, x, y, isMouse: false, button: 0, time: (time += 20), ...more });
  const drag = (from: [number, number], to: [number, number], more: Partial<Touch> = {}) => {
    gestures.down(touch(1, ...from, more));
    gestures.move(touch(1, ...to, more));
    gestures.up(touch(1, ...to, more));
  };
  return { gestures, touch, drag, does };
}

describe('one finger', () => {
  it('scrolls, a frame for so many pixels, and keeps what is left over', () => {
    const { gestures, touch, does } = hands('scroll');
    gestures.down(touch(1, 50, 50));
    gestures.move(touch(1, 50, 65));
    gestures.move(touch(1, 50, 72));
    gestures.move(touch(1, 50, 40));
    expect(does).toEqual([['scroll', 1], ['scroll', 1], ['scroll', -3]]);
  });
  it('turns the window, moves or zooms in those modes', () => {
    for (const [tool, expected] of [['window', ['window', 30, 20]], ['pan', ['pan', 30, 20]], ['zoom', ['zoom', 0.88, [50, 50]]]] as const) {
      const { drag, does } = hands(tool);
      drag([50, 50], [80, 70]);
      expect(does).toEqual([expected]);
    }
  });
  it('means nothing while it hardly moves', () => {
    const { gestures, touch, does } = hands('pan');
    gestures.down(touch(1, 50, 50));
    gestures.move(touch(1, 53, 52));
    expect(does).toEqual([]);
    gestures.move(touch(1, 60, 50));
    expect(does).toEqual([['pan', 10, 0]]);
  });
  it('fits with two taps in a row, not with two slow ones or two apart', () => {
    const { drag, does } = hands('scroll');
    drag([50, 50], [50, 50]);
    drag([52, 51], [52, 51]);
    expect(does).toEqual([['fit']]);
    drag([50, 50], [50, 50]);
    drag([200, 50], [200, 50]);
    expect(does).toEqual([['fit']]);
    const slow = hands('scroll');
    slow.drag([50, 50], [50, 50], { time: 1000 });
    slow.drag([50, 50], [50, 50], { time: 2000 });
    expect(slow.does).toEqual([]);
  });
  it('opens the tools where it rests, and is no tap then', () => {
    const { gestures, touch, does, drag } = hands('scroll');
    gestures.down(touch(1, 50, 50));
    vi.advanceTimersByTime(600);
    gestures.up(touch(1, 50, 50));
    drag([50, 50], [50, 50]);
    expect(does).toEqual([['tools']]);
  });
  it('opens nothing after it moved or while it measures', () => {
    const moved = hands('pan');
    moved.gestures.down(moved.touch(1, 50, 50));
    moved.gestures.move(moved.touch(1, 90, 50));
    vi.advanceTimersByTime(600);
    expect(moved.does).toEqual([['pan', 40, 0]]);
    const { gestures, touch, does } = hands('length');
    gestures.down(touch(1, 50, 50));
    vi.advanceTimersByTime(600);
    gestures.move(touch(1, 80, 50));
    gestures.up(touch(1, 80, 50));
    expect(does).toEqual([['mark', 'down', [50, 50]], ['mark', 'move', [80, 50]], ['mark', 'up', [80, 50]]]);
  });
});

describe('two fingers', () => {
  it('pinch and move, whatever the tool', () => {
    const { gestures, touch, does } = hands('scroll');
    gestures.down(touch(1, 100, 100));
    gestures.down(touch(2, 200, 100));
    gestures.move(touch(2, 300, 100));
    expect(does).toEqual([['pan', 50, 0], ['zoom', 2, [200, 100]]]);
  });
  it('leave nothing behind: the finger that stays moves nothing, and there is no tap', () => {
    const { gestures, touch, does } = hands('pan');
    gestures.down(touch(1, 100, 100));
    gestures.down(touch(2, 200, 100));
    gestures.up(touch(2, 200, 100));
    gestures.move(touch(1, 160, 100));
    gestures.up(touch(1, 160, 100));
    vi.advanceTimersByTime(600);
    expect(does).toEqual([]);
  });
});

describe('a mouse', () => {
  it('zooms with the right button, moves with the middle one, scrolls with the wheel', () => {
    const { gestures, drag, does } = hands('window');
    drag([50, 50], [50, 80], { isMouse: true, button: 2 });
    drag([50, 50], [80, 50], { isMouse: true, button: 1 });
    gestures.wheel(120, false, [5, 5]);
    gestures.wheel(-120, true, [5, 5]);
    expect(does).toEqual([['zoom', 0.82, [50, 50]], ['pan', 30, 0], ['scroll', 1], ['zoom', 1.49, [5, 5]]]);
  });
  it('scrolls a frame for so much of a pad, and anew the other way', () => {
    const { gestures, does } = hands('window');
    for (const delta of [15, 15, 15, 30, -15, -30]) gestures.wheel(delta, false, [0, 0]);
    expect(does).toEqual([['scroll', 1], ['scroll', -1]]);
  });
  it('keeps its button while it moves, when events name none', () => {
    const { gestures, touch, does } = hands('window');
    gestures.down(touch(1, 50, 50, { isMouse: true, button: 2 }));
    gestures.move(touch(1, 50, 80, { isMouse: true, button: 0 }));
    expect(does).toEqual([['zoom', 0.82, [50, 50]]]);
  });
});

describe('Measuring', () => {
  it('takes a length that is dragged', () => {
    const measuring = new Measuring();
    measuring.down('length', [1, 1], [10, 10]);
    measuring.move([5, 1]);
    measuring.up([9, 1], [90, 10]);
    expect(measuring.done).toEqual([{ tool: 'length', points: [[1, 1], [9, 1]] }]);
  });
  it('takes a length of two taps', () => {
    const measuring = new Measuring();
    measuring.down('length', [1, 1], [10, 10]);
    measuring.up([1, 1], [10, 10]);
    expect(measuring.done).toEqual([]);
    measuring.down('length', [7, 2], [70, 20]);
    measuring.up([7, 2], [70, 20]);
    expect(measuring.done).toEqual([{ tool: 'length', points: [[1, 1], [7, 2]] }]);
  });
  it('takes an angle by an arm and its end, or by three taps', () => {
    const dragged = new Measuring();
    dragged.down('angle', [0, 5], [0, 50]);
    dragged.up([0, 0], [0, 0]);
    dragged.down('angle', [4, 1], [40, 10]);
    dragged.up([5, 0], [50, 0]);
    expect(dragged.done).toEqual([{ tool: 'angle', points: [[0, 5], [0, 0], [5, 0]] }]);
    const tapped = new Measuring();
    for (const point of [[0, 5], [0, 0], [5, 0]] as [number, number][]) {
      tapped.down('angle', point, [point[0] * 10, point[1] * 10]);
      tapped.up(point, [point[0] * 10, point[1] * 10]);
    }
    expect(tapped.done).toEqual(dragged.done);
  });
  it('begins anew with another tool, and forgets when told to', () => {
    const measuring = new Measuring();
    measuring.down('angle', [0, 0], [0, 0]);
    measuring.up([9, 9], [90, 90]);
    measuring.down('length', [1, 1], [10, 10]);
    expect(measuring.all).toEqual([{ tool: 'length', points: [[1, 1], [1, 1]] }]);
    measuring.clear();
    expect(measuring.all).toEqual([]);
  });
});

describe('commandOf', () => {
  const press = (key: string, on: 'field' | 'button' | 'other' = 'other', isModified = false, hasLetters = true) =>
    commandOf({ key, isModified, on }, hasLetters);
  it('knows the keys of the viewer', () => {
    expect(press('ArrowDown')).toEqual({ does: 'frames', by: 1 });
    expect(press('ArrowLeft')).toEqual({ does: 'series', by: -1 });
    expect(press('W')).toEqual({ does: 'tool', tool: 'window' });
    expect(press('6')).toEqual({ does: 'preset', at: 5 });
    expect(press(' ')).toEqual({ does: 'play' });
    expect(press('7')).toBeNull();
  });
  it('marks a picture with K, not where one writes', () => {
    expect(commandOf({ key: 'K', isModified: false, on: 'other' }, true)).toEqual({ does: 'mark' });
    expect(commandOf({ key: 'k', isModified: false, on: 'field' }, true)).toBeNull();
    expect(commandOf({ key: 'k', isModified: false, on: 'other' }, false)).toBeNull();
  });
  it('leaves fields their keys and buttons the space, but Esc leads back from everywhere', () => {
    expect(press('ArrowDown', 'field')).toBeNull();
    expect(press(' ', 'button')).toBeNull();
    expect(press('Escape', 'field')).toEqual({ does: 'back' });
  });
  it('takes no single keys where they are switched off, nor keys of the browser', () => {
    expect(press('w', 'other', false, false)).toBeNull();
    expect(press('1', 'other', false, false)).toBeNull();
    expect(press('ArrowUp', 'other', false, false)).toEqual({ does: 'frames', by: -1 });
    expect(press('r', 'other', true)).toBeNull();
  });
});
