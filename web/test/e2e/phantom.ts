// SPDX-License-Identifier: Apache-2.0
/* Invented bodies: stored values of a frame, and the server's picture of them. Both come from one
 * function, so that a picture and its values show the same thing. */
import type { Browser, Page } from '@playwright/test';

export type Body = 'axial' | 'coronal' | 'chest' | 'echo' | 'scope' | 'grey';

/** Self-contained: it runs here for values and in a page for pictures. Grey: one 16-bit number a
 * pixel; colour: three 8-bit ones. */
export function valuesOf(body: Body, columns: number, rows: number, part: number): number[] | Uint16Array | Uint8Array {
  const isColour = body === 'echo' || body === 'scope';
  const out = isColour ? new Uint8Array(columns * rows * 3) : new Uint16Array(columns * rows);
  const inside = (x: number, y: number, cx: number, cy: number, rx: number, ry: number) => ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1;
  const noise = (x: number, y: number) => (((x * 7919 + y * 104729 + Math.floor(part * 1000) * 31) % 97) - 48) / 48;
  const axial = (x: number, y: number): number => {
    const big = 0.75 + 0.25 * Math.sin(Math.PI * part);
    if (!inside(x, y, 0, 0, 0.86, 0.62)) return -1000;
    if (!inside(x, y, 0, 0, 0.82, 0.58)) return -90;
    if (inside(x, y, 0, 0.38, 0.13, 0.12)) return inside(x, y, 0, 0.34, 0.05, 0.05) ? 30 : 620;
    for (let rib = 0; rib < 9; rib += 1) {
      const angle = (rib / 9) * 6.283 + part * 3;
      if (inside(x, y, Math.cos(angle) * 0.76, Math.sin(angle) * 0.52, 0.07, 0.03)) return 480;
    }
    if (inside(x, y, 0.16, -0.1, 0.24 * big, 0.22 * big)) return inside(x, y, 0.2, -0.12, 0.12, 0.1) ? 180 : 45;
    for (const side of [-1, 1]) {
      if (inside(x, y, side * 0.42, 0, 0.32 * big, 0.42 * big)) {
        if (side > 0 && Math.abs(part - 0.5) < 0.12 && inside(x, y, 0.5, 0.12, 0.06, 0.06)) return 30;
        return Math.sin(x * 60 + y * 23 + part * 9) > 0.96 ? -300 : -840;
      }
    }
    return 50;
  };
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const at = row * columns + column;
      const x = (column / columns) * 2 - 1;
      const y = (row / rows) * 2 - 1;
      if (body === 'axial') out[at] = axial(x, y) + 1024 + noise(column, row) * 14;
      else if (body === 'coronal') {
        const hu = !inside(x, y, 0, 0, 0.86, 0.98) ? -1000 : inside(x, y, 0, 0.1, 0.08, 1) ? 500
          : inside(x, y, -0.4, -0.05, 0.3, 0.6) || inside(x, y, 0.42, 0, 0.28, 0.55) ? -820 : y > 0.55 ? 60 : 40;
        out[at] = hu + 1024 + noise(column, row) * 14;
      } else if (body === 'chest') {
        const lung = inside(x, y, -0.38, -0.1, 0.26, 0.55) || inside(x, y, 0.38, -0.1, 0.24, 0.52);
        const heart = inside(x, y, 0.12, 0.25, 0.3, 0.26);
        const rib = Math.sin(y * 26 + x * x * 14) > 0.55 && Math.abs(x) < 0.78;
        const dense = (Math.abs(x) < 0.09 ? 1500 : 0) + (heart ? 1000 : 0) + (rib ? 280 : 0) + (y > 0.55 ? 900 : 0);
        const body1 = Math.abs(x) < 0.85 ? 1300 : 60;
        out[at] = Math.min(4095, Math.max(0, 4095 - (lung ? 500 : body1) - dense * 0.8 - noise(column, row) * 30));
      } else if (body === 'echo') {
        const depth = Math.hypot(x, y + 1);
        const isFan = Math.abs(Math.atan2(x, y + 1)) < 0.7 && depth > 0.12 && depth < 1.9;
        const pulse = 0.26 + 0.07 * Math.sin(part * 6.283);
        const wall = inside(x, y, 0.02, 0.1, pulse + 0.12, pulse + 0.3) && !inside(x, y, 0.02, 0.1, pulse, pulse + 0.18);
        const grey = isFan ? Math.max(0, Math.min(255, (wall ? 175 : inside(x, y, 0.02, 0.1, pulse, pulse + 0.18) ? 14 : 62) + noise(column, row) * 34)) : 0;
        const isFlow = isFan && inside(x, y, 0.02, 0.22, 0.08, 0.16);
        out.set(isFlow ? [200 * (0.5 + 0.5 * Math.sin(part * 6.283)), 30, 40] : [grey, grey, grey], at * 3);
      } else if (body === 'scope') {
        const r = Math.hypot(x - 0.1, y - 0.05);
        const fold = 0.75 + 0.25 * Math.sin(r * 24 + Math.atan2(y, x) * 3);
        const light = Math.max(0.12, 1 - r * 0.75) * fold;
        const isIn = Math.hypot(x, y) < 1.05;
        out.set(isIn ? [225 * light, 118 * light, 96 * light] : [0, 0, 0], at * 3);
      } else out[at] = (column * 16 + row * 3) % 4096;
    }
  }
  return out;
}

