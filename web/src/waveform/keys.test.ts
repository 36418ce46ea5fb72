// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { commandOf } from './keys.ts';

const press = (key: string, more: object = {}, measures = false, letters = true) =>
  commandOf({ key, shiftKey: false, isModified: false, ...more }, measures, letters);

describe('keys on the paper', () => {
  it('scroll, or move the caliper when it is out', () => {
    expect(press('ArrowRight')).toEqual({ does: 'scroll', by: 0.1 });
    expect(press('ArrowRight', { shiftKey: true })).toEqual({ does: 'scroll', by: 0.5 });
    expect(press('ArrowRight', {}, true)).toEqual({ does: 'leg', x: 1, y: 0 });
    expect(press('ArrowUp', { shiftKey: true }, true)).toEqual({ does: 'leg', x: 0, y: -5 });
    expect(press('ArrowUp')).toBeUndefined(); // the page scrolls
    expect(press('End')).toEqual({ does: 'end', to: 'end' });
  });

  it('leave the browser its own, and letters to whom wants them', () => {
    expect(press('c', { isModified: true })).toBeUndefined();
    expect(press('c', {}, false, false)).toBeUndefined();
    expect(press('c')).toEqual({ does: 'caliper' });
    expect(press('t')).toEqual({ does: 'time' });
    expect(press('G', { shiftKey: true })).toEqual({ does: 'gain', by: -1 });
    expect(press('Escape', {}, false, false)).toEqual({ does: 'back' });
  });
});
