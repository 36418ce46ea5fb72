// SPDX-License-Identifier: Apache-2.0
/* Where a picture lies in the patient and on the screen (PS3.3 C.7.6.2, coordinates towards
 * left, back, head), and what a measure on it means. Points of a picture are [column, row]; 0, 0
 * is the outer corner of the first pixel, so its centre is at a half. */
import { pixelAspect, type Instance } from './study.ts';

export type Point = [number, number];
export type Vector = [number, number, number];

export interface View {
  /** 1: as large as fits. */
  zoom: number;
  /** Moved by so many pixels of the screen. */
  x: number;
  y: number;
  /** Quarter turns clockwise, after the flip. */
  quarter: number;
  isFlipped: boolean;
}
export const FIT: View = { zoom: 1, x: 0, y: 0, quarter: 0, isFlipped: false };

export interface Box {
  width: number;
  height: number;
}

/** As of a canvas: x = a·column + c·row + e, y = b·column + d·row + f. */
export type Matrix = [number, number, number, number, number, number];

const TURNS: [number, number][] = [[1, 0], [0, 1], [-1, 0], [0, -1]]; // cosine, sine

export function matrixOf(view: View, image: Pick<Instance, 'rows' | 'columns' | 'spacing' | 'aspect'>, box: Box): Matrix {
  const tall = pixelAspect(image as Instance);
  const [cos, sin] = TURNS[view.quarter % 4] ?? [1, 0];
  const [width, height] = [image.columns, image.rows * tall];
  const [across, down] = cos === 0 ? [height, width] : [width, height];
  const scale = Math.min(box.width / across, box.height / down) * view.zoom;
  const flip = view.isFlipped ? -1 : 1;
  const [a, b, c, d] = [cos * scale * flip, sin * scale * flip, -sin * scale * tall, cos * scale * tall];
  const [centreX, centreY] = [box.width / 2 + view.x, box.height / 2 + view.y];
  return [a, b, c, d, centreX - (a * image.columns + c * image.rows) / 2, centreY - (b * image.columns + d * image.rows) / 2];
}

export const toScreen = ([a, b, c, d, e, f]: Matrix, [x, y]: Point): Point => [a * x + c * y + e, b * x + d * y + f];

export function toImage([a, b, c, d, e, f]: Matrix, [x, y]: Point): Point {
  const by = a * d - b * c;
  return [(d * (x - e) - c * (y - f)) / by, (a * (y - f) - b * (x - e)) / by];
}

/** Zoomed so that what lies under a point stays there. */
export function zoomAt(view: View, box: Box, by: number, [x, y]: Point): View {
  const zoom = Math.min(Math.max(view.zoom * by, 0.25), 40);
  const ratio = zoom / view.zoom;
  const [fromX, fromY] = [x - box.width / 2, y - box.height / 2];
  return { ...view, zoom, x: fromX - (fromX - view.x) * ratio, y: fromY - (fromY - view.y) * ratio };
}

// ---- in the patient ----

export const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const plus = (a: Vector, b: Vector, by = 1): Vector => [a[0] + b[0] * by, a[1] + b[1] * by, a[2] + b[2] * by];
const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0],
];

export interface Plane {
  origin: Vector;
  /** Towards the right of the picture, by a column; towards its foot, by a row; both in mm. */
  across: Vector;
  down: Vector;
  normal: Vector;
  columns: number;
  rows: number;
}

/** null where nobody says, which is also so of films: their place is that of the first frame only. */
export function planeOf(image: Instance): Plane | null {
  const { position, orientation, spacing } = image;
  if (!position || !orientation || !spacing || (image.frames > 1 && !image.frame_views)) return null;
  const right = orientation.slice(0, 3) as Vector;
  const foot = orientation.slice(3, 6) as Vector;
  const [perRow = 1, perColumn = 1] = spacing;
  const zero: Vector = [0, 0, 0];
  const [across, down] = [plus(zero, right, perColumn), plus(zero, foot, perRow)];
  // the position is the first pixel's centre
  const origin = plus(plus(position as Vector, across, -0.5), down, -0.5);
  return { origin, across, down, normal: cross(right, foot), columns: image.columns, rows: image.rows };
}

/** mm along the normal: what orders the slices of a stack, and their distance. */
export function depthOf(image: Instance): number | null {
  const plane = planeOf(image);
  return plane ? dot(plane.origin, plane.normal) : image.slice_location;
}

export const areParallel = (a: Plane, b: Plane): boolean => Math.abs(dot(a.normal, b.normal)) > 0.98;

// ---- letters at the edges ----

const OPPOSITE: Record<string, string> = { L: 'R', R: 'L', A: 'P', P: 'A', H: 'F', F: 'H' };
const opposite = (letters: string): string => [...letters].map((letter) => OPPOSITE[letter] ?? letter).join('');

function lettersOf(towards: Vector): string {
  const parts = towards.map((size, axis) => ({ size, letter: ['LR', 'PA', 'HF'][axis]?.[size > 0 ? 0 : 1] ?? '' }));
  return parts
    .filter(({ size }) => Math.abs(size) > 0.26) // 15 degrees
    .sort((a, b) => Math.abs(b.size) - Math.abs(a.size))
    .map(({ letter }) => letter)
    .join('');
}

export interface Edges {
  top: string;
  right: string;
  bottom: string;
  left: string;
}

/** What lies beyond each edge of the screen; null where nobody says. */
export function edgesOf(image: Pick<Instance, 'orientation' | 'patient_orientation'>, view: View): Edges | null {
  const { orientation, patient_orientation: said } = image;
  let right = said?.[0] ?? '';
  let bottom = said?.[1] ?? '';
  if (orientation) {
    right = lettersOf(orientation.slice(0, 3) as Vector);
    bottom = lettersOf(orientation.slice(3, 6) as Vector);
  }
  if (!right && !bottom) return null;
  if (view.isFlipped) right = opposite(right);
  const around = [opposite(bottom), right, bottom, opposite(right)];
  const [top = '', east = '', south = '', west = ''] = around.map((_, at) => around[(at + 4 - (view.quarter % 4)) % 4]);
  return { top, right: east, bottom: south, left: west };
}

// ---- lengths ----

/** What a length is in: none says why there is no length. */
export function unitOf(image: Instance): 'mm' | 'detector' | 'none' {
  if (!image.spacing || image.spacing_kind === 'none') return 'none';
  return image.spacing_kind === 'imager' ? 'detector' : 'mm';
}
