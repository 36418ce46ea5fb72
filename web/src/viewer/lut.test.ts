// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { frameBytes, paint, paintColour, presetsOf, shadesOf, wholeRange, windowed, type Window } from './lut.ts';
import type { Instance } from './study.ts';

const BARE: Instance = {
  uid: '1', number: 1, frames: 1, rows: 1, columns: 1, bits_allocated: 16, bits_stored: 16, is_signed: false, samples: 1,
  photometric: 'MONOCHROME2', syntax: '', is_supported: true, spacing: null, spacing_kind: 'none', aspect: null, position: null,
  orientation: null, slice_location: null, rescale: null, windows: [], voi_function: 'LINEAR', has_modality_lut: false,
  has_voi_lut: false, padding: null, lossy_ratio: null, frame_time_ms: null, has_overlay: false,
};
const image = (of: Partial<Instance>): Instance => ({ ...BARE, ...of });

/* The same from the text of PS3.3 C.11, value by value in floats; written from it and not from lut.ts. */
function oracle(of: Instance, window: Window | null, isInverted: boolean, pattern: number): number {
  const range = Math.pow(2, of.bits_stored);
  let stored = pattern % range;
  if (of.is_signed && stored >= range / 2) stored -= range;
  if (of.padding !== null && stored === of.padding) return 0;
  let x: number;
  const table = (lut: { first: number; values: number[] }, value: number): number => {
    if (value < lut.first) return lut.values[0] as number;
    if (value >= lut.first + lut.values.length) return lut.values[lut.values.length - 1] as number;
    return lut.values[value - lut.first] as number;
  };
  if (of.modality_lut) x = table(of.modality_lut, stored);
  else x = of.rescale ? stored * of.rescale.slope + of.rescale.intercept : stored;
  let y: number;
  if (window === null && of.voi_lut) y = (table(of.voi_lut, Math.trunc(x)) * 255) / (Math.pow(2, of.voi_lut.bits) - 1);
  else {
    const { center: c, width: w } = window as Window;
    if (of.voi_function === 'LINEAR') {
      if (x <= c - 0.5 - (w - 1) / 2) y = 0;
      else if (x > c - 0.5 + (w - 1) / 2) y = 255;
      else y = ((x - (c - 0.5)) / (w - 1) + 0.5) * 255;
    } else if (of.voi_function === 'LINEAR_EXACT') {
      if (x <= c - w / 2) y = 0;
      else if (x > c + w / 2) y = 255;
      else y = ((x - c) / w + 0.5) * 255;
    } else y = 255 / (1 + Math.exp((-4 * (x - c)) / w));
  }
  if ((of.photometric === 'MONOCHROME1') !== isInverted) y = 255 - y;
  return y;
}

const ramp = (count: number, bits: number) => Array.from({ length: count }, (_, at) => Math.round((at / (count - 1)) ** 1.7 * (2 ** bits - 1)));

const CASES: [string, Partial<Instance>, Window | null][] = [
  ['unsigned 16 of 16', {}, { center: 30000, width: 20000 }],
  ['signed CT of 12 in 16', { bits_stored: 12, is_signed: true, rescale: { slope: 1, intercept: 0, type: 'HU' } }, { center: 40, width: 400 }],
  ['CT with an intercept', { bits_stored: 12, rescale: { slope: 1, intercept: -1024, type: 'HU' } }, { center: -600, width: 1500 }],
  ['PET with a fractional slope', { rescale: { slope: 0.37, intercept: 2.5, type: '' } }, { center: 900.25, width: 1333.5 }],
  ['exact', { voi_function: 'LINEAR_EXACT', bits_stored: 10 }, { center: 500, width: 256 }],
  ['sigmoid', { voi_function: 'SIGMOID', bits_stored: 12 }, { center: 2048, width: 1000 }],
  ['the narrowest window', { bits_stored: 12 }, { center: 100, width: 1 }],
  ['8 bits', { bits_allocated: 8, bits_stored: 8 }, { center: 128, width: 256 }],
  ['one bit', { bits_allocated: 8, bits_stored: 1 }, { center: 1, width: 2 }],
  ['MONOCHROME1', { bits_stored: 12, photometric: 'MONOCHROME1' }, { center: 2048, width: 3600 }],
  ['padding, signed', { bits_stored: 16, is_signed: true, padding: -2000 }, { center: 40, width: 400 }],
  ['a modality table', { bits_stored: 12, modality_lut: { first: 100, bits: 12, values: ramp(1000, 12) } }, { center: 1000, width: 900 }],
  ['a VOI table', { bits_stored: 12, voi_lut: { first: -500, bits: 10, values: ramp(1500, 10) }, rescale: { slope: 1, intercept: -1024, type: '' } }, null],
  ['a VOI table set aside', { bits_stored: 12, voi_lut: { first: 0, bits: 8, values: ramp(256, 8) } }, { center: 2000, width: 500 }],
];

