// SPDX-License-Identifier: Apache-2.0
/* Lengths and angles as they are put on a picture: dragged, or tapped point by point. */
import type { Point } from './geometry.ts';

export interface Measure {
  tool: 'length' | 'angle';
  points: Point[];
}

const NEEDS = { length: 2, angle: 3 };
const SLOP = 6;

export class Measuring {
  /** Under way: its last point follows the finger. */
  draft: Measure | undefined;
  readonly done: Measure[] = [];
  #from: Point = [0, 0];
  #isFresh = false;

  /** `on`: where on the picture; `at`: where on the screen. */
  down(tool: Measure['tool'], on: Point, at: Point): void {
    this.#from = at;
    this.#isFresh = this.draft?.tool !== tool;
    if (this.#isFresh) this.draft = { tool, points: [on, on] };
    else this.move(on);
  }

  move(on: Point): void {
    this.draft?.points.splice(-1, 1, on);
  }

  up(on: Point, at: Point): void {
    const { draft } = this;
    if (!draft) return;
    this.move(on);
    const isTap = Math.hypot(at[0] - this.#from[0], at[1] - this.#from[1]) < SLOP;
    if (this.#isFresh && isTap) return; // the second point comes with the next tap
    if (draft.points.length < NEEDS[draft.tool]) {
      draft.points.push(on);
      this.#isFresh = false;
      return;
    }
    this.done.push(draft);
    this.draft = undefined;
  }

  clear(): void {
    this.done.length = 0;
    this.draft = undefined;
  }

  get all(): Measure[] {
    return this.draft ? [...this.done, this.draft] : this.done;
  }
}
