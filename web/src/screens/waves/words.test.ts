// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { elapsed } from './words.ts';

it('says how far into a recording something is', () => {
  expect(elapsed(0)).toBe('0:00.0');
  expect(elapsed(3499)).toBe('0:03.4');
  expect(elapsed(61_000)).toBe('1:01.0');
  expect(elapsed(3_723_000)).toBe('1:02:03');
  expect(elapsed(-5)).toBe('0:00.0');
});
