// SPDX-License-Identifier: Apache-2.0
/* Smallest and largest value of each column of pixels, so that no spike is lost however many
 * samples stand behind one pixel. */
import { GAP, type Lead } from './recording.ts';

export interface Columns {
  /** NaN where nothing was recorded. */
  low: Float32Array;
  high: Float32Array;
}

/** Column i shows samples `from` + i × `per` … `from` + (i + 1) × `per`, counted as the file's. */
export function columnsOf(lead: Lead, from: number, per: number, count: number): Columns {
  const low = new Float32Array(count).fill(NaN);
  const high = new Float32Array(count).fill(NaN);
  const isPair = lead.form === 'extremes';
  // places in `values`: a sample each, or a pair for several samples
  const each = isPair ? lead.span / Math.max(lead.count, 1) : 1;
  for (let i = 0; i < count; i += 1) {
    const start = (from + i * per - lead.first) / each;
    const end = (from + (i + 1) * per - lead.first) / each;
    const last = Math.min(Math.max(Math.ceil(end), Math.floor(start) + 1), lead.count);
    let least = Infinity;
    let most = -Infinity;
    for (let at = Math.max(Math.floor(start), 0); at < last; at += 1) {
      const bottom = lead.values[isPair ? at * 2 : at] as number;
      if (bottom === GAP) continue;
      const top = isPair ? (lead.values[at * 2 + 1] as number) : bottom;
      if (bottom < least) least = bottom;
      if (top > most) most = top;
    }
    if (least <= most) {
      low[i] = least;
      high[i] = most;
    }
  }
  return { low, high };
}
