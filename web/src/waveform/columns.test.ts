// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { columnsOf } from './columns.ts';
import { GAP, type Lead } from './recording.ts';

const leadOf = (values: number[], more: Partial<Lead> = {}): Lead => ({
  lead: 'II', code: 2, unit: 'V', unit_per_bit: 5e-6, offset: 0, rate_hz: 500, filter: '', is_derived: false,
  is_supported: true, form: 'samples', first: 0, span: values.length, count: values.length, values: Int16Array.from(values), ...more,
});

describe('columns of pixels', () => {
  it('lose no spike, however many samples stand behind a pixel', () => {
    for (let spike = 0; spike < 1000; spike += 37) {
      const values = new Array<number>(1000).fill(0);
      values[spike] = 900;
      const { low, high } = columnsOf(leadOf(values), 0, 1000 / 33, 33);
      expect(Math.max(...high)).toBe(900);
      expect(Math.min(...low)).toBe(0);
      expect(high[Math.floor(spike / (1000 / 33))]).toBe(900);
    }
  });

  it('are empty where nothing was recorded', () => {
    const values = [1, 2, GAP, GAP, GAP, GAP, 3, GAP];
    const { low, high } = columnsOf(leadOf(values), 0, 2, 5);
    expect([...low]).toEqual([1, NaN, NaN, 3, NaN]);
    expect([...high]).toEqual([2, NaN, NaN, 3, NaN]);
  });

  it('show a sample in each of them when there are fewer samples than pixels', () => {
    const { low, high } = columnsOf(leadOf([5, 9]), 0, 0.25, 8);
    expect([...low]).toEqual([5, 5, 5, 5, 9, 9, 9, 9]);
    expect([...high]).toEqual([5, 5, 5, 5, 9, 9, 9, 9]);
  });

  it('count samples as the file does, also before and behind what came', () => {
    const { high } = columnsOf(leadOf([1, 2, 3, 4], { first: 10 }), 8, 2, 4);
    expect([...high]).toEqual([NaN, 2, 4, NaN]);
  });

  it('join pairs that the server made', () => {
    const pairs = leadOf([-1, 1, -9, 2, 0, 8, GAP, GAP], { form: 'extremes', span: 400, count: 4 });
    const { low, high } = columnsOf(pairs, 0, 200, 2);
    expect([...low]).toEqual([-9, 0]);
    expect([...high]).toEqual([2, 8]);
  });
});