/* Each frame is made once for all tests of a width. */
const raws = new Map<string, Buffer>();

/** The values as they come over the wire, little endian. */
export function rawOf(body: Body, columns: number, rows: number, part: number): Buffer {
  const key = JSON.stringify([body, columns, rows, part]);
  const known = raws.get(key);
  if (known) return known;
  const values = valuesOf(body, columns, rows, part) as Uint16Array | Uint8Array;
  const made = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  raws.set(key, made);
  return made;
}

export interface Wanted {
  body: Body;
  columns: number;
  rows: number;
  part: number;
  /** Longest side of the picture. */
  size: number;
  /** In stored values. */
  center: number;
  width: number;
  isInverted: boolean;
}

const pages = new WeakMap<Browser, Promise<Page>>();
const drawn = new Map<string, Promise<Buffer>>();

/** JPEGs, drawn in a page of their own. It has a window of its own, too: of a window's pages only the
 * newest is in front, and those behind it are given one frame a second. */
export class Darkroom {
  readonly #page: Page;
  private constructor(page: Page) {
    this.#page = page;
  }
  /** One page for all tests of a browser, and each picture is drawn once for them. */
  static async beside(page: Page): Promise<Darkroom> {
    const browser = page.context().browser();
    if (!browser) throw new Error('a page without a browser');
    const found = await pages.get(browser);
    if (found && !found.isClosed()) return new Darkroom(found);
    const made = browser.newContext().then((context) => context.newPage());
    pages.set(browser, made);
    return new Darkroom(await made);
  }
  develop(wanted: Wanted): Promise<Buffer> {
    const key = JSON.stringify(wanted);
    let made = drawn.get(key);
    if (!made) {
      drawn.set(key, (made = this.#draw(wanted)));
      made.catch(() => drawn.delete(key));
    }
    return made;
  }
  async #draw(wanted: Wanted): Promise<Buffer> {
    const coded = await this.#page.evaluate(
      async ([source, { body, columns, rows, part, size, center, width, isInverted }]) => {
        const kept = globalThis as unknown as { make?: typeof valuesOf };
        const make = (kept.make ??= new Function(`return (${source})`)() as typeof valuesOf);
        const scale = Math.min(1, size / Math.max(columns, rows));
        const [across, down] = [Math.max(1, Math.round(columns * scale)), Math.max(1, Math.round(rows * scale))];
        const values = make(body, across, down, part);
        const canvas = new OffscreenCanvas(across, down);
        const context = canvas.getContext('2d');
        if (!context) throw new Error('no canvas');
        const image = context.createImageData(across, down);
        const isColour = values.length === across * down * 3;
        for (let at = 0; at < across * down; at += 1) {
          for (let channel = 0; channel < 3; channel += 1) {
            const value = isColour ? (values[at * 3 + channel] ?? 0) : (((values[at] ?? 0) - center) / width + 0.5) * 255;
            image.data[at * 4 + channel] = isInverted ? 255 - value : value;
          }
          image.data[at * 4 + 3] = 255;
        }
        context.putImageData(image, 0, 0);
        const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
        const bytes = new Uint8Array(await blob.arrayBuffer());
        let text = '';
        for (const byte of bytes) text += String.fromCharCode(byte);
        return btoa(text);
      },
      [valuesOf.toString(), wanted] as const,
    );
    return Buffer.from(coded, 'base64');
  }
}
