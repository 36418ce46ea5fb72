// SPDX-License-Identifier: Apache-2.0
/* How far apart rows stand: as far as the waves in them need, so that none runs into the row above
 * or below, or over the paper's edge. Never nearer than the usual distance. */
import { factorOf, GAP, sampleAt, type Lead } from './recording.ts';
import { BASE, HEAD_MM, rowMm, type Cell, type Gain, type Sheet } from './sheet.ts';

const CLEAR_MM = 1;

type Span = Pick<Cell, 'from_ms' | 'to_ms'>;

/** How far a lead goes above and below its baseline, in mm; nothing where it has no scale. */
function reach(lead: Lead | undefined, { from_ms, to_ms }: Span, gain: Gain): { up: number; down: number } {
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

export interface Limits {
  /** Most for a wave beyond the edges. */
  edge_mm?: number;
  /** Most from row to row, in rows' heights: an artefact must not push all others out of sight. */
  apart?: number;
}

/** Where each row begins, and last where the paper ends, in mm. */
export function topsOf(
  { cells, rows }: Pick<Sheet, 'cells' | 'rows'>, leads: Lead[], gain: Gain, { edge_mm = Infinity, apart: rowsApart = 2 }: Limits = {},
): number[] {
  const row_mm = rowMm({ gain });
  const inRow = (row: number) => cells.filter((cell) => cell.row === row);
  const over = (row: number, way: 'up' | 'down', free: number) => {
    const most = Math.max(0, ...inRow(row).map((cell) => reach(leads[cell.lead], cell, gain)[way]));
    return Math.min(Math.ceil(most - free) + CLEAR_MM, edge_mm);
  };
  const apart = (upper: Cell, lower: Cell) => {
    const span = { from_ms: Math.max(upper.from_ms, lower.from_ms), to_ms: Math.min(upper.to_ms, lower.to_ms) };
    if (span.from_ms >= span.to_ms) return 0;
    return Math.ceil(reach(leads[upper.lead], span, gain).down + reach(leads[lower.lead], span, gain).up) + CLEAR_MM;
  };
  const tops = [Math.max(HEAD_MM, over(0, 'up', BASE * row_mm))];
  for (let row = 1; row < rows; row += 1) {
    const most = Math.max(0, ...inRow(row - 1).flatMap((upper) => inRow(row).map((lower) => apart(upper, lower))));
    tops.push((tops[row - 1] ?? 0) + Math.max(row_mm, Math.min(most, rowsApart * row_mm)));
  }
  return [...tops, (tops.at(-1) ?? 0) + row_mm + Math.max(0, over(rows - 1, 'down', (1 - BASE) * row_mm))];
}
