// SPDX-License-Identifier: Apache-2.0
/* What hands do on a picture, as what it means. One finger or the left button works the chosen
 * tool; the right button zooms, the middle one moves; two fingers pinch and move; a double tap
 * fits; a finger that rests opens the tools. Every meaning has a button elsewhere. */
import type { Point } from './geometry.ts';

export type Tool = 'scroll' | 'window' | 'pan' | 'zoom' | 'length' | 'angle';

export interface Touch {
  id: number;
  x: number;
  y: number;
  isMouse: boolean;
  /** 0 left, 1 middle, 2 right. */
  button: number;
  time: number;
}

export interface Meaning {
  scroll: (steps: number) => void;
  window: (across: number, down: number) => void;
  pan: (across: number, down: number) => void;
  zoom: (by: number, at: Point) => void;
  fit: () => void;
  tools: () => void;
  /** A point of a measure: put down, moved along, let go. */
  mark: (phase: 'down' | 'move' | 'up', at: Point) => void;
  /** All fingers are up. */
  rest: () => void;
}

const SLOP = 6;
const TAP_MS = 350;
const REST_MS = 550;
const NOTCH = 40;

export class Gestures {
  readonly #does: Meaning;
  readonly #tool: () => Tool;
  readonly #stepPixels: () => number;
  readonly #down = new Map<number, Touch>();
  #begun: Touch | undefined;
  #hasMoved = false;
  #left = 0; // pixels that made no step yet
  #rolled = 0;
  #tapped: Touch | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(does: Meaning, tool: () => Tool, stepPixels: () => number) {
    this.#does = does;
    this.#tool = tool;
    this.#stepPixels = stepPixels;
  }

  down(touch: Touch): void {
    this.#down.set(touch.id, touch);
    clearTimeout(this.#timer);
    if (this.#down.size > 1) {
      this.#hasMoved = true; // neither a tap nor a rest
      return;
    }
    this.#begun = touch;
    this.#hasMoved = false;
    this.#left = 0;
    if (this.#isMarking(touch)) this.#does.mark('down', [touch.x, touch.y]);
    else if (!touch.isMouse) {
      this.#timer = setTimeout(() => {
        this.#begun = undefined; // the finger that goes up now is no tap
        this.#does.tools();
      }, REST_MS);
    }
  }

  move(touch: Touch): void {
    const before = this.#down.get(touch.id);
    if (!before) return;
    if (this.#down.size === 2) return this.#pinch(before, touch);
    this.#down.set(touch.id, touch);
    const begun = this.#begun;
    if (!begun || this.#down.size > 2) return;
    if (!this.#hasMoved && Math.hypot(touch.x - begun.x, touch.y - begun.y) < SLOP) {
      this.#down.set(touch.id, before);
      return;
    }
    clearTimeout(this.#timer);
    this.#hasMoved = true;
    this.#drag(before, touch);
  }

  up(touch: Touch): void {
    if (!this.#down.delete(touch.id)) return;
    clearTimeout(this.#timer);
    if (this.#down.size > 0) {
      this.#begun = undefined; // what one finger of a pinch does next means nothing
      return;
    }
    const { x, y, time } = touch;
    if (this.#begun && this.#isMarking(this.#begun)) this.#does.mark('up', [x, y]);
    else if (this.#begun && !this.#hasMoved && this.#begun.button === 0) {
      const last = this.#tapped;
      const isSecond = last && time - last.time < TAP_MS && Math.hypot(x - last.x, y - last.y) < 4 * SLOP;
      if (isSecond) this.#does.fit();
      this.#tapped = isSecond ? undefined : touch;
    }
    this.#begun = undefined;
    this.#does.rest();
  }

  /** The browser took the touch for something else. */
  cancel(id: number): void {
    clearTimeout(this.#timer);
    this.#down.delete(id);
    this.#begun = undefined;
    if (this.#down.size === 0) this.#does.rest();
  }

  wheel(delta: number, isZoom: boolean, at: Point): void {
    if (delta === 0) return;
    if (isZoom) this.#does.zoom(Math.exp(-delta / 300), at);
    else {
      // a wheel turns by notches, a pad by a few pixels at a time
      if (this.#rolled * delta < 0) this.#rolled = 0;
      this.#rolled += delta;
      if (Math.abs(this.#rolled) < NOTCH) return;
      this.#rolled = 0;
      this.#does.scroll(Math.sign(delta));
    }
  }

  #isMarking(touch: Touch): boolean {
    const tool = this.#tool();
    return touch.button === 0 && (tool === 'length' || tool === 'angle');
  }

  #drag(before: Touch, now: Touch): void {
    const [across, down] = [now.x - before.x, now.y - before.y];
    const button = this.#begun?.button ?? 0;
    const tool = button === 2 ? 'zoom' : button === 1 ? 'pan' : this.#tool();
    if (tool === 'window') this.#does.window(across, down);
    else if (tool === 'pan') this.#does.pan(across, down);
    else if (tool === 'zoom') this.#does.zoom(Math.exp(-down / 150), [this.#begun?.x ?? now.x, this.#begun?.y ?? now.y]);
    else if (tool === 'scroll') {
      this.#left += down;
      const steps = Math.trunc(this.#left / this.#stepPixels());
      if (steps === 0) return;
      this.#left -= steps * this.#stepPixels();
      this.#does.scroll(steps);
    } else this.#does.mark('move', [now.x, now.y]);
  }

  #pinch(before: Touch, now: Touch): void {
    const other = [...this.#down.values()].find(({ id }) => id !== now.id);
    this.#down.set(now.id, now);
    if (!other) return;
    const spread = ({ x, y }: Touch) => Math.hypot(x - other.x, y - other.y);
    this.#does.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    if (spread(before) > 1) this.#does.zoom(spread(now) / spread(before), [(now.x + other.x) / 2, (now.y + other.y) / 2]);
  }
}
