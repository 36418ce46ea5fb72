// SPDX-License-Identifier: Apache-2.0
/* Which weeks are in the document: those in view and two on either side. One week is mounted per
 * animation frame, nearest to the middle first, so that no frame does the work of many. */

export const OVERSCAN = 2;

export interface View {
  first: number;
  last: number;
}

export interface Plan {
  mount: number[];
  unmount: number[];
}

/** `keep`: the week that holds the focus is never unmounted. */
export function planMount(view: View, bounds: View, mounted: Iterable<number>, keep?: number): Plan {
  const from = Math.max(bounds.first, view.first - OVERSCAN);
  const to = Math.min(bounds.last, view.last + OVERSCAN);
  const present = new Set(mounted);
  const middle = (view.first + view.last) / 2;
  const isVisible = (week: number) => week >= view.first && week <= view.last;
  const mount: number[] = [];
  for (let week = from; week <= to; week += 1) if (!present.has(week)) mount.push(week);
  mount.sort(
    (a, b) =>
      Number(isVisible(b)) - Number(isVisible(a)) ||
      Math.abs(a - middle) - Math.abs(b - middle) ||
      b - a,
  );
  const unmount = [...present].filter((week) => (week < from || week > to) && week !== keep);
  return { mount, unmount };
}

export interface Frames {
  request: (work: () => void) => number;
  cancel: (handle: number) => void;
}

/** Runs a plan over frames; a newer plan replaces what is left of an older one. */
export class MountQueue {
  private left: Plan = { mount: [], unmount: [] };
  private handle: number | undefined;
  private readonly frames: Frames;
  private readonly mount: (week: number) => void;
  private readonly unmount: (week: number) => void;

  constructor(frames: Frames, mount: (week: number) => void, unmount: (week: number) => void) {
    this.frames = frames;
    this.mount = mount;
    this.unmount = unmount;
  }

  take(plan: Plan): void {
    this.left = { mount: [...plan.mount], unmount: [...plan.unmount] };
    this.schedule();
  }

  private schedule(): void {
    if (this.handle !== undefined) return;
    if (this.left.mount.length + this.left.unmount.length === 0) return;
    this.handle = this.frames.request(() => {
      this.handle = undefined;
      const coming = this.left.mount.shift();
      if (coming !== undefined) this.mount(coming);
      else {
        const going = this.left.unmount.shift();
        if (going !== undefined) this.unmount(going);
      }
      this.schedule();
    });
  }

  stop(): void {
    if (this.handle !== undefined) this.frames.cancel(this.handle);
    this.handle = undefined;
    this.left = { mount: [], unmount: [] };
  }
}
