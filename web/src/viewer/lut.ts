// SPDX-License-Identifier: Apache-2.0
/* From stored values to what a screen shows (PS3.3 C.7.6.3, C.11.1, C.11.2): padding, modality
 * rescale or table, VOI window or table, MONOCHROME1, RGBA. One table per window: a picture is
 * then one look-up per pixel. Memory is little-endian, as on every machine with a browser. */
import { isColour, type Instance, type Lut } from './study.ts';

export interface Window {
  center: number;
  width: number;
}

type Values = Pick<
  Instance,
  'bits_allocated' | 'bits_stored' | 'is_signed' | 'photometric' | 'samples' | 'rescale' | 'modality_lut' | 'voi_lut' | 'voi_function' | 'padding'
>;

const BLACK = 0xff000000;
const grey = (shade: number): number => (BLACK | (shade * 0x010101)) >>> 0;

/** A stored pattern as the number that it means. */
function numberOf(image: Values, pattern: number): number {
  const unused = 32 - image.bits_stored;
  return image.is_signed ? (pattern << unused) >> unused : pattern;
}

function lookUp(lut: Lut, value: number): number {
  const at = Math.min(Math.max(Math.trunc(value) - lut.first, 0), lut.values.length - 1);
  return lut.values[at] ?? 0;
}

/** What a stored value measures: Hounsfield units, optical density … */
export function measured(image: Values, value: number): number {
  if (image.modality_lut) return lookUp(image.modality_lut, value);
  return image.rescale ? value * image.rescale.slope + image.rescale.intercept : value;
}

/** 0 to 1 within a window (C.11.2.1.2, C.11.2.1.3). */
export function windowed(how: Values['voi_function'], { center, width }: Window, x: number): number {
  if (how === 'SIGMOID') return 1 / (1 + Math.exp((-4 * (x - center)) / width));
  const [middle, span] = how === 'LINEAR' ? [center - 0.5, width - 1] : [center, width];
  if (x <= middle - span / 2) return 0;
  if (x > middle + span / 2) return 1;
  return (x - middle) / span + 0.5;
}

/** Narrower ones mean nothing (C.11.2.1.2). */
export const narrowest = (how: Values['voi_function']): number => (how === 'LINEAR' ? 1 : 0.001);

/** RGBA of every stored pattern; null: the file's own VOI table. */
export function shadesOf(image: Values, window: Window | null, isInverted: boolean): Uint32Array {
  const bits = Math.min(image.bits_stored, 16);
  const table = new Uint32Array(2 ** bits);
  const isReversed = (image.photometric === 'MONOCHROME1') !== isInverted;
  const { voi_lut: lut, voi_function: how } = image;
  const top = lut ? 2 ** lut.bits - 1 : 1;
  for (let pattern = 0; pattern < table.length; pattern += 1) {
    const value = numberOf(image, pattern);
    if (value === image.padding) {
      table[pattern] = BLACK;
      continue;
    }
    const x = measured(image, value);
    const part = window || !lut ? windowed(how, window ?? { center: 0, width: 1 }, x) : lookUp(lut, x) / top;
    const shade = Math.round(Math.min(Math.max(part, 0), 1) * 255);
    table[pattern] = grey(isReversed ? 255 - shade : shade);
  }
  return table;
}

/** So many bytes is a frame of stored values. */
export const frameBytes = (image: Pick<Instance, 'rows' | 'columns' | 'samples' | 'bits_allocated'>): number =>
  image.rows * image.columns * image.samples * (image.bits_allocated > 8 ? 2 : 1);

function wordsOf(image: Values, bytes: Uint8Array): Uint8Array | Uint16Array {
  if (image.bits_allocated <= 8) return bytes;
  const isEven = bytes.byteOffset % 2 === 0;
  const from = isEven ? bytes : bytes.slice();
  return new Uint16Array(from.buffer, from.byteOffset, from.byteLength >> 1);
}

/** Draws a frame's stored values; `out` has a place for every pixel. */
export function paint(image: Values, bytes: Uint8Array, shades: Uint32Array, out: Uint32Array): void {
  const values = wordsOf(image, bytes);
  const mask = shades.length - 1;
  for (let at = 0; at < out.length; at += 1) out[at] = shades[(values[at] ?? 0) & mask] ?? BLACK;
}

export function paintColour(image: Values, bytes: Uint8Array, isInverted: boolean, out: Uint32Array): void {
  const values = wordsOf(image, bytes);
  const flip = isInverted ? 0xffffff : 0;
  const down = Math.max(Math.min(image.bits_stored, image.bits_allocated) - 8, 0);
  for (let at = 0, from = 0; at < out.length; at += 1, from += 3) {
    const red = (values[from] ?? 0) >> down;
    const green = (values[from + 1] ?? 0) >> down;
    const blue = (values[from + 2] ?? 0) >> down;
    out[at] = (BLACK | (((blue << 16) | (green << 8) | red) ^ flip)) >>> 0;
  }
}

/** The window that shows all there is: for files that name none. */
export function wholeRange(image: Values, bytes: Uint8Array): Window {
  const values = wordsOf(image, bytes);
  const mask = 2 ** Math.min(image.bits_stored, 16) - 1;
  let low = Infinity;
  let high = -Infinity;
  for (const pattern of values) {
    const value = numberOf(image, pattern & mask);
    if (value === image.padding) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return { center: 128, width: 256 };
  const [one, other] = [measured(image, low), measured(image, high)];
  return { center: (one + other) / 2 + 0.5, width: Math.max(Math.abs(other - one) + 1, 2) };
}

export interface Preset {
  /** A word of the catalogue, or the file's own text. */
  name: 'default' | 'brain' | 'lung' | 'mediastinum' | 'bone' | 'abdomen' | 'whole' | '';
  text: string;
  /** null: the file's own table; undefined: all there is in this picture. */
  window: Window | null | undefined;
}

const CT: [Preset['name'], number, number][] = [
  ['brain', 80, 40], ['lung', 1500, -600], ['mediastinum', 350, 50], ['bone', 2000, 300], ['abdomen', 350, 40],
];

/** The windows to choose from: the file's own first, then what CT is read in. */
export function presetsOf(image: Instance, modality: string): Preset[] {
  if (isColour(image)) return [];
  const own = image.windows.map(
    ({ center, width, text }, at): Preset => ({ name: at === 0 ? 'default' : '', text: text || `${width}/${center}`, window: { center, width } }),
  );
  if (image.has_voi_lut) own.unshift({ name: 'default', text: '', window: null });
  if (modality === 'CT') {
    return [...own, ...CT.map(([name, width, center]): Preset => ({ name, text: '', window: { center, width } }))];
  }
  return [...own, { name: 'whole', text: '', window: undefined }];
}
