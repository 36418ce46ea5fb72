// SPDX-License-Identifier: Apache-2.0
/* A canvas with one picture: its pixels at their own size behind it, drawn under a matrix, and
 * what lies above it. Pixels are painted again only when they or their window changed. */
import { matrixOf, type Box, type Matrix, type View } from './geometry.ts';
import { paint, paintColour, shadesOf, type Window } from './lut.ts';
import { isColour, type Instance } from './study.ts';

export interface Look {
  view: View;
  window: Window | null;
  isInverted: boolean;
}
/** The canvas in its own measure, for what lies above the picture. */
export interface Surface {
  context: CanvasRenderingContext2D;
  matrix: Matrix;
  box: Box;
}

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
  draw(image: Instance, picture: Uint8Array | ImageBitmap | undefined, look: Look, above?: (surface: Surface) => void): void {
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
    above?.({ context, matrix, box: this.#box });
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
}
