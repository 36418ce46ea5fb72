// SPDX-License-Identifier: Apache-2.0
/* Weeks that have to be read again: several arrivals are one reading, and what arrives before
 * there is anything to read is read then. */

export interface Weeks {
  from: number;
  to: number;
}

export class Due {
  readonly #read: (weeks: Weeks | null) => void;
  readonly #waitMs: number;
  #weeks: Weeks | null | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReady = false;

  /** `read` gets null for all weeks. */
  constructor(read: (weeks: Weeks | null) => void, waitMs: number) {
    this.#read = read;
    this.#waitMs = waitMs;
  }

  /** One week; none: all of them. */
  add(week: number | null): void {
    if (week === null) this.#weeks = null;
    else if (this.#weeks !== null) {
      this.#weeks = { from: Math.min(this.#weeks?.from ?? week, week), to: Math.max(this.#weeks?.to ?? week, week) };
    }
    this.#arm();
  }

  /** From now on it can be read. */
  ready(): void {
    this.#isReady = true;
    this.#arm();
  }

  stop(): void {
    this.#isReady = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    if (!this.#isReady || this.#weeks === undefined) return;
    this.#timer ??= setTimeout(() => {
      const weeks = this.#weeks ?? null;
      this.#timer = this.#weeks = undefined;
      this.#read(weeks);
    }, this.#waitMs);
  }
}
