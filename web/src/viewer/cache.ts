// SPDX-License-Identifier: Apache-2.0
/* Frames on their way and in memory. Each pane says what it wants, the nearest first; what nobody
 * wants any more is given up; what was seen longest ago goes first when memory is short. A server
 * that is crowded is left alone for as long as it says, then asked again. */

export interface Wish {
  /** Of the frame and its quality; the same for everybody who wants it. */
  key: string;
  load: (signal: AbortSignal) => Promise<Held>;
}
export interface Held {
  bytes: number;
}

export const DESK_BYTES = 256 * 2 ** 20;
export const PHONE_BYTES = 64 * 2 ** 20;

/** Frames around `at`: itself, five to each side, then ahead in the direction of travel. */
export function orderOf(at: number, count: number, direction: 1 | -1, ahead: number): number[] {
  const order = [at];
  const add = (index: number) => {
    if (index >= 0 && index < count) order.push(index);
  };
  for (let step = 1; step <= NEAR; step += 1) {
    add(at + step * direction);
    add(at - step * direction);
  }
  for (let step = NEAR + 1; step <= ahead; step += 1) add(at + step * direction);
  return order;
}
const NEAR = 5;

export class Frames<T extends Held> {
  readonly #bytesMax: number;
  readonly #atATime: number;
  readonly #changed: (key: string) => void;
  readonly #crowdMs: (problem: unknown) => number | undefined;
  readonly #turnedAway = new Map<string, number>(); // how often, by a crowd
  #pause: ReturnType<typeof setTimeout> | undefined;
  readonly #held = new Map<string, T>(); // the longest unseen first
  readonly #failed = new Map<string, unknown>();
  readonly #running = new Map<string, AbortController>();
  readonly #wants = new Map<string, Wish[]>();
  #bytes = 0;

  /** `crowdMs`: after what time a failure that is a crowd's is worth another try. */
  constructor(bytesMax: number, atATime: number, changed: (key: string) => void, crowdMs: (problem: unknown) => number | undefined) {
    this.#bytesMax = bytesMax;
    this.#atATime = atATime;
    this.#changed = changed;
    this.#crowdMs = crowdMs;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** For drawing: it counts as seen. */
  take(key: string): T | undefined {
    const found = this.#held.get(key);
    if (found) {
      this.#held.delete(key);
      this.#held.set(key, found);
    }
    return found;
  }

  has = (key: string): boolean => this.#held.has(key);
  failure = (key: string): unknown => this.#failed.get(key);

  retry(key: string): void {
    this.#failed.delete(key);
    this.#turnedAway.delete(key);
    this.#go();
  }

  /** All that somebody wants now, in its order; replaces what the same one wanted before. */
  want(who: string, wishes: Wish[]): void {
    this.#wants.set(who, wishes);
    const wanted = new Set([...this.#wants.values()].flat().map(({ key }) => key));
    for (const [key, stop] of this.#running) {
      if (wanted.has(key)) continue;
      this.#running.delete(key);
      stop.abort();
    }
    this.#go();
  }

  close(): void {
    this.#wants.clear();
    clearTimeout(this.#pause);
    for (const stop of this.#running.values()) stop.abort();
    this.#running.clear();
    this.#held.clear();
    this.#bytes = 0;
  }

  /* Everybody's first, then everybody's second …: no pane waits for another's last. */
  *#inTurn(): Generator<Wish> {
    const lists = [...this.#wants.values()];
    const longest = Math.max(0, ...lists.map((list) => list.length));
    for (let at = 0; at < longest; at += 1) {
      for (const list of lists) {
        const wish = list[at];
        if (wish) yield wish;
      }
    }
  }

  /* All wait: what else is asked meanwhile would only be turned away, too. */
  #comesAgain(key: string, problem: unknown): boolean {
    const ms = this.#crowdMs(problem);
    const times = this.#turnedAway.get(key) ?? 0;
    if (!ms || times === TRIES) return false;
    this.#turnedAway.set(key, times + 1);
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.#go();
    }, ms);
    return true;
  }

  #go(): void {
    if (this.#pause) return;
    let ahead = 0; // bytes of what comes before it in the order
    for (const wish of this.#inTurn()) {
      if (this.#running.size >= this.#atATime) return;
      const held = this.#held.get(wish.key);
      if (held) {
        ahead += held.bytes;
        if (ahead > this.#bytesMax * FILLED) return; // more would push out what is nearer
        continue;
      }
      if (!this.#running.has(wish.key) && !this.#failed.has(wish.key)) void this.#load(wish);
    }
  }

  async #load({ key, load }: Wish): Promise<void> {
    const stop = new AbortController();
    this.#running.set(key, stop);
    try {
      const frame = (await load(stop.signal)) as T;
      if (stop.signal.aborted) return;
      this.#hold(key, frame);
    } catch (problem) {
      if (stop.signal.aborted) return;
      if (!this.#comesAgain(key, problem)) this.#failed.set(key, problem);
    }
    this.#running.delete(key);
    this.#changed(key);
    this.#go();
  }

  #hold(key: string, frame: T): void {
    this.#held.set(key, frame);
    this.#bytes += frame.bytes;
    for (const [old, { bytes }] of this.#held) {
      if (this.#bytes <= this.#bytesMax || old === key) break;
      this.#held.delete(old);
      this.#bytes -= bytes;
    }
  }
}
const FILLED = 0.75;
const TRIES = 3; // after the first
