// SPDX-License-Identifier: Apache-2.0
import { beforeAll, describe, expect, it } from 'vitest';
import { loadWords } from '../../i18n/t.ts';
import { rateOf } from './rate.ts';

beforeAll(() => loadWords('content'));

describe('the rate of an injection', () => {
  it.each([
    ['120', 'ミリリットル／時間', 'H1', '120ミリリットル／時間'],
    ['80', 'mL/h', 'H1', '80mL/h'],
    ['80', 'mL', 'H1', '80mL/時間'],
    ['500', 'mL', 'H12', '500mL/12時間'],
    ['2', 'mL', 'M', '2mL/分'],
    ['1', '錠', 'U5', '1錠/U5'],
    ['40', 'mL', undefined, '40mL'],
    [undefined, 'mL', 'H1', ''],
  ])('%s %s per %s reads %s', (rate, rate_unit, rate_per, words) => {
    expect(rateOf({ rate, rate_unit, rate_per })).toBe(words);
  });
});
