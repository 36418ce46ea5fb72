// SPDX-License-Identifier: Apache-2.0
/* What goes on paper: as many millimetres as a sheet of A4 has, at the scale that is said. Many
 * rows want it upright. */
import { draw } from '../../waveform/draw.ts';
import type { Recording } from '../../waveform/recording.ts';
import { GUTTER_MM, heightPx, rowMm, sheetOf, type Gain, type Layout, type Speed } from '../../waveform/sheet.ts';

const ACROSS = { wide: 262, high: 150 };
const UPRIGHT = { wide: 184, high: 225 };
const ROWS_ACROSS = 6;
const DOTS = 8; // of a millimetre

export interface Picture {
  blob: Blob;
  width_mm: number;
  speed: Speed;
  gain: Gain;
}

export async function pictureOf(
  recording: Recording, layout: Layout, paper: { speed: Speed; gain: Gain }, start_ms: number,
): Promise<Picture | undefined> {
  const whole = recording.groups[recording.group]?.duration_ms ?? 0;
  const sheet = sheetOf(recording.leads, layout, whole);
  const page = sheet.rows > ROWS_ACROSS ? UPRIGHT : ACROSS;
  const fits = ((page.wide - GUTTER_MM) / paper.speed) * 1000;
  const from = Math.max(0, Math.min(start_ms, whole - fits));
  const shown = Math.min(fits, whole - from);
  const scale = { mm: DOTS, ...paper, row_mm: Math.min(rowMm(paper), page.high / sheet.rows) };
  const width_mm = GUTTER_MM + Math.ceil((shown * paper.speed) / 1000);
  const canvas = document.createElement('canvas');
  canvas.width = width_mm * DOTS;
  canvas.height = heightPx(sheet, scale);
  const ctx = canvas.getContext('2d');
  if (!ctx || canvas.width === 0 || canvas.height === 0) return undefined;
  draw(ctx, { scale, width: canvas.width, height: canvas.height, start_ms: from }, sheet, recording.leads, recording.annotations);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/png'));
  return blob ? { blob, width_mm, ...paper } : undefined;
}
