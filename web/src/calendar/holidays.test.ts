// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { dayNumber } from '../i18n/wareki.ts';
import { holidayOn } from './holidays.ts';

const on = (day: string) => holidayOn(dayNumber(day), Number(day.slice(0, 4)));

describe('holidays', () => {
  it.each([
    ['2026-01-01', '元日'], ['2026-01-12', '成人の日'], ['2026-03-20', '春分の日'], ['2026-05-06', '振替休日'],
    ['2026-07-20', '海の日'], ['2026-09-21', '敬老の日'], ['2026-09-22', '国民の休日'], ['2026-09-23', '秋分の日'],
    ['2026-10-12', 'スポーツの日'], ['2026-11-03', '文化の日'], ['2026-11-23', '勤労感謝の日'], ['2027-03-22', '振替休日'],
    ['2024-02-12', '振替休日'], ['2025-11-24', '振替休日'],
  ])('%s is %s', (day, name) => {
    expect(on(day)).toBe(name);
  });
  it('other days are not', () => {
    for (const day of ['2026-11-24', '2026-05-07', '2026-09-24', '2026-12-23', '1999-01-01']) expect(on(day)).toBeUndefined();
  });
});
