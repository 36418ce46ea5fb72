// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { stillWrong } from './errors.ts';

describe('errors of the last press', () => {
  it('leave when their field is mended, and new ones do not come by themselves', () => {
    const found = { name: 'missing', kana: 'missing' };
    expect(stillWrong(found, () => ({ kana: 'full width', phone: 'digits' }))).toEqual({ kana: 'full width' });
    expect(stillWrong(found, () => ({}))).toEqual({});
  });
  it('are not looked for before the first press', () => {
    let asked = 0;
    stillWrong({}, () => ({ name: String((asked += 1)) }));
    expect(asked).toBe(0);
  });
});
