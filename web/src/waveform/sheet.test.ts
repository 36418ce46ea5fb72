// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Lead } from './recording.ts';
import { baselineOf, clampStart, layoutsFor, measure, ordered, pxPerMs, rowPx, sheetOf, widthPx, type Scale } from './sheet.ts';

const lead = (name: string): Lead => ({
  lead: name, code: 0, unit: 'V', unit_per_bit: 5e-6, offset: 0, rate_hz: 500, filter: '', is_derived: false,
  is_supported: true, form: 'samples', first: 0, span: 0, count: 0, values: new Int16Array(),
});
const SENT = ['I', 'II', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6', 'III', 'aVR', 'aVL', 'aVF'].map(lead);
const SCALE: Scale = { mm: 4, speed: 25, gain: 10 };
const names = (cells: { lead: number }[]) => cells.map((cell) => SENT[cell.lead]?.lead);

describe('the sheet', () => {
  it('shows three by four and a rhythm below, each a quarter of the time', () => {
    const { cells, rows } = sheetOf(SENT, '3x4', 10_000);
    expect(rows).toBe(4);
    expect(names(cells.filter(({ row }) => row === 0))).toEqual(['I', 'aVR', 'V1', 'V4']);
    expect(cells.find(({ lead }) => SENT[lead]?.lead === 'V6')).toMatchObject({ row: 2, from_ms: 7500, to_ms: 10_000 });
    expect(cells.at(-1)).toMatchObject({ row: 3, from_ms: 0, to_ms: 10_000 });
    expect(names(cells).at(-1)).toBe('II');
  });

  it('shows six by two, limbs then chest', () => {
    const { cells, rows } = sheetOf(SENT, '6x2', 10_000);
    expect(rows).toBe(6);
    expect(names(cells.filter(({ row }) => row === 3))).toEqual(['aVR', 'V4']);
    expect(cells.filter(({ from_ms }) => from_ms === 5000)).toHaveLength(6);
  });

  it('puts what is derived where people look for it', () => {
    expect(names(ordered(SENT).map((at) => ({ lead: at })))).toEqual(
      ['I', 'II', 'III', 'aVR', 'aVL', 'aVF', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6'],
    );
    expect(ordered([lead('呼吸'), lead('II')])).toEqual([1, 0]);
  });

  it('offers columns for twelve leads only, and falls back to rows', () => {
    expect(layoutsFor(SENT)).toHaveLength(3);
    expect(layoutsFor(SENT.slice(1))).toEqual(['12x1']);
    expect(sheetOf(SENT.slice(0, 3), '3x4', 10_000)).toMatchObject({ rows: 3 });
  });
});

describe('the scale', () => {
  it('never stretches: ten seconds are 250 mm, whatever the window', () => {
    const sheet = sheetOf(SENT, '12x1', 10_000);
    expect(widthPx(sheet, SCALE)).toBe(1000);
    expect(widthPx(sheet, { ...SCALE, speed: 50 })).toBe(2000);
    expect(pxPerMs({ ...SCALE, mm: 8 })).toBe(0.2);
  });

  it('gives each row 88 pixels or more at 10 mm/mV', () => {
    expect(rowPx(SCALE)).toBeGreaterThanOrEqual(88);
    expect(rowPx({ ...SCALE, gain: 20 })).toBeGreaterThan(rowPx(SCALE));
    expect(baselineOf(1, SCALE) - baselineOf(0, SCALE)).toBe(rowPx(SCALE));
  });

  it('keeps the view on the sheet', () => {
    const sheet = sheetOf(SENT, '12x1', 10_000);
    expect(clampStart(sheet, SCALE, -5, 500)).toBe(0);
    expect(clampStart(sheet, SCALE, 99_000, 560)).toBe(5000);
    expect(clampStart(sheet, SCALE, 3000, 2000)).toBe(0);
  });

  it('is measured in ms, beats and mV', () => {
    expect(measure({ x: 100, y: 200 }, { x: 180, y: 120 }, SCALE)).toEqual({ ms: 800, bpm: 75, mv: 2 });
    expect(measure({ x: 180, y: 120 }, { x: 100, y: 200 }, SCALE)).toEqual({ ms: 800, bpm: 75, mv: -2 });
    expect(measure({ x: 0, y: 0 }, { x: 8, y: 0 }, { ...SCALE, speed: 50 })).toEqual({ ms: 40, bpm: null, mv: 0 });
  });
});
