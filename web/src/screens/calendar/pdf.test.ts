// SPDX-License-Identifier: Apache-2.0
import { afterEach, expect, test, vi } from 'vitest';
import { hasViewer, sameShape, scaleOf } from './pdf.ts';

afterEach(() => vi.unstubAllGlobals());

test('a page is as wide as asked, in the pixels of the screen, of which twice are enough', () => {
  expect(scaleOf(600, 800, 300, 1)).toBe(0.5);
  expect(scaleOf(600, 800, 300, 2)).toBe(1);
  expect(scaleOf(600, 800, 300, 4)).toBe(1);
});

test('whatever size a page claims, its canvas stays one that a phone can hold', () => {
  const sizes: [number, number][] = [[14_400, 14_400], [10, 14_400], [14_400, 10], [1e9, 1e9], [1e-6, 1e-6], [1, 1e9]];
  for (const [width, height] of sizes) {
    const scale = scaleOf(width, height, 4000, 3);
    expect(width * height * scale * scale, `${width} x ${height}`).toBeLessThanOrEqual(12_000_001);
    expect(Math.max(width, height) * scale).toBeLessThanOrEqual(8193);
  }
  for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => scaleOf(bad, 100, 300, 1)).toThrow(RangeError);
});

test('a page like a thread does not make a screen without end', () => {
  expect(Number(sameShape(1, 1e9))).toBe(1 / 40);
  expect(Number(sameShape(1e9, 1))).toBe(40);
  expect(Number(sameShape(Number.NaN, 1))).toBeCloseTo(210 / 297);
});

test('a frame is used where the browser shows PDFs and there is more than a finger', () => {
  const set = (pdfViewerEnabled: boolean | undefined, hasMouse: boolean) => {
    vi.stubGlobal('navigator', { pdfViewerEnabled });
    vi.stubGlobal('matchMedia', () => ({ matches: hasMouse }));
    return hasViewer();
  };
  expect(set(true, true)).toBe(true);
  expect(set(undefined, true)).toBe(true); // too old to say
  expect(set(false, true)).toBe(false);
  expect(set(true, false)).toBe(false);
});
