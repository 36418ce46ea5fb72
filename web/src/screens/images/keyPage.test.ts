// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { wrap } from './keyPage.ts';

const width = (text: string) => text.length * 10;

describe('lines of the key image page', () => {
  it('are cut where their room ends, without losing a letter', () => {
    expect(wrap('あいうえおかき', 30, width)).toEqual(['あいう', 'えおか', 'き']);
  });
  it('keep the breaks of a comment, empty ones too', () => {
    expect(wrap('一\n\n二', 100, width)).toEqual(['一', '', '二']);
  });
  it('go on where not even one letter has room', () => {
    expect(wrap('ab', 5, width)).toEqual(['a', 'b']);
    expect(wrap('', 5, width)).toEqual([]);
  });
});