describe('shadesOf', () => {
  for (const [name, of, window] of CASES) {
    for (const isInverted of [false, true]) {
      it(`agrees with the standard's formulas: ${name}${isInverted ? ', inverted' : ''}`, () => {
        const one = image(of);
        const shades = shadesOf(one, window, isInverted);
        expect(shades.length).toBe(2 ** one.bits_stored);
        const step = Math.max(1, Math.floor(shades.length / 4096));
        for (let pattern = 0; pattern < shades.length; pattern += step) {
          const pixel = shades[pattern] as number;
          const shade = pixel & 0xff;
          expect(Math.abs(shade - oracle(one, window, isInverted, pattern)), `pattern ${pattern}`).toBeLessThanOrEqual(0.5001);
          expect(pixel).toBe((0xff000000 | (shade * 0x010101)) >>> 0);
        }
      });
    }
  }
  it('leaves padding black in a picture that is turned round', () => {
    const shades = shadesOf(image({ bits_stored: 12, photometric: 'MONOCHROME1', padding: 0 }), { center: 2048, width: 4096 }, false);
    expect(shades[0]).toBe(0xff000000);
    expect((shades[1] as number) & 0xff).toBeGreaterThan(250);
  });
  it('knows edges of the linear window: C.11.2.1.2', () => {
    const window = { center: 10, width: 5 }; // from 7.5 to 11.5
    expect(windowed('LINEAR', window, 7.5)).toBe(0);
    expect(windowed('LINEAR', window, 9.5)).toBe(0.5);
    expect(windowed('LINEAR', window, 11.5)).toBe(1);
  });
});

describe('paint', () => {
  it('reads 16-bit little-endian values, and sets bits above the stored ones aside', () => {
    const one = image({ bits_stored: 12 });
    const shades = shadesOf(one, { center: 2048, width: 4096 }, false);
    const out = new Uint32Array(3);
    paint(one, Uint8Array.of(0x00, 0x00, 0xff, 0x0f, 0xff, 0xff), shades, out);
    expect([...out].map((pixel) => pixel & 0xff)).toEqual([0, 255, 255]);
  });
  it('reads signed values as such', () => {
    const one = image({ bits_stored: 12, is_signed: true });
    const shades = shadesOf(one, { center: 0.5, width: 2 }, false);
    const out = new Uint32Array(2);
    paint(one, Uint8Array.of(0xff, 0xff, 0x01, 0x00), shades, out); // -1, 1
    expect([...out].map((pixel) => pixel & 0xff)).toEqual([0, 255]);
  });
  it('does not mind where in memory the bytes begin', () => {
    const one = image({ bits_stored: 16 });
    const shades = shadesOf(one, { center: 32768, width: 65536 }, false);
    const held = Uint8Array.of(9, 0xff, 0xff, 0x00, 0x00);
    const out = new Uint32Array(2);
    paint(one, held.subarray(1), shades, out);
    expect([...out].map((pixel) => pixel & 0xff)).toEqual([255, 0]);
  });
  it('leaves what is missing at the end black', () => {
    const one = image({ bits_allocated: 8, bits_stored: 8 });
    const out = new Uint32Array(2);
    paint(one, Uint8Array.of(255), shadesOf(one, { center: 128, width: 256 }, false), out);
    expect(out[1]).toBe(0xff000000);
  });
});

describe('paintColour', () => {
  it('keeps red red, and has no window', () => {
    const one = image({ bits_allocated: 8, bits_stored: 8, samples: 3, photometric: 'RGB' });
    const out = new Uint32Array(2);
    paintColour(one, Uint8Array.of(255, 0, 16, 1, 2, 3), false, out);
    expect([...out]).toEqual([0xff1000ff, 0xff030201]);
    paintColour(one, Uint8Array.of(255, 0, 16, 1, 2, 3), true, out);
    expect(out[0]).toBe(0xffefff00);
  });
  it('takes the upper bits of 16-bit colours', () => {
    const one = image({ bits_allocated: 16, bits_stored: 16, samples: 3, photometric: 'RGB' });
    const out = new Uint32Array(1);
    paintColour(one, Uint8Array.of(0x34, 0x12, 0xff, 0xff, 0x00, 0x80), false, out);
    expect(out[0]).toBe(0xff80ff12);
  });
});

describe('windows to begin with', () => {
  it('show all there is where the file names none, without the padding', () => {
    const one = image({ bits_stored: 12, is_signed: true, padding: -2000, rescale: { slope: 2, intercept: 10, type: '' } });
    const values = new Uint8Array(new Int16Array([-2000, -100, 300]).buffer);
    const window = wholeRange(one, values);
    expect(oracle(one, window, false, 4096 - 100)).toBeCloseTo(0, 0);
    expect(oracle(one, window, false, 300)).toBe(255);
    expect(wholeRange(one, new Uint8Array(new Int16Array([-2000]).buffer)).width).toBeGreaterThan(1);
  });
  it('are the own ones first, then those that CT is read in', () => {
    const own = image({ windows: [{ center: 50, width: 350, text: '' }, { center: 1, width: 2, text: 'BONE' }] });
    expect(presetsOf(own, 'CT').map(({ name, text }) => name || text)).toEqual(['default', 'BONE', 'brain', 'lung', 'mediastinum', 'bone', 'abdomen']);
    expect(presetsOf(own, 'CT').find(({ name }) => name === 'lung')?.window).toEqual({ center: -600, width: 1500 });
    expect(presetsOf(image({ has_voi_lut: true }), 'CR').map(({ name, window }) => [name, window])).toEqual([['default', null], ['whole', undefined]]);
    expect(presetsOf(image({ samples: 3 }), 'ES')).toEqual([]);
  });
  it('need as many bytes as the picture has values', () => {
    expect(frameBytes(image({ rows: 3, columns: 5 }))).toBe(30);
    expect(frameBytes(image({ rows: 3, columns: 5, bits_allocated: 8, samples: 3 }))).toBe(45);
  });
});
