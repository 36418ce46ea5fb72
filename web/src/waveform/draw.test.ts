// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { draw } from './draw.ts';
import { GAP, type Lead } from './recording.ts';
import { baselineOf, gutterPx, sheetOf, type Scale } from './sheet.ts';

const SCALE: Scale = { mm: 4, speed: 25, gain: 10 };
const VIEW = { scale: SCALE, width: 1048, height: 88, start_ms: 0 };

/** A canvas that keeps what is drawn: strokes with their points. */
function paper() {
  type Stroke = { colour: string; points: [string, number, number][] };
  const strokes: Stroke[] = [];
  const texts: string[] = [];
  let points: Stroke['points'] = [];
  const ctx = {
    strokeStyle: '', fillStyle: '', font: '', lineWidth: 0, lineJoin: '', textBaseline: '',
    beginPath: () => (points = []),
    moveTo: (x: number, y: number) => points.push(['move', x, y]),
    lineTo: (x: number, y: number) => points.push(['line', x, y]),
    stroke: () => strokes.push({ colour: ctx.strokeStyle, points }),
    fillText: (text: string) => texts.push(text),
    strokeText: () => {},
    measureText: () => ({ width: 20 }),
    fillRect: () => {}, save: () => {}, restore: () => {}, rect: () => {}, clip: () => {},
  };
  return { ctx: ctx as unknown as CanvasRenderingContext2D, strokes, texts };
}

const lead = (values: number[], more: Partial<Lead> = {}): Lead => ({
  lead: 'II', code: 2, unit: 'V', unit_per_bit: 1e-5, offset: 0, rate_hz: 100, filter: '', is_derived: false,
  is_supported: true, form: 'samples', first: 0, span: values.length, count: values.length, values: Int16Array.from(values), ...more,
});

function traceOf(one: Lead, duration = 10_000, start_ms = 0) {
  const { ctx, strokes, texts } = paper();
  draw(ctx, { ...VIEW, start_ms }, sheetOf([one], '12x1', duration), [one], []);
  // after the two of the paper
  return { points: strokes[2]?.points ?? [], strokes, texts };
}

describe('a trace', () => {
  it('stands where time and voltage say', () => {
    const { points } = traceOf(lead([0, 100, 0]), 30);
    const base = baselineOf(0, SCALE);
    expect(points[1]?.[1]).toBeCloseTo(gutterPx(SCALE) + 1); // 10 ms at 25 mm/s and 4 px
    expect(points[1]?.[2]).toBeCloseTo(base - 40); // 1 mV
  });

  it('is broken where samples are missing', () => {
    const { points } = traceOf(lead([1, 2, GAP, 4, 5]), 50);
    expect(points.map(([kind]) => kind)).toEqual(['move', 'line', 'move', 'line']);
  });

  it('is drawn by extremes where a pixel holds many samples', () => {
    const values = new Array<number>(20_000).fill(0);
    values[7777] = 500;
    const { points } = traceOf(lead(values, { rate_hz: 2000, unit_per_bit: 1e-6 }));
    const top = Math.min(...points.map(([, , y]) => y));
    expect(points.length).toBeLessThan(2200);
    expect(top).toBeCloseTo(baselineOf(0, SCALE) - 20);
  });

  it('has its offset taken into account, and stays out of the gutter', () => {
    const { points } = traceOf(lead([200, 200, 200], { offset: -200 }), 30, 5);
    expect(points[0]?.[2]).toBeCloseTo(baselineOf(0, SCALE));
  });

  it('has a pulse of 1 mV and its name beside it; without a scale there is none', () => {
    const { strokes, texts } = traceOf(lead([0, 0]), 20);
    const pulse = strokes[3]?.points ?? [];
    const heights = pulse.map(([, , y]) => y);
    expect(Math.max(...heights) - Math.min(...heights)).toBe(40);
    expect(texts).toEqual(['II']);
    expect(traceOf(lead([0, 0], { unit: '' }), 20).strokes).toHaveLength(3);
  });

  it('has words of annotations above it, where the next one leaves them room', () => {
    const { ctx, texts } = paper();
    const one = lead(new Array<number>(1000).fill(0));
    const at = (start_ms: number, text: string) => ({ start_ms, text });
    draw(ctx, VIEW, sheetOf([one], '12x1', 10_000), [one], [at(5000, 'VPC'), at(1000, 'P'), at(1100, 'QRS'), at(99_000, 'later')]);
    expect(texts).toEqual(['II', 'QRS', 'VPC']);
  });

  it('of compressed samples is not there', () => {
    const { strokes } = traceOf(lead([], { is_supported: false }), 20);
    expect(strokes).toHaveLength(2);
  });
});
