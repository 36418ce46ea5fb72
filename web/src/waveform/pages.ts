// SPDX-License-Identifier: Apache-2.0
/* Sheets of A4 across, at the scale that is said: what is too long or too high for one goes on on
 * the next, and nothing is made smaller. */
import { draw } from './draw.ts';
import { factorOf, GAP, sampleAt, type Lead, type Recording } from './recording.ts';
import { BASE, GUTTER_MM, HEAD_MM, heightPx, rowMm, sheetOf, type Cell, type Gain, type Layout, type Sheet, type Speed } from './sheet.ts';
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
  /** Above the first row and below the last: no wave is cut off by the paper's edge. */
  head_mm: number;
  foot_mm: number;
}

/** How far a lead goes above and below its baseline, in mm. */
function reach(lead: Lead | undefined, { from_ms, to_ms }: Stretch, gain: Gain): { up: number; down: number } {
  if (!lead || lead.unit !== 'V' || lead.form !== 'samples') return { up: 0, down: 0 };
  const factor = factorOf(lead) * gain;
  const last = Math.min(Math.ceil(sampleAt(lead, to_ms)) - lead.first, lead.count);
  let [low, high] = [-lead.offset, -lead.offset];
  for (let at = Math.max(Math.floor(sampleAt(lead, from_ms)) - lead.first, 0); at < last; at += 1) {
    const value = lead.values[at] as number;
    if (value === GAP) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { up: (high + lead.offset) * factor, down: -(low + lead.offset) * factor };
}

function floorOf(sheet: Sheet, first: number, rows: number, leads: Lead[], gain: Gain): Floor {
  const row_mm = rowMm({ gain });
  const cells = sheet.cells.filter(({ row }) => row >= first && row < first + rows).map((cell) => ({ ...cell, row: cell.row - first }));
  const most = (row: number, way: 'up' | 'down') =>
    Math.max(0, ...cells.filter((cell) => cell.row === row).map((cell) => reach(leads[cell.lead], cell, gain)[way]));
  return {
    cells, rows,
    head_mm: Math.max(HEAD_MM, Math.ceil(most(0, 'up') - BASE * row_mm) + 1),
    foot_mm: Math.max(0, Math.ceil(most(rows - 1, 'down') - (1 - BASE) * row_mm) + 1),
  };
}

/** As many rows as have room, about as many on each sheet. */
function floors(sheet: Sheet, leads: Lead[], gain: Gain): Floor[] {
  for (let count = 1; ; count += 1) {
    const each = Math.ceil(sheet.rows / count);
    const all = Array.from({ length: Math.ceil(sheet.rows / each) }, (_, at) =>
      floorOf(sheet, at * each, Math.min(each, sheet.rows - at * each), leads, gain));
    const high = ({ rows, head_mm, foot_mm }: Floor) => head_mm + rows * rowMm({ gain }) + foot_mm;
    if (each === 1 || all.every((floor) => high(floor) <= HIGH_MM)) return all;
  }
}

export function pagesOf(recording: Recording, duration_ms: number, wanted: Wanted): Page[] {
  const { layout, speed, gain } = wanted;
  const { leads, annotations } = recording;
  const sheet = sheetOf(leads, layout, duration_ms);
  const storeys = floors(sheet, leads, gain);
  return breaks(sheet, stretchOf(duration_ms, wanted), speed).flatMap((stretch) =>
    storeys.map(({ cells, rows, head_mm, foot_mm }): Page => {
      const part = { cells, rows, duration_ms: stretch.to_ms };
      const scale = { mm: UNITS, speed, gain, head_mm };
      const width_mm = GUTTER_MM + ((stretch.to_ms - stretch.from_ms) * speed) / 1000;
      const height = heightPx(part, scale) + foot_mm * UNITS;
      const pen = new VectorPen();
      const view = { scale, width: width_mm * UNITS, height, start_ms: stretch.from_ms, hair: HAIR_MM * UNITS };
      draw(penOf(pen), view, part, leads, annotations);
      const seen = cells.filter(({ from_ms, to_ms }) => from_ms < stretch.to_ms && to_ms > stretch.from_ms);
      return { ...stretch, width_mm, height_mm: height / UNITS, marks: pen.marks, leads: seen.map(({ lead }) => leads[lead]?.lead ?? '') };
    }),
  );
}
