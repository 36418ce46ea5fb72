// SPDX-License-Identifier: Apache-2.0
/* Millimetre paper and traces, on a canvas or on real paper (vector.ts). Gaps stay empty; nothing
 * is smoothed or joined. */
import { columnsOf } from './columns.ts';
import { factorOf, GAP, sampleAt, timeOf, type Lead } from './recording.ts';
import { baselineOf, gutterPx, pxPerMs, rowPx, topOf, type Cell, type Scale, type Sheet } from './sheet.ts';

const FINE = '#f7d9d6';
const COARSE = '#eba9a3';
const INK = '#14161c';
const QUIET = '#5b5f6b';
const PULSE_MM = 5; // 0.2 s at 25 mm/s
const PULSE_AT_MM = 8;
/** More samples than this behind a pixel: extremes; fewer: each sample. */
const PER_PIXEL = 1.5;

export interface View {
  scale: Scale;
  width: number;
  height: number;
  /** At the gutter's edge. */
  start_ms: number;
  /** Of a fine line, where it is no dot of a screen. */
  hair?: number;
}

/** What of a canvas drawing needs: paper has it too. */
export type Pen = Pick<
  CanvasRenderingContext2D,
  | 'strokeStyle' | 'fillStyle' | 'lineWidth' | 'lineJoin' | 'font' | 'textBaseline' | 'beginPath' | 'moveTo' | 'lineTo'
  | 'stroke' | 'save' | 'restore' | 'rect' | 'clip' | 'fillRect' | 'fillText' | 'strokeText' | 'measureText'
>;
type Context = Pen;

const hairOf = ({ hair }: View): number => hair ?? 1;
/** On a screen a fine line is a row of dots; on paper it is where it is. */
const crisp = (at: number, { hair }: View): number => (hair ? at : Math.round(at) + 0.5);

function lines(ctx: Context, view: View, step: number, colour: string): void {
  const { width, height, scale } = view;
  const distance = step * scale.mm;
  const shift = gutterPx(scale) - view.start_ms * pxPerMs(scale);
  ctx.beginPath();
  for (let x = ((shift % distance) + distance) % distance; x < width; x += distance) {
    ctx.moveTo(crisp(x, view), 0);
    ctx.lineTo(crisp(x, view), height);
  }
  for (let y = 0; y < height; y += distance) {
    ctx.moveTo(0, crisp(y, view));
    ctx.lineTo(width, crisp(y, view));
  }
  ctx.strokeStyle = colour;
  ctx.lineWidth = hairOf(view);
  ctx.stroke();
}

/** Pixels of one stored unit: of V by the gain; else so that the lead fills its row. */
function heightOf(lead: Lead, scale: Scale): { px: number; middle: number } {
  if (lead.unit === 'V') return { px: factorOf(lead) * scale.gain * scale.mm, middle: -lead.offset };
  let low = Infinity;
  let high = -Infinity;
  for (const value of lead.values) {
    if (value === GAP) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const span = high > low ? high - low : 1;
  return { px: (rowPx(scale) * 0.7) / span, middle: (high + low) / 2 || 0 };
}

/** Each sample, with a break wherever one is missing. */
function traceSamples(ctx: Context, lead: Lead, from: number, to: number, xOf: (sample: number) => number, yOf: (value: number) => number): void {
  let isDown = false;
  const last = Math.min(Math.ceil(to) - lead.first, lead.count - 1);
  for (let at = Math.max(Math.floor(from) - lead.first, 0); at <= last; at += 1) {
    const value = lead.values[at] as number;
    if (value === GAP) {
      isDown = false;
      continue;
    }
    const x = xOf(lead.first + at);
    if (isDown) ctx.lineTo(x, yOf(value));
    else ctx.moveTo(x, yOf(value));
    isDown = true;
  }
}

function traceColumns(ctx: Context, lead: Lead, from: number, per: number, left: number, count: number, yOf: (value: number) => number): void {
  const { low, high } = columnsOf(lead, from, per, count);
  let isDown = false;
  for (let i = 0; i < count; i += 1) {
    const bottom = low[i] as number;
    if (Number.isNaN(bottom)) {
      isDown = false;
      continue;
    }
    const x = left + i;
    if (isDown) ctx.lineTo(x, yOf(high[i] as number));
    else ctx.moveTo(x, yOf(high[i] as number));
    // at least a dot's height: a flat line must be seen
    ctx.lineTo(x, Math.max(yOf(bottom), yOf(high[i] as number) + 0.5));
    isDown = true;
  }
}

function trace(ctx: Context, view: View, lead: Lead, cell: Cell): void {
  const { scale } = view;
  const gutter = gutterPx(scale);
  const perMs = pxPerMs(scale);
  const from_ms = Math.max(cell.from_ms, view.start_ms);
  const to_ms = Math.min(cell.to_ms, view.start_ms + (view.width - gutter) / perMs);
  if (from_ms >= to_ms || !lead.is_supported) return;
  const left = gutter + (from_ms - view.start_ms) * perMs;
  const { px, middle } = heightOf(lead, scale);
  const base = baselineOf(cell.row, scale);
  const yOf = (value: number) => base - (value - middle) * px;
  const from = sampleAt(lead, from_ms);
  const to = sampleAt(lead, to_ms);
  const count = Math.ceil((to_ms - from_ms) * perMs);
  const per = (to - from) / Math.max(count, 1);
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, 0, count, view.height);
  ctx.clip();
  ctx.beginPath();
  if (lead.form === 'samples' && per <= PER_PIXEL) {
    traceSamples(ctx, lead, from - 1, to + 1, (sample) => gutter + (timeOf(lead, sample) - view.start_ms) * perMs, yOf);
  } else traceColumns(ctx, lead, from, per, left, count, yOf);
  ctx.strokeStyle = INK;
  ctx.lineWidth = Math.max(1, scale.mm / 4);
  ctx.lineJoin = 'round';
  ctx.stroke();
  ctx.restore();
}

