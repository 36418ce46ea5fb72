// SPDX-License-Identifier: Apache-2.0
/* Sheets of A4 across, at the scale that is said: what is too long or too high for one goes on on
 * the next, and nothing is made smaller. */
import { draw } from './draw.ts';
import type { Lead, Recording } from './recording.ts';
import { topsOf, type Limits } from './room.ts';
import { GUTTER_MM, heightPx, sheetOf, type Cell, type Gain, type Layout, type Sheet, type Speed } from './sheet.ts';
import { penOf, UNITS, VectorPen, type Mark } from './vector.ts';

/** Of A4 across, within its margins and below what every print says above. */
const WIDE_MM = 273;
const HIGH_MM = 146;
/** What is longer is printed from where it is looked at, one sheet wide. */
const WHOLE_MS = 30_000;
const HAIR_MM = 0.1;

export interface Wanted {
  layout: Layout;
  speed: Speed;
  gain: Gain;
  /** At the view's left edge. */
  start_ms: number;
}

export interface Stretch {
  from_ms: number;
  to_ms: number;
}

export interface Page extends Stretch {
  width_mm: number;
  height_mm: number;
  leads: string[];
  marks: Mark[];
}

const fits = (speed: Speed): number => ((WIDE_MM - GUTTER_MM) / speed) * 1000;

/** What has to be there to print it. */
export function stretchOf(duration_ms: number, { speed, start_ms }: Pick<Wanted, 'speed' | 'start_ms'>): Stretch {
  if (duration_ms <= WHOLE_MS) return { from_ms: 0, to_ms: duration_ms };
  const from_ms = Math.max(0, Math.min(start_ms, duration_ms - fits(speed)));
  return { from_ms, to_ms: Math.min(from_ms + fits(speed), duration_ms) };
}

/** A column of the layout goes on no other sheet where it can stand on one. */
function breaks(sheet: Sheet, { from_ms, to_ms }: Stretch, speed: Speed): Stretch[] {
  const column = Math.min(...sheet.cells.map((cell) => cell.to_ms - cell.from_ms));
  const columns = Math.floor(fits(speed) / column);
  const step = column < sheet.duration_ms && columns > 0 ? column * columns : fits(speed);
  const all: Stretch[] = [];
  for (let at = from_ms; at < to_ms; at += step) all.push({ from_ms: at, to_ms: Math.min(at + step, to_ms) });
  return all;
}

interface Floor {
  cells: Cell[];
  rows: number;
  tops_mm: number[];
}

function floorOf(sheet: Sheet, [first, rows]: [number, number], leads: Lead[], gain: Gain, limits: Limits): Floor {
  const cells = sheet.cells.filter(({ row }) => row >= first && row < first + rows).map((cell) => ({ ...cell, row: cell.row - first }));
  return { cells, rows, tops_mm: topsOf({ cells, rows }, leads, gain, limits) };
}

/** As many rows as have room, about as many on each sheet. Waves that meet are better than leads of one
 * time on two sheets. */
function floors(sheet: Sheet, leads: Lead[], gain: Gain): Floor[] {
  for (let count = 1; ; count += 1) {
    const each = Math.ceil(sheet.rows / count);
    for (const limits of [{}, { apart: 1 }]) {
      const all = Array.from({ length: Math.ceil(sheet.rows / each) }, (_, at) =>
        floorOf(sheet, [at * each, Math.min(each, sheet.rows - at * each)], leads, gain, limits));
      if (each === 1 || all.every(({ tops_mm }) => (tops_mm.at(-1) ?? 0) <= HIGH_MM)) return all;
    }
  }
}

export function pagesOf(recording: Recording, duration_ms: number, wanted: Wanted): Page[] {
  const { layout, speed, gain } = wanted;
  const { leads, annotations } = recording;
  const sheet = sheetOf(leads, layout, duration_ms);
  const storeys = floors(sheet, leads, gain);
  return breaks(sheet, stretchOf(duration_ms, wanted), speed).flatMap((stretch) =>
    storeys.map(({ cells, rows, tops_mm }): Page => {
      const part = { cells, rows, duration_ms: stretch.to_ms };
      const scale = { mm: UNITS, speed, gain, tops_mm };
      const width_mm = GUTTER_MM + ((stretch.to_ms - stretch.from_ms) * speed) / 1000;
      const height = heightPx(part, scale);
      const pen = new VectorPen();
      const view = { scale, width: width_mm * UNITS, height, start_ms: stretch.from_ms, hair: HAIR_MM * UNITS };
      draw(penOf(pen), view, part, leads, annotations);
      const seen = cells.filter(({ from_ms, to_ms }) => from_ms < stretch.to_ms && to_ms > stretch.from_ms);
      return { ...stretch, width_mm, height_mm: height / UNITS, marks: pen.marks, leads: seen.map(({ lead }) => leads[lead]?.lead ?? '') };
    }),
  );
}
