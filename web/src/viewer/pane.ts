// SPDX-License-Identifier: Apache-2.0
/* One pane: which series, which frame, how it is looked at, and which frames it wants. The server's
 * pictures are shown while one scrolls; the stored values of the frame one rests on replace its. */
import { Frames, orderOf, type Held, type Wish } from './cache.ts';
import { FIT, depthOf, planeOf, areParallel, type View } from './geometry.ts';
import { narrowest, presetsOf, wholeRange, type Preset, type Window } from './lut.ts';
import { Measuring } from './measure.ts';
import { canWindow, frameOf, framesOf, hasValues, isServerWindowed, type FrameRef, type Instance, type Series } from './study.ts';

export interface Loaded extends Held {
  /** Stored values … */
  values?: Uint8Array;
  /** … or the server's picture of them. */
  blob?: Blob;
  isLossy?: boolean;
}
export type Load = (at: { series: number } & FrameRef, query: { q: 'preview' | 'raw'; window?: string; size?: number }, signal: AbortSignal) => Promise<Loaded>;

const REST_MS = 150;
const BITMAPS = 24;

export class Pane {
  opening: string;
  readonly series: Series;
  readonly index: number;
  readonly frames: FrameRef[];
  at = 0;
  view: View = FIT;
  isInverted = false;
  isPlaying = false;
  readonly #store: Frames<Loaded>;
  #load: Load;
  readonly #changed: () => void;
  readonly #who: string;
  readonly #bitmaps = new Map<string, ImageBitmap | null>(); // null: on its way
  readonly #broken = new Map<string, unknown>(); // pictures that are none
  readonly #measures = new Map<number, Measuring>();
  #window: Window | null | undefined; // undefined: the first of the presets
  #found: Window | undefined; // of a file that names none
  #direction: 1 | -1 = 1;
  #isResting = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(who: string, opening: string, series: Series, index: number, store: Frames<Loaded>, load: Load, changed: () => void) {
    this.#who = who;
    this.opening = opening;
    this.series = series;
    this.index = index;
    this.frames = framesOf(series);
    this.#store = store;
    this.#load = load;
    this.#changed = changed;
    this.#rest();
    this.ask();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#store.want(this.#who, []);
    for (const bitmap of this.#bitmaps.values()) bitmap?.close();
    this.#bitmaps.clear();
  }

  /** The same pictures under another opening: looked at as before, fetched anew. */
  renew(opening: string, load: Load): void {
    this.opening = opening;
    this.#load = load;
    this.#broken.clear();
    this.ask();
  }

  get count(): number {
    return this.frames.length;
  }

  get image(): Instance | undefined {
    return this.#imageAt(this.at);
  }

