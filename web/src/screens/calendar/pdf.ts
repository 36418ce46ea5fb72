// SPDX-License-Identifier: Apache-2.0
/* Who draws a PDF, and how large: what a phone has memory for, whatever the document says. */

/** More is to be saved and read elsewhere. */
export const PAGES_MAX = 300;
export const ZOOMS = [1, 1.5, 2, 3];

const AREA_MAX = 12_000_000;
const SIDE_MAX = 8_192;
const DENSITY_MAX = 2;

/** A frame shows a PDF where the browser has a viewer of its own and a mouse or pen is at hand:
 * with fingers alone it is a phone or a tablet, whose frames show one page or none. */
export const hasViewer = (): boolean =>
  navigator.pdfViewerEnabled !== false && matchMedia('(any-pointer: fine)').matches;

const isSize = (size: number) => Number.isFinite(size) && size > 0;

/** So that a page is as wide as asked, within what a canvas may be. */
export function scaleOf(width: number, height: number, wanted: number, density: number): number {
  if (!isSize(width) || !isSize(height)) throw new RangeError('a page without a size');
  const scale = (wanted * Math.min(Math.max(density, 1), DENSITY_MAX)) / width;
  return Math.min(scale, Math.sqrt(AREA_MAX / (width * height)), SIDE_MAX / Math.max(width, height));
}

/** Of its place on the screen: a page like a thread is not longer than forty others. */
export function sameShape(width: number, height: number): string {
  const shape = isSize(width) && isSize(height) ? Math.min(Math.max(width / height, 1 / 40), 40) : 210 / 297;
  return String(shape);
}
