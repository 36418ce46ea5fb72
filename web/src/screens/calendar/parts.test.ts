// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { PIXELS_MAX, Turns, countPictures, isPicture, partsLeft, partsOf, pixelsOf } from './parts.ts';

const ITEMS = [
  { type: 'paragraph', text: 'x' },
  { type: 'figure', caption: 'c', part: '2' },
  { type: 'figure', file: 'gone.png' },
  { type: 'part', part: '1', name: 'a.doc', media_type: 'application/octet-stream', format: 'f', size_bytes: '7' },
  { type: 'part', part: '2', name: 'b.png', media_type: 'image/png', format: 'f', size_bytes: '8' },
  { type: 'part', part: '3', media_type: 'image/png', too_large: 'true' },
];

test('a part is found by its number; what the text does not show stands at the end', () => {
  const parts = partsOf(ITEMS);
  expect(parts.get('2')?.name).toBe('b.png');
  expect(parts.get('3')?.isTooLarge).toBe(true);
  expect(partsLeft(ITEMS, parts).map((part) => part.number)).toEqual(['1', '3']);
  expect(parts.has('figure')).toBe(false);
});

test('only these are pictures', () => {
  expect(['image/png', 'image/jpeg', 'image/gif'].every(isPicture)).toBe(true);
  expect(['application/pdf', 'image/svg+xml', 'text/html', 'image/tiff', ''].some(isPicture)).toBe(false);
});

test('how many pixels a picture unfolds to is read before it is drawn', () => {
  const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 1, 0, 0, 0, 1, 0, 0]);
  expect(pixelsOf(png, 'image/png')).toBe(65536 * 65536);
  expect(pixelsOf(png, 'image/png') > PIXELS_MAX).toBe(true);
  const gif = new Uint8Array([0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x40, 0x01, 0xc8, 0x00]);
  expect(pixelsOf(gif, 'image/gif')).toBe(320 * 200);
  const jpeg = new Uint8Array([
    0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc4, 0, 3, 0, 0xff, 0xff, 0xc2, 0, 11, 8, 0x02, 0x58, 0x03, 0x20, 1, 0, 0, 0,
  ]);
  expect(pixelsOf(jpeg, 'image/jpeg')).toBe(600 * 800);
  for (const cut of [0, 3, 9, 15]) expect(pixelsOf(jpeg.slice(0, cut), 'image/jpeg')).toBeNaN();
  expect(pixelsOf(new Uint8Array(), 'image/png')).toBeNaN();
});

test('no more than so many are fetched at a time, and those that nobody waits for not at all', async () => {
  const turns = new Turns(2);
  const stop = new AbortController();
  const done: (() => void)[] = [];
  let running = 0;
  const work = () => {
    running += 1;
    return new Promise<void>((go) => done.push(go)).then(() => {
      running -= 1;
    });
  };
  const rest = new AbortController();
  const taken = [0, 1, 2].map(() => turns.take(work, rest.signal));
  const dropped = turns.take(work, stop.signal);
  const refused = expect(dropped).rejects.toThrow();
  await Promise.resolve();
  expect(running).toBe(2);
  stop.abort();
  done.shift()?.();
  await taken[0];
  await Promise.resolve();
  expect(running).toBe(2);
  while (done.length > 0) done.shift()?.();
  await Promise.all(taken);
  await refused;
  expect(running).toBe(0);
});

test('pictures that stand in the text are counted, each time they stand there; what cannot be shown is not', () => {
  const figure = { type: 'figure', part: '2' };
  expect(countPictures(ITEMS, 'list')).toBe(1);
  expect(countPictures([...ITEMS, figure, { type: 'embedded', part: '2' }], 'list')).toBe(3);
  expect(countPictures([...ITEMS, { type: 'figure', part: '1' }, { type: 'figure', part: '3' }, { type: 'figure', part: '9' }], 'list')).toBe(1);
  expect(countPictures(ITEMS, undefined)).toBe(0);
  expect(countPictures([], 'list')).toBe(0);
});