/** 1 mV, 5 mm wide: what the paper's scale is, whatever the settings say. */
function pulse(ctx: Context, scale: Scale, row: number): void {
  const base = baselineOf(row, scale);
  const top = base - scale.gain * scale.mm;
  const left = scale.mm * PULSE_AT_MM;
  ctx.beginPath();
  ctx.moveTo(left, base);
  ctx.lineTo(left + scale.mm, base);
  ctx.lineTo(left + scale.mm, top);
  ctx.lineTo(left + scale.mm * (PULSE_MM + 1), top);
  ctx.lineTo(left + scale.mm * (PULSE_MM + 1), base);
  ctx.strokeStyle = INK;
  ctx.lineWidth = Math.max(1, scale.mm / 4);
  ctx.stroke();
}

/** The gutter names what begins at its edge, also where a part of the sheet has been scrolled out. */
function names(ctx: Context, view: View, sheet: Sheet, leads: Lead[]): void {
  const { scale } = view;
  const hair = hairOf(view);
  const size = Math.max(11, scale.mm * 3);
  ctx.font = `600 ${size}px sans-serif`;
  ctx.textBaseline = 'top';
  for (const cell of sheet.cells) {
    const lead = leads[cell.lead];
    const top = topOf(cell.row, scale) + 2 * hair;
    const x = gutterPx(scale) + (cell.from_ms - view.start_ms) * pxPerMs(scale);
    if (!lead) continue;
    if (cell.from_ms <= view.start_ms && view.start_ms < cell.to_ms) {
      ctx.fillStyle = INK;
      ctx.fillText(lead.lead, 2 * hair, top, scale.mm * PULSE_AT_MM - 3 * hair);
      if (lead.unit === 'V' && lead.is_supported) pulse(ctx, scale, cell.row);
    } else if (x > gutterPx(scale) - 1 && x < view.width) {
      ctx.strokeStyle = QUIET;
      ctx.lineWidth = hair;
      ctx.beginPath();
      ctx.moveTo(crisp(x, view), top);
      ctx.lineTo(crisp(x, view), top + scale.mm * 4);
      ctx.stroke();
      // legible beside a trace, and hides none of it but a hair
      ctx.strokeStyle = '#fff';
      ctx.lineWidth = 2 * hair;
      ctx.strokeText(lead.lead, x + 3 * hair, top);
      ctx.fillStyle = INK;
      ctx.fillText(lead.lead, x + 3 * hair, top);
    }
  }
}

/** Where the device saw something: a tick at the top, its words beside it where they have room. */
function notes(ctx: Context, view: View, list: { start_ms: number; text: string }[]): void {
  const { scale } = view;
  const xOf = (ms: number) => gutterPx(scale) + (ms - view.start_ms) * pxPerMs(scale);
  const seen = list
    .map(({ start_ms, text }) => ({ x: xOf(start_ms), text }))
    .filter(({ x }) => x >= gutterPx(scale) && x <= view.width)
    .sort((one, other) => one.x - other.x);
  ctx.font = `${Math.max(10, scale.mm * 2.6)}px sans-serif`;
  ctx.textBaseline = 'top';
  ctx.fillStyle = '#1d3fb8';
  seen.forEach(({ x, text }, at) => {
    const hair = hairOf(view);
    ctx.fillRect(Math.round(x), 0, hair, scale.mm * 3);
    const room = (seen[at + 1]?.x ?? Infinity) - x;
    if (ctx.measureText(text).width + 6 * hair <= room) ctx.fillText(text, x + 3 * hair, 0);
  });
}

/** All of it. `annotations` count from the group's start. */
export function draw(ctx: Context, view: View, sheet: Sheet, leads: Lead[], annotations: { start_ms: number; text: string }[]): void {
  ctx.fillStyle = '#fff';
  ctx.fillRect(0, 0, view.width, view.height);
  lines(ctx, view, 1, FINE);
  lines(ctx, view, 5, COARSE);
  for (const cell of sheet.cells) {
    const lead = leads[cell.lead];
    if (lead) trace(ctx, view, lead, cell);
  }
  names(ctx, view, sheet, leads);
  notes(ctx, view, annotations);
}
