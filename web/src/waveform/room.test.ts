// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Lead } from './recording.ts';
import { topsOf } from './room.ts';
import { sheetOf } from './sheet.ts';

const NAMES = ['I', 'II', 'III', 'aVR', 'aVL', 'aVF', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6'];
/** Flat but for one beat at 300 ms of each second: an R and, 30 ms later, an S, in mV. */
function lead(name: string, r = 0.5, s = -0.2, more: Partial<Lead> = {}): Lead {
  const values = new Int16Array(10_000);
  for (let second = 0; second < 10; second += 1) values.set([r / 5e-3], second * 1000 + 300);
  for (let second = 0; second < 10; second += 1) values.set([s / 5e-3], second * 1000 + 330);
  return {
    lead: name, code: 0, unit: 'V', unit_per_bit: 5e-6, offset: 0, rate_hz: 1000, filter: '', is_derived: false, is_supported: true,
    form: 'samples', first: 0, span: values.length, count: values.length, values, ...more,
  };
}
/** With S waves of 2 mV in V2 and R waves of 1.2 mV in V3. */
const deep = NAMES.map((name) => (name === 'V2' ? lead(name, 0.4, -2) : name === 'V3' ? lead(name, 1.2) : lead(name)));
const steps = (tops: number[]) => tops.slice(1).map((top, at) => top - (tops[at] ?? 0));

describe('rows of a sheet', () => {
  it('stand as always where waves are small', () => {
    const plain = NAMES.map((name) => lead(name));
    expect(topsOf(sheetOf(plain, '3x4', 10_000), plain, 10)).toEqual([5, 27, 49, 71, 93]);
  });

  it('make room for a deep wave above a high one, and only there', () => {
    // V2 is in the second row of its column, V3 below it: 20 mm down and 12 up
    expect(steps(topsOf(sheetOf(deep, '3x4', 10_000), deep, 10))).toEqual([22, 33, 22, 22]);
    expect(steps(topsOf(sheetOf(deep, '6x2', 10_000), deep, 10))).toEqual([22, 33, 22, 22, 22, 22]);
    expect(steps(topsOf(sheetOf(deep, '12x1', 10_000), deep, 10))[7]).toBe(33);
    // half the gain, half the room
    expect(steps(topsOf(sheetOf(deep, '12x1', 10_000), deep, 5))[7]).toBe(17);
  });

  it('do not meet waves of another time', () => {
    // beside V2 stand the limb leads: what is below them is of the first five seconds
    const limb = NAMES.map((name) => (name === 'V2' ? lead(name, 0.4, -2) : name === 'III' ? lead(name, 1.8) : lead(name)));
    expect(steps(topsOf(sheetOf(limb, '6x2', 10_000), limb, 10))).toEqual([22, 22, 22, 22, 22, 22].map((mm, at) => (at === 1 ? 26 : mm)));
  });

  it('keep the first wave and the last one on the paper', () => {
    const edges = [lead('CM5', 3), lead('NASA', 0.5, -1.8)];
    expect(topsOf(sheetOf(edges, '12x1', 10_000), edges, 10)).toEqual([19, 41, 73]);
    expect(topsOf(sheetOf(edges, '12x1', 10_000), edges, 10, { edge_mm: 8 })).toEqual([8, 30, 60]);
  });

  it('are not pushed away by an artefact', () => {
    const wild = [lead('CM5'), lead('NASA', 150)];
    expect(steps(topsOf(sheetOf(wild, '12x1', 10_000), wild, 10))[0]).toBe(44);
  });

  it('know nothing of leads without a scale, of gaps and of extremes', () => {
    for (const more of [{ unit: '' }, { form: 'extremes' as const }]) {
      const other = [lead('A', 0.5, -5, more), lead('B', 5, 0, more)];
      expect(topsOf(sheetOf(other, '12x1', 10_000), other, 10)).toEqual([5, 27, 49]);
    }
    const gaps = [lead('A'), lead('B')];
    gaps[0]?.values.fill(-32768, 5000, 6000);
    expect(topsOf(sheetOf(gaps, '12x1', 10_000), gaps, 10)).toEqual([5, 27, 49]);
  });
});
