// SPDX-License-Identifier: Apache-2.0
/* A canvas with one picture: its pixels at their own size behind it, drawn under a matrix, lines
 * above. Pixels are painted again only when they or their window changed. */
import { angleOf, lengthOf, matrixOf, toScreen, unitOf, type Box, type Matrix, type Point, type View } from './geometry.ts';
import { paint, paintColour, shadesOf, type Window } from './lut.ts';
import type { Measure } from './measure.ts';
import { isColour, type Instance } from './study.ts';

export interface Look {
  view: View;
  window: Window | null;
  isInverted: boolean;
}
export interface Lines {
  /** Where the other panes' pictures cut this one; the one that is worked with is marked. */
  cuts: { points: [Point, Point]; isCurrent: boolean }[];
  measures: Measure[];
  detector: string;
}

const CUT = '#ffd43d';
const CUT_OTHER = '#7fa8ff';
const MEASURE = '#6ef0c2';

export class Stage {
  readonly #canvas: HTMLCanvasElement;
  readonly #pixels: HTMLCanvasElement;
  #drawn: ImageData | undefined;
  #painted = '';
  #source: unknown;
  #box: Box = { width: 0, height: 0 };

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    this.#pixels = document.createElement('canvas');
  }

  get box(): Box {
    return this.#box;
  }

  resize(box: Box): void {
    this.#box = box;
    const ratio = Math.min(devicePixelRatio, 2);
    this.#canvas.width = Math.max(1, Math.round(box.width * ratio));
    this.#canvas.height = Math.max(1, Math.round(box.height * ratio));
  }

  /** Stored values, or a picture that the server made of them, or nothing yet. */
  draw(image: Instance, picture: Uint8Array | ImageBitmap | undefined, look: Look, lines: Lines): void {
    const context = this.#canvas.getContext('2d', { alpha: false });
    if (!context || this.#box.width === 0) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = '#000';
    context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
    const matrix = matrixOf(look.view, image, this.#box);
    const ratio = this.#canvas.width / this.#box.width;
    if (picture) {
      const [a, b, c, d, e, f] = matrix;
      context.setTransform(a * ratio, b * ratio, c * ratio, d * ratio, e * ratio, f * ratio);
      // so far in, the pixels themselves are what is looked at
      context.imageSmoothingEnabled = Math.hypot(a, b) < 6;
      if (picture instanceof Uint8Array) {
        this.#paint(image, picture, look);
        context.drawImage(this.#pixels, 0, 0);
      } else {
        context.drawImage(picture, 0, 0, image.columns, image.rows);
        if (look.isInverted) {
          context.globalCompositeOperation = 'difference';
          context.fillStyle = '#fff';
          context.fillRect(0, 0, image.columns, image.rows);
          context.globalCompositeOperation = 'source-over';
        }
      }
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#above(context, image, matrix, lines);
  }

  #paint(image: Instance, bytes: Uint8Array, { window, isInverted }: Look): void {
    const how = `${image.uid} ${window?.center} ${window?.width} ${isInverted}`;
    if (this.#source === bytes && this.#painted === how) return;
    const { columns, rows } = image;
    const context = this.#pixels.getContext('2d', { alpha: false });
    if (!context) return;
    if (this.#drawn?.width !== columns || this.#drawn.height !== rows) {
      this.#pixels.width = columns;
      this.#pixels.height = rows;
      this.#drawn = context.createImageData(columns, rows);
    }
    const out = new Uint32Array(this.#drawn.data.buffer);
    if (isColour(image)) paintColour(image, bytes, isInverted, out);
    else paint(image, bytes, shadesOf(image, window, isInverted), out);
    context.putImageData(this.#drawn, 0, 0);
    this.#source = bytes;
    this.#painted = how;
  }

  #above(context: CanvasRenderingContext2D, image: Instance, matrix: Matrix, lines: Lines): void {
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
    for (const { points, isCurrent } of lines.cuts) twice(points, isCurrent ? CUT : CUT_OTHER, isCurrent ? 2 : 1);
    for (const measure of lines.measures) {
      twice(measure.points, MEASURE, 1.5);
      for (const point of measure.points) this.#end(context, toScreen(matrix, point));
      const last = measure.points.at(-1);
      if (last) this.#say(context, textOf(image, measure, lines.detector), toScreen(matrix, last));
    }
  }

  #end(context: CanvasRenderingContext2D, [x, y]: Point): void {
    context.fillStyle = MEASURE;
    context.fillRect(x - 2.5, y - 2.5, 5, 5);
  }

  #say(context: CanvasRenderingContext2D, text: string, [x, y]: Point): void {
    context.font = '600 13px sans-serif';
    context.textBaseline = 'middle';
    const width = context.measureText(text).width;
    // kept inside the picture
    const left = Math.min(Math.max(x + 10, 4), this.#box.width - width - 8);
    const top = Math.min(Math.max(y - 14, 12), this.#box.height - 12);
    context.fillStyle = 'rgb(0 0 0 / 75%)';
    context.fillRect(left - 4, top - 10, width + 8, 20);
    context.fillStyle = MEASURE;
    context.fillText(text, left, top);
  }
}

/** In words: 12.3 mm, 45.0°, with a word where the length is that of the detector's plane. */
export function textOf(image: Instance, { tool, points: [a = [0, 0], b = a, c = b] }: Measure, detector: string): string {
  if (tool === 'angle') return `${angleOf(image, a, b, c).toFixed(1)}°`;
  const mm = lengthOf(image, a, b);
  return `${mm.toFixed(1)} mm${unitOf(image) === 'detector' ? ` ${detector}` : ''}`;
}
