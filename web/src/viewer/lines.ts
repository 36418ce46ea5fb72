// SPDX-License-Identifier: Apache-2.0
/* Lines above a picture, and what a measure on it says: mm where the picture says how large a pixel
 * is, degrees in true shape. */
import { toScreen, unitOf, type Point } from './geometry.ts';
import type { Measure } from './measure.ts';
import type { Surface } from './stage.ts';
import { pixelAspect, type Instance } from './study.ts';

export interface Lines {
  /** Where the other panes' pictures cut this one; the one that is worked with is marked. */
  cuts: { points: [Point, Point]; isCurrent: boolean }[];
  measures: Measure[];
  /** Said after a length that is that of the detector's plane. */
  detector: string;
}

const CUT = '#ffd43d';
const CUT_OTHER = '#7fa8ff';
const MEASURE = '#6ef0c2';

function say({ context, box }: Surface, text: string, [x, y]: Point): void {
  context.font = '600 13px sans-serif';
  context.textBaseline = 'middle';
  const width = context.measureText(text).width;
  // kept inside the picture
  const left = Math.min(Math.max(x + 10, 4), box.width - width - 8);
  const top = Math.min(Math.max(y - 14, 12), box.height - 12);
  context.fillStyle = 'rgb(0 0 0 / 75%)';
  context.fillRect(left - 4, top - 10, width + 8, 20);
  context.fillStyle = MEASURE;
  context.fillText(text, left, top);
}

export function drawLines(on: Surface, image: Instance, { cuts, measures, detector }: Lines): void {
  const { context, matrix } = on;
  const path = (points: Point[]) => {
    context.beginPath();
    for (const point of points) context.lineTo(...toScreen(matrix, point));
    context.stroke();
  };
  // a dark edge, so that a line is seen on bone as on air
  const twice = (points: Point[], colour: string, width: number) => {
    context.strokeStyle = 'rgb(0 0 0 / 70%)';
    context.lineWidth = width + 2;
    path(points);
    context.strokeStyle = colour;
    context.lineWidth = width;
    path(points);
  };
  for (const { points, isCurrent } of cuts) twice(points, isCurrent ? CUT : CUT_OTHER, isCurrent ? 2 : 1);
  for (const measure of measures) {
    twice(measure.points, MEASURE, 1.5);
    context.fillStyle = MEASURE;
    for (const point of measure.points) {
      const [x, y] = toScreen(matrix, point);
      context.fillRect(x - 2.5, y - 2.5, 5, 5);
    }
    const last = measure.points.at(-1);
    if (last) say(on, textOf(image, measure, detector), toScreen(matrix, last));
  }
}

/** In words: 12.3 mm, 45.0°, with a word where the length is that of the detector's plane. */
export function textOf(image: Instance, { tool, points: [a = [0, 0], b = a, c = b] }: Measure, detector: string): string {
  if (tool === 'angle') return `${angleOf(image, a, b, c).toFixed(1)}°`;
  const mm = lengthOf(image, a, b);
  return `${mm.toFixed(1)} mm${unitOf(image) === 'detector' ? ` ${detector}` : ''}`;
}

/** mm; only where there is a unit. */
export function lengthOf(image: Instance, [ax, ay]: Point, [bx, by]: Point): number {
  const [perRow = NaN, perColumn = NaN] = image.spacing ?? [];
  return Math.hypot((bx - ax) * perColumn, (by - ay) * perRow);
}

/** Degrees at the middle point, in true shape. */
export function angleOf(image: Instance, a: Point, middle: Point, b: Point): number {
  const tall = pixelAspect(image);
  const [ux, uy] = [a[0] - middle[0], (a[1] - middle[1]) * tall];
  const [vx, vy] = [b[0] - middle[0], (b[1] - middle[1]) * tall];
  return (Math.abs(Math.atan2(ux * vy - uy * vx, ux * vx + uy * vy)) * 180) / Math.PI;
}
