// SPDX-License-Identifier: Apache-2.0
/* Which weeks are in the document: those in view and, while few marks are in them, two on either
 * side. A frame mounts at most one week, nearest to the middle first, and stops when it took long
 * enough; the next goes on with the next row. What is not in view yet waits for an idle moment. */

export const OVERSCAN = 2;
/** With the weeks beside the view; what is in view is mounted in any case. */
export const MARKS_MAX = 1400;
export const FRAME_MS = 2;

export interface View {
  first: number;
  last: number;
}

export interface Plan {
  /** In view: frame by frame. */
  mount: number[];
  /** Beside the view: when there is nothing else to do. */
  ahead: number[];
  unmount: number[];
}

export interface Held {
  mounted: Iterable<number>;
  /** The week that holds the focus: never unmounted. */
  keep?: number | undefined;
  weight?: (week: number) => number;
}

/* In view, then beside it, the nearest first; as many as there may be. */
function wantedWeeks(view: View, bounds: View, { keep, weight = () => 0 }: Held): { near: number[]; beside: number[] } {
  const near: number[] = [];
  for (let week = view.first; week <= view.last; week += 1) near.push(week);
  const middle = (view.first + view.last) / 2;
  near.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle) || b - a);
  let marks = near.reduce((sum, week) => sum + weight(week), 0);
  let room = 2 * OVERSCAN;
  if (keep !== undefined && (keep < view.first || keep > view.last)) {
    marks += weight(keep);
    room -= 1;
  }
  const beside: number[] = [];
  for (let far = 1; far <= OVERSCAN; far += 1) {
    for (const week of [view.last + far, view.first - far]) {
      if (week < bounds.first || week > bounds.last || week === keep) continue;
      marks += weight(week);
      if (room === 0 || marks > MARKS_MAX) return { near, beside };
      beside.push(week);
      room -= 1;
    }
  }
  return { near, beside };
}

export function planMount(view: View, bounds: View, held: Held): Plan {
  const { near, beside } = wantedWeeks(view, bounds, held);
  const wanted = new Set([...near, ...beside]);
  const present = new Set(held.mounted);
  return {
    mount: near.filter((week) => !present.has(week)),
    ahead: beside.filter((week) => !present.has(week)),
    unmount: [...present].filter((week) => !wanted.has(week) && week !== held.keep),
  };
}

export interface Frames {
  request: (work: () => void) => number;
  cancel: (handle: number) => void;
  idle: (work: () => void) => number;
  cancelIdle: (handle: number) => void;
  now: () => number;
}

/** A week in parts: each step draws one. */
export type Parts = Iterator<unknown>;

/** Runs a plan over frames; a newer plan replaces what is left of an older one. */
export class MountQueue {
  #left: { mount: number[]; ahead: number[] } = { mount: [], ahead: [] };
  #begun: { week: number; parts: Parts } | undefined;
  #frame: number | undefined;
  #idle: number | undefined;
  readonly #frames: Frames;
  readonly #mount: (week: number) => Parts;
  readonly #unmount: (week: number) => void;

  constructor(frames: Frames, mount: (week: number) => Parts, unmount: (week: number) => void) {
    this.#frames = frames;
    this.#mount = mount;
    this.#unmount = unmount;
  }

  /** What goes does so at once: while full weeks waited for their turn and others came there were
   * more marks than either view has. */
  take({ mount, ahead, unmount }: Plan): void {
    this.#left = { mount: [...mount], ahead: [...ahead] };
    if (this.#begun && unmount.includes(this.#begun.week)) this.#begun = undefined;
    for (const week of unmount) this.#unmount(week);
    this.#schedule();
  }

  #schedule(): void {
    const { mount, ahead } = this.#left;
    if (this.#begun || mount.length > 0) {
      this.#frame ??= this.#frames.request(() => {
        this.#frame = undefined;
        this.#work(this.#left.mount);
      });
    } else if (ahead.length > 0) {
      this.#idle ??= this.#frames.idle(() => {
        this.#idle = undefined;
        this.#work(this.#left.mount.length > 0 ? this.#left.mount : this.#left.ahead);
      });
    }
  }

  #work(from: number[]): void {
    const started = this.#frames.now();
    if (!this.#begun) {
      const week = from.shift();
      if (week !== undefined) this.#begun = { week, parts: this.#mount(week) };
    }
    while (this.#begun) {
      if (this.#begun.parts.next().done) this.#begun = undefined;
      else if (this.#frames.now() - started >= FRAME_MS) break;
    }
    this.#schedule();
  }

  stop(): void {
    if (this.#frame !== undefined) this.#frames.cancel(this.#frame);
    if (this.#idle !== undefined) this.#frames.cancelIdle(this.#idle);
    this.#frame = this.#idle = this.#begun = undefined;
    this.#left = { mount: [], ahead: [] };
  }
}