  #imageAt(at: number): Instance | undefined {
    const { instance, frame } = this.frames[at] ?? { instance: 0, frame: 0 };
    const image = this.series.instances[instance];
    return image && frameOf(image, frame);
  }

  get measuring(): Measuring {
    let found = this.#measures.get(this.at);
    if (!found) this.#measures.set(this.at, (found = new Measuring()));
    return found;
  }

  get presets(): Preset[] {
    return this.image ? presetsOf(this.image, this.series.modality) : [];
  }

  // ---- moving through the stack ----

  go(to: number, direction: 1 | -1 = to > this.at ? 1 : -1): void {
    const next = Math.min(Math.max(to, 0), this.count - 1);
    if (next === this.at) return;
    this.#direction = direction;
    this.at = next;
    this.#rest();
    this.ask();
    this.#changed();
  }

  #rest(): void {
    this.#isResting = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#isResting = true;
      this.ask();
    }, REST_MS);
  }

  /** mm along the stack; null where nobody says. */
  get depth(): number | null {
    return this.image ? depthOf(this.image) : null;
  }

  /** The frame that lies nearest to there. */
  nearest(depth: number): number {
    let best = this.at;
    let least = Infinity;
    this.frames.forEach((_, at) => {
      const own = this.#imageAt(at);
      const away = Math.abs((own ? (depthOf(own) ?? NaN) : NaN) - depth);
      if (away < least) [least, best] = [away, at];
    });
    return best;
  }

  isParallelTo(other: Pane): boolean {
    const [a, b] = [this.image && planeOf(this.image), other.image && planeOf(other.image)];
    return Boolean(a && b && areParallel(a, b));
  }

  // ---- how it is looked at ----

  /** What is drawn with: chosen, else the file's, else all there is. null: the file's table. */
  get window(): Window | null {
    if (this.#window !== undefined) return this.#window;
    const first = this.presets.find(({ name }) => name === 'default');
    return first?.window !== undefined ? first.window : (this.#found ?? null);
  }

  get isOwnWindow(): boolean {
    return this.#window === undefined;
  }

  choose(preset: Preset): void {
    const values = this.raw;
    if (preset.window === undefined) this.#window = values && this.image ? wholeRange(this.image, values) : undefined;
    else this.#window = preset.name === 'default' ? undefined : preset.window;
    this.ask();
    this.#changed();
  }

  /** Pixels of a drag: a width of the screen is about the width of the values. */
  turnWindow(across: number, down: number): void {
    const { image } = this;
    if (!image || !canWindow(image)) return;
    const { center, width } = this.window ?? this.#measuredRange() ?? { center: 128, width: 256 };
    const step = Math.max(width, narrowest(image.voi_function)) / 250;
    this.#window = { center: center + down * step, width: Math.max(width + across * step * 2, narrowest(image.voi_function)) };
    this.#isResting = true; // its own values are wanted at once
    this.ask();
    this.#changed();
  }

  #measuredRange(): Window | undefined {
    return this.image && this.raw ? wholeRange(this.image, this.raw) : undefined;
  }

  look(change: Partial<View>): void {
    this.view = { ...this.view, ...change };
    this.#changed();
  }

  /** Left and right of the screen, however it is turned. */
  flip(): void {
    const { quarter, isFlipped, x } = this.view;
    this.look({ isFlipped: !isFlipped, quarter: (4 - quarter) % 4, x: -x });
  }

  clear(): void {
    this.measuring.clear();
    this.#changed();
  }

  invert(): void {
    this.isInverted = !this.isInverted;
    this.#changed();
  }

  reset(): void {
    this.view = FIT;
    this.isInverted = false;
    this.#window = undefined;
    this.ask();
    this.#changed();
  }

  // ---- frames ----

  #key(at: number, q: 'preview' | 'raw'): string {
    const of = this.frames[at];
    const window = q === 'preview' ? (this.#asked() ?? '') : '';
    return `${this.opening} ${this.index} ${of?.instance} ${of?.frame} ${q} ${window}`;
  }

  /** So that the frames of a scroll look as the one it began on. */
  #asked(): string | undefined {
    const window = this.#window;
    return window ? `${shortNumber(window.center)},${shortNumber(window.width)}` : undefined;
  }

  #wish(at: number, q: 'preview' | 'raw'): Wish {
    const of = this.frames[at] ?? { instance: 0, frame: 0 };
    const window = q === 'preview' ? this.#asked() : undefined;
    return {
      key: this.#key(at, q),
      load: (signal) => this.#load({ series: this.index, ...of }, { q, ...(window ? { window } : {}) }, signal),
    };
  }

  /** What is wanted now, the frame on screen first. */
  ask(): void {
    const { image } = this;
    if (this.#isClosed || !image?.is_supported) return;
    // values that did not come leave windows to the server
    const isLost = this.#store.failure(this.#key(this.at, 'raw')) !== undefined;
    const drawsValues = hasValues(image) && !isServerWindowed(image) && !isLost;
    const wishes: Wish[] = [];
    for (const at of orderOf(this.at, this.count, this.#direction, this.count)) {
      const isHere = at === this.at;
      const hasRaw = this.#store.has(this.#key(at, 'raw'));
      // previews of a window that is being turned would be thrown away
      if (!hasRaw && !(isHere && this.#isTurned && drawsValues)) wishes.push(this.#wish(at, 'preview'));
      if (isHere && drawsValues && (this.#isResting || hasRaw) && !this.isPlaying) wishes.push(this.#wish(at, 'raw'));
    }
    this.#store.want(this.#who, wishes);
  }

  get #isTurned(): boolean {
    return this.#window !== undefined && this.#isResting;
  }

  get raw(): Uint8Array | undefined {
    return this.#store.take(this.#key(this.at, 'raw'))?.values;
  }

  /** What can be drawn now: stored values where they are there, else the server's picture. */
  picture(): { picture: Uint8Array | ImageBitmap | undefined; isPreview: boolean } {
    const { image } = this;
    const values = this.raw;
    if (values && image) {
      if (this.window === null && !image.voi_lut) {
        // no table came along: the server's picture has it applied
        if (image.has_voi_lut) return { picture: this.#bitmap(), isPreview: true };
        this.#found ??= wholeRange(image, values);
      }
      return { picture: values, isPreview: false };
    }
    return { picture: this.#bitmap(), isPreview: true };
  }

  get failure(): unknown {
    const key = this.#key(this.at, 'preview');
    return this.raw ? undefined : (this.#broken.get(key) ?? this.#store.failure(key));
  }

  /** Why the stored values of the frame on screen did not come, while a picture of it is there. */
  get valuesFailure(): unknown {
    return this.#store.failure(this.#key(this.at, 'raw'));
  }

  retry(): void {
    this.#broken.clear();
    this.#changed();
    this.#store.retry(this.#key(this.at, 'preview'));
    this.#store.retry(this.#key(this.at, 'raw'));
    this.ask();
  }

  /** Whether the next frame of a film can be shown. */
  isThere(at: number): boolean {
    return this.#store.has(this.#key(at, 'preview')) || this.#store.has(this.#key(at, 'raw'));
  }

  #bitmap(): ImageBitmap | undefined {
    const key = this.#key(this.at, 'preview');
    const known = this.#bitmaps.get(key);
    const blob = this.#store.take(key)?.blob;
    if (known === undefined && blob && !this.#broken.has(key)) {
      this.#bitmaps.set(key, null);
      void createImageBitmap(blob).then(
        (bitmap) => {
          if (this.#isClosed) return bitmap.close();
          this.#keep(key, bitmap);
          this.#changed();
        },
        (problem: unknown) => {
          this.#bitmaps.delete(key);
          this.#broken.set(key, problem);
          this.#changed();
        },
      );
    }
    if (known) return known;
    // while the right one is being unpacked the last one stays: no black between two frames
    const isComing = this.#bitmaps.get(key) === null;
    return isComing ? ([...this.#bitmaps.values()].findLast((bitmap) => bitmap !== null) ?? undefined) : undefined;
  }

  #keep(key: string, bitmap: ImageBitmap): void {
    this.#bitmaps.delete(key);
    this.#bitmaps.set(key, bitmap);
    const [oldest] = this.#bitmaps;
    if (this.#bitmaps.size > BITMAPS && oldest) {
      oldest[1]?.close();
      this.#bitmaps.delete(oldest[0]);
    }
  }
}

const shortNumber = (value: number): string => String(Math.round(value * 100) / 100);
