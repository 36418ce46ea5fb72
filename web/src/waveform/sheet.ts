// SPDX-License-Identifier: Apache-2.0
/* The sheet of paper: which lead stands where, and how many millimetres anything is. Time runs
 * along the whole sheet; a layout of several columns shows other leads in each part of it. */
import type { Lead } from './recording.ts';

export type Layout = '12x1' | '6x2' | '3x4';
export const LAYOUTS: Layout[] = ['3x4', '6x2', '12x1'];
export const SPEEDS = [25, 50] as const; // mm/s
export const GAINS = [5, 10, 20] as const; // mm/mV
export type Speed = (typeof SPEEDS)[number];
export type Gain = (typeof GAINS)[number];

/** Pixels of a millimetre on the screen, by step of zoom. Fixed: the trace never stretches. */
export const ZOOMS = [3, 4, 5, 6, 8] as const;
export const ZOOM = 1;
/** Name and pulse stand left of all traces, words of annotations above them. */
export const GUTTER_MM = 15;
export const HEAD_MM = 5;
const ROW_MM = 22;
/** Where a row's baseline is, from its top. */
export const BASE = 0.55;
const LIMBS = ['I', 'II', 'III', 'aVR', 'aVL', 'aVF'];
const CHEST = ['V1', 'V2', 'V3', 'V4', 'V5', 'V6'];
const TWELVE = [...LIMBS, ...CHEST];

export interface Cell {
  /** Index of the lead. */
  lead: number;
  row: number;
  from_ms: number;
  to_ms: number;
}

export interface Sheet {
  cells: Cell[];
  rows: number;
  duration_ms: number;
}

const isTwelve = (leads: Lead[]): boolean => TWELVE.every((name) => leads.some(({ lead }) => lead === name));

/** Layouts that can show these leads: those of columns are for twelve of one length. */
export const layoutsFor = (leads: Lead[]): Layout[] => (isTwelve(leads) ? LAYOUTS : ['12x1']);

/** In the usual order where they are the usual ones. */
export function ordered(leads: Lead[]): number[] {
  const known = TWELVE.map((name) => leads.findIndex(({ lead }) => lead === name)).filter((at) => at >= 0);
  return [...known, ...leads.map((_, at) => at).filter((at) => !known.includes(at))];
}

function parts(leads: Lead[], columns: string[][], duration_ms: number): Cell[] {
  const width = duration_ms / columns.length;
  return columns.flatMap((names, column) =>
    names.map((name, row) => ({
      lead: leads.findIndex(({ lead }) => lead === name), row, from_ms: column * width, to_ms: (column + 1) * width,
    })),
  );
}

export function sheetOf(leads: Lead[], layout: Layout, duration_ms: number): Sheet {
  if (layout === '6x2' && isTwelve(leads)) {
    return { cells: parts(leads, [LIMBS, CHEST], duration_ms), rows: 6, duration_ms };
  }
  if (layout === '3x4' && isTwelve(leads)) {
    const columns = [LIMBS.slice(0, 3), LIMBS.slice(3), CHEST.slice(0, 3), CHEST.slice(3)];
    const rhythm = { lead: leads.findIndex(({ lead }) => lead === 'II'), row: 3, from_ms: 0, to_ms: duration_ms };
    return { cells: [...parts(leads, columns, duration_ms), rhythm], rows: 4, duration_ms };
  }
  const cells = ordered(leads).map((lead, row) => ({ lead, row, from_ms: 0, to_ms: duration_ms }));
  return { cells, rows: cells.length, duration_ms };
}

/** A scale in pixels: what is drawn, on the screen or on paper. */
export interface Scale {
  mm: number;
  speed: Speed;
  gain: Gain;
  /** Where rows begin, and last where the paper ends (room.ts); left out = at the usual distance. */
  tops_mm?: number[];
}

/** Least distance of rows. Higher gains need more room: V3 to V6 would run into each other. At 10
 * mm/mV and 4 px: 88 px. */
export const rowMm = ({ gain }: Pick<Scale, 'gain'>): number =>
  gain === 20 ? ROW_MM * 1.5 : gain === 5 ? ROW_MM * 0.75 : ROW_MM;
export const rowPx = (scale: Scale): number => rowMm(scale) * scale.mm;
export const gutterPx = ({ mm }: Scale): number => GUTTER_MM * mm;
export const pxPerMs = ({ mm, speed }: Scale): number => (mm * speed) / 1000;
export const widthPx = (sheet: Sheet, scale: Scale): number => sheet.duration_ms * pxPerMs(scale);
export const topOf = (row: number, scale: Scale): number => (scale.tops_mm?.[row] ?? HEAD_MM + row * rowMm(scale)) * scale.mm;
export const heightPx = (sheet: Sheet, scale: Scale): number => Math.round(topOf(sheet.rows, scale));
export const baselineOf = (row: number, scale: Scale): number => topOf(row, scale) + BASE * rowPx(scale);

/** The first ms in view, so that the view stays on the sheet. */
export function clampStart(sheet: Sheet, scale: Scale, start_ms: number, view_px: number): number {
  const most = sheet.duration_ms - (view_px - gutterPx(scale)) / pxPerMs(scale);
  return Math.max(0, Math.min(start_ms, most));
}

/** Between two points of the paper. `mv` only where a lead has a scale. */
export interface Measure {
  ms: number;
  bpm: number | null;
  mv: number;
}

export function measure(from: { x: number; y: number }, to: { x: number; y: number }, scale: Scale): Measure {
  const ms = Math.abs(to.x - from.x) / pxPerMs(scale);
  const mv = (from.y - to.y) / (scale.mm * scale.gain);
  return { ms: Math.round(ms), bpm: ms >= 150 ? Math.round(60_000 / ms) : null, mv: Math.round(mv * 100) / 100 };
}
