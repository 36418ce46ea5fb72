// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { pagesOf, stretchOf, type Page, type Wanted } from './pages.ts';
import type { Lead, Recording } from './recording.ts';

const RATE = 500;
/** 1 mV for the second half of each second. */
const steps = (seconds: number) => Int16Array.from({ length: seconds * RATE }, (_, at) => (at % RATE < RATE / 2 ? 0 : 200));
const lead = (name: string, seconds: number): Lead => ({
  lead: name, code: 0, unit: 'V', unit_per_bit: 5e-6, offset: 0, rate_hz: RATE, filter: '', is_derived: false, is_supported: true,
  form: 'samples', first: 0, span: seconds * RATE, count: seconds * RATE, values: steps(seconds),
});
const TWELVE = ['I', 'II', 'III', 'aVR', 'aVL', 'aVF', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6'];
const recording = (names: string[], seconds: number): Recording => ({
  format: 1, start: '2026-11-27T10:15:00', device: '', filter: '', group: 0, from_ms: 0, to_ms: seconds * 1000, annotations: [],
  annotations_left_off: 0, values: [], statements: [],
  groups: [{ kind: 'rhythm', label: '', start_ms: 0, duration_ms: seconds * 1000, leads: names.length }],
  leads: names.map((name) => lead(name, seconds)),
});
const WANTED: Wanted = { layout: '3x4', speed: 25, gain: 10, start_ms: 0 };
const pages = (more: Partial<Wanted>, names = TWELVE, seconds = 10) => pagesOf(recording(names, seconds), seconds * 1000, { ...WANTED, ...more });
const lines = (page: Page | undefined) =>
  (page?.marks ?? []).flatMap((mark) => (mark.is === 'line' ? [mark.d.slice(1).split(/[ML]/).map((one) => one.split(' ').map(Number))] : []));
/** Of the pulse in the gutter, in millimetres. */
function pulseOf(page: Page | undefined) {
  const pulse = lines(page).find((points) => points.length === 5 && points.every(([x = 0]) => x < 1500)) ?? [];
  const [xs, ys] = [pulse.map(([x = 0]) => x), pulse.map(([, y = 0]) => y)];
  return { high: (Math.max(...ys) - Math.min(...ys)) / 100, wide: ((xs[3] ?? 0) - (xs[1] ?? 0)) / 100 };
}

describe('sheets of paper', () => {
  it('have ten seconds of all layouts at 25 mm/s across, in millimetres', () => {
    const [page, ...more] = pages({});
    expect(more).toHaveLength(0);
    expect(page).toMatchObject({ width_mm: 265, from_ms: 0, to_ms: 10_000 });
    const trace = lines(page).find((points) => points.length > 4000) ?? [];
    // the rhythm's ten seconds, with a sample beyond the edge that is cut off
    expect((trace.at(-1)?.[0] ?? 0) - (trace[0]?.[0] ?? 0)).toBeGreaterThanOrEqual(24_990);
    const up = trace.filter(([, y], at) => at > 0 && (trace[at - 1]?.[1] ?? 0) - (y ?? 0) === 1000).map(([x]) => x ?? 0);
    expect(up.length).toBe(10);
    expect((up[9] ?? 0) - (up[0] ?? 0)).toBe(9 * 2500);
  });

  it('have a pulse as high as the gain says, whatever else', () => {
    for (const gain of [5, 10, 20] as const) {
      for (const layout of ['3x4', '6x2', '12x1'] as const) {
        for (const page of pages({ gain, layout, speed: 50 })) expect(pulseOf(page)).toEqual({ high: gain, wide: 5 });
      }
    }
  });

  it('go on where one is too short, at columns of the layout', () => {
    expect(pages({ speed: 50 }).map(({ from_ms, to_ms, leads }) => [from_ms, to_ms, leads.join(' ')])).toEqual([
      [0, 5000, 'I II III aVR aVL aVF II'], [5000, 10_000, 'V1 V2 V3 V4 V5 V6 II'],
    ]);
    // of columns that begin beyond the first sheet the gutter has the names
    const words = (pages({ speed: 50 })[1]?.marks ?? []).flatMap((mark) => (mark.is === 'text' && mark.x < 1500 ? [mark.text] : []));
    expect(words).toEqual(['V1', 'V2', 'V3', 'II']);
  });

  it('go on where one is too low, with about as many rows each', () => {
    expect(pages({ layout: '12x1' }).map(({ leads }) => leads.join(' '))).toEqual(['I II III aVR aVL aVF', 'V1 V2 V3 V4 V5 V6']);
    expect(pages({ layout: '12x1', gain: 20 }).map(({ leads }) => leads.length)).toEqual([4, 4, 4]);
    expect(pages({ gain: 20 })).toHaveLength(1);
    for (const page of pages({ layout: '6x2', gain: 20 })) expect(page.height_mm).toBeLessThanOrEqual(146);
  });

  it('are high enough for the highest wave, or hold fewer rows', () => {
    const tall = (gain: 10 | 20, up: number) => {
      const one = recording(TWELVE, 10);
      one.leads.forEach(({ values }, at) => { if (at < 3) values.set([up / 5e-3], 100); });
      return pagesOf(one, 10_000, { ...WANTED, gain });
    };
    for (const [gain, up, sheets] of [[10, 2, 1], [20, 1.5, 1], [20, 2.5, 2]] as const) {
      const all = tall(gain, up);
      expect(all).toHaveLength(sheets);
      for (const page of all) {
        expect(Math.min(...lines(page).flat().map(([, y = 0]) => y))).toBeGreaterThanOrEqual(0);
        expect(page.height_mm).toBeLessThanOrEqual(146);
      }
    }
  });

  it('let rows meet before leads of one time go on two sheets', () => {
    const deep = (down: number) => {
      const one = recording(TWELVE, 10);
      one.leads.forEach(({ lead, values }) => lead === 'V2' && values.fill(-down / 5e-3));
      return pagesOf(one, 10_000, { ...WANTED, gain: 20 });
    };
    // 18 mm down and 20 up: there is room for that; 30 and 20: there is none
    expect(deep(0.9).map(({ height_mm }) => height_mm)).toEqual([143]);
    expect(deep(1.5).map(({ height_mm }) => height_mm)).toEqual([137]);
  });

  it('show of a long recording what is looked at, and its end whole', () => {
    const day = 86_400_000;
    expect(stretchOf(day, { speed: 25, start_ms: 3_600_000 })).toEqual({ from_ms: 3_600_000, to_ms: 3_610_320 });
    expect(stretchOf(day, { speed: 25, start_ms: day })).toEqual({ from_ms: day - 10_320, to_ms: day });
    expect(stretchOf(10_000, { speed: 50, start_ms: 4000 })).toEqual({ from_ms: 0, to_ms: 10_000 });
    expect(pages({ layout: '12x1', start_ms: 20_000 }, ['CM5', 'NASA'], 60)).toMatchObject([{ from_ms: 20_000, to_ms: 30_320 }]);
  });

  it('cut a trace off where its column ends', () => {
    const clips = (pages({})[0]?.marks ?? []).flatMap(({ clip }) => (clip ? [[Math.round(clip.x), Math.round(clip.width)]] : []));
    expect(clips.slice(0, 4)).toEqual([[1500, 6250], [1500, 6250], [1500, 6250], [7750, 6250]]);
  });
});
