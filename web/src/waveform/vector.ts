// SPDX-License-Identifier: Apache-2.0
/* What a canvas would show, kept as lines and words: paper has no dots. Units are hundredths of a
 * millimetre, whole ones. */
import type { Pen } from './draw.ts';

/** Units of a millimetre. */
export const UNITS = 100;

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export type Mark = { clip: Box | undefined } & (
  | { is: 'line'; d: string; colour: string; width: number }
  | ({ is: 'box'; colour: string } & Box)
  | { is: 'text'; x: number; y: number; text: string; size: number; weight: string; colour: string; halo: number; most: number | undefined }
);

const whole = Math.round;
/** From a line's top to where its letters stand, in parts of its height. */
const RISE = 0.86;
/** Wide enough for any font: ideographs are square, letters narrower. */
const wideOf = (text: string, size: number): number =>
  [...text].reduce((sum, one) => sum + ((one.codePointAt(0) ?? 0) > 0x2e7f ? size : size * 0.62), 0);

export class VectorPen {
  strokeStyle = '#000';
  fillStyle = '#000';
  lineWidth = 1;
  lineJoin: CanvasLineJoin = 'round';
  font = '';
  textBaseline: CanvasTextBaseline = 'top';
  readonly marks: Mark[] = [];
  private path: string[] = [];
  private box: Box | undefined;
  private clipped: Box | undefined;
  private kept: (Box | undefined)[] = [];

  beginPath(): void {
    this.path = [];
    this.box = undefined;
  }
  moveTo(x: number, y: number): void {
    this.path.push(`M${whole(x)} ${whole(y)}`);
  }
  lineTo(x: number, y: number): void {
    this.path.push(`L${whole(x)} ${whole(y)}`);
  }
  rect(x: number, y: number, width: number, height: number): void {
    this.box = { x, y, width, height };
  }
  clip(): void {
    this.clipped = this.box;
  }
  save(): void {
    this.kept.push(this.clipped);
  }
  restore(): void {
    this.clipped = this.kept.pop();
  }
  stroke(): void {
    if (this.path.length === 0) return;
    this.marks.push({ is: 'line', d: this.path.join(''), colour: this.strokeStyle, width: this.lineWidth, clip: this.clipped });
  }
  fillRect(x: number, y: number, width: number, height: number): void {
    this.marks.push({ is: 'box', x, y, width, height, colour: this.fillStyle, clip: this.clipped });
  }
  fillText(text: string, x: number, y: number, most?: number): void {
    this.write(text, x, y, this.fillStyle, 0, most);
  }
  strokeText(text: string, x: number, y: number): void {
    this.write(text, x, y, this.strokeStyle, this.lineWidth, undefined);
  }
  measureText(text: string): TextMetrics {
    return { width: wideOf(text, this.shape().size) } as TextMetrics;
  }

  private shape(): { size: number; weight: string } {
    const [, weight = '400', size = '0'] = /^(?:(\d+) )?([\d.]+)px/.exec(this.font) ?? [];
    return { size: Number(size), weight };
  }
  private write(text: string, x: number, y: number, colour: string, halo: number, most: number | undefined): void {
    const { size, weight } = this.shape();
    const isLong = most !== undefined && wideOf(text, size) > most;
    this.marks.push({
      is: 'text', text, x: whole(x), y: whole(y + size * RISE), size, weight, colour, halo, most: isLong ? most : undefined, clip: this.clipped,
    });
  }
}

export const penOf = (vector: VectorPen): Pen => vector as unknown as Pen;
