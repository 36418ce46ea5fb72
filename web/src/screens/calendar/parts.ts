// SPDX-License-Identifier: Apache-2.0
/* What belongs to a document besides its text: which part stands where, how much a picture may
 * be, and that not all of them are fetched at once. */
import { canOpen, type Fields } from './blocks.ts';

/** A part as the list of the content names it; without a number it cannot be fetched. */
export interface Part {
  number: string;
  name: string;
  type: string;
  format: string;
  size: string;
  isTooLarge: boolean;
}

export function partsOf(items: Fields[]): Map<string, Part> {
  const parts = new Map<string, Part>();
  for (const item of items) {
    if (item.type !== 'part' || !item.part) continue;
    parts.set(item.part, {
      number: item.part,
      name: item.name ?? '',
      type: item.media_type ?? '',
      format: item.format ?? '',
      size: item.size_bytes ?? '',
      isTooLarge: item.too_large === 'true',
    });
  }
  return parts;
}

/** Those that the text does not point to, in their order. */
export function partsLeft(items: Fields[], parts: Map<string, Part>): Part[] {
  const shown = new Set(items.filter((item) => item.type !== 'part').map((item) => item.part));
  return [...parts.values()].filter((part) => !shown.has(part.number));
}

export const isPicture = (type: string): boolean => canOpen(type) && type !== 'application/pdf';

/** As a picture in the text: what may be fetched and shown. */
export const isDrawn = (part: Part, list: string | undefined): boolean =>
  isPicture(part.type) && !part.isTooLarge && list !== undefined;

/** How many pictures stand in the text of a document. */
export function countPictures(items: Fields[], list: string | undefined): number {
  const parts = partsOf(items);
  return items.filter((item) => {
    const part = item.type === 'figure' || item.type === 'embedded' ? parts.get(item.part ?? '') : undefined;
    return part !== undefined && isDrawn(part, list);
  }).length;
}

/** A few kilobytes may unfold to more than a tablet has memory for. */
export const PIXELS_MAX = 50_000_000;

const u16 = (bytes: Uint8Array, at: number) => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

/* Segments of JPEG (ITU-T T.81 B.1) up to the frame header. */
function pixelsOfJpeg(bytes: Uint8Array): number {
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) return Number.NaN;
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return u16(bytes, at + 5) * u16(bytes, at + 7);
    at += 2 + u16(bytes, at + 2);
  }
  return Number.NaN;
}

/** As the file's own head says; NaN when it says nothing. */
export function pixelsOf(bytes: Uint8Array, type: string): number {
  if (type === 'image/jpeg') return pixelsOfJpeg(bytes);
  if (type === 'image/png' && bytes.length >= 24) {
    return (u16(bytes, 16) * 65536 + u16(bytes, 18)) * (u16(bytes, 20) * 65536 + u16(bytes, 22));
  }
  if (type === 'image/gif' && bytes.length >= 10) {
    return ((bytes[6] ?? 0) | ((bytes[7] ?? 0) << 8)) * ((bytes[8] ?? 0) | ((bytes[9] ?? 0) << 8));
  }
  return Number.NaN;
}

/** At most so many at a time: each is a decision of the hospital, written down before it comes. */
export class Turns {
  private readonly waiting: (() => void)[] = [];
  private busy = 0;
  private readonly max: number;

  constructor(max: number) {
    this.max = max;
  }

  async take<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.busy >= this.max) await new Promise<void>((go) => this.waiting.push(go));
    else this.busy += 1;
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.busy -= 1;
    }
  }
}
