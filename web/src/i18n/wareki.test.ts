// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  ageOn, dayNumber, dayText, eraShort, eraYear, instantText, isDay, longDay, weekday,
} from './wareki.ts';
import { longEraDay, parseDay } from './parseDay.ts';

describe('eras', () => {
  it.each([
    ['1873-01-01', '明治6年', 'M6.1.1'],
    ['1912-07-29', '明治45年', 'M45.7.29'],
    ['1912-07-30', '大正元年', 'T元.7.30'],
    ['1926-12-24', '大正15年', 'T15.12.24'],
    ['1926-12-25', '昭和元年', 'S元.12.25'],
    ['1989-01-07', '昭和64年', 'S64.1.7'],
    ['1989-01-08', '平成元年', 'H元.1.8'],
    ['2019-04-30', '平成31年', 'H31.4.30'],
    ['2019-05-01', '令和元年', 'R元.5.1'],
    ['2026-11-24', '令和8年', 'R8.11.24'],
  ])('%s is %s', (day, year, short) => {
    expect(eraYear(day)).toBe(year);
    expect(eraShort(day)).toBe(short);
  });
  it('shows no era before the solar calendar', () => {
    expect(eraYear('1872-12-31')).toBe('');
    expect(longDay('1872-12-31')).toBe('1872年12月31日');
  });
  it('agrees with ICU from 1873 on, on every 97th day', () => {
    const icu = new Intl.DateTimeFormat('ja-JP-u-ca-japanese', { timeZone: 'UTC', era: 'long', year: 'numeric' });
    for (let day = dayNumber('1873-01-01'); day < dayNumber('2030-01-01'); day += 97) {
      expect(eraYear(dayText(day))).toBe(icu.format(day * 86_400_000));
    }
  });
  it('writes western first', () => {
    expect(longDay('1950-01-01')).toBe('1950年1月1日（昭和25年）');
    expect(longEraDay('1989-01-08')).toBe('平成元年1月8日');
  });
});

describe('parseDay', () => {
  it.each([
    ['S25.1.1', '1950-01-01'],
    ['s25.1.1', '1950-01-01'],
    ['昭和25年1月1日', '1950-01-01'],
    ['昭25.1.1', '1950-01-01'],
    ['Ｓ２５．１．１', '1950-01-01'],
    ['昭和２５年１月１日', '1950-01-01'],
    ['1950-01-01', '1950-01-01'],
    ['1950/1/1', '1950-01-01'],
    ['1950年1月1日', '1950-01-01'],
    ['１９５０−０１−０１', '1950-01-01'],
    ['19500101', '1950-01-01'],
    ['S250101', '1950-01-01'],
    ['令和元年5月1日', '2019-05-01'],
    ['R1.5.1', '2019-05-01'],
    ['R元.5.1', '2019-05-01'],
    ['H1.1.8', '1989-01-08'],
    ['S64.1.7', '1989-01-07'],
    ['T15.12.24', '1926-12-24'],
    ['S1.12.25', '1926-12-25'],
    ['M45.7.29', '1912-07-29'],
    ['2024-02-29', '2024-02-29'],
    ['  S25 . 1 . 1 ', '1950-01-01'],
  ])('reads %s', (text, day) => {
    expect(parseDay(text, undefined, '2026-11-24')).toEqual({ ok: true, day });
  });
  it('takes the era of the pressed button', () => {
    expect(parseDay('25/1/1', 'S')).toEqual({ ok: true, day: '1950-01-01' });
    expect(parseDay('1950/1/1', 'S')).toEqual({ ok: true, day: '1950-01-01' });
    expect(parseDay('25/1/1')).toEqual({ ok: false, reason: 'unreadable' });
  });
  it.each([
    ['昭和64年1月8日', '1989-01-08', '平成元年1月8日'],
    ['S64.1.8', '1989-01-08', '平成元年1月8日'],
    ['H31.5.1', '2019-05-01', '令和元年5月1日'],
    ['H1.1.7', '1989-01-07', '昭和64年1月7日'],
    ['T1.7.29', '1912-07-29', '明治45年7月29日'],
    ['T15.12.25', '1926-12-25', '昭和元年12月25日'],
    ['S1.12.24', '1926-12-24', '大正15年12月24日'],
  ])('refuses %s and knows the right one', (text, right, words) => {
    expect(parseDay(text)).toEqual({ ok: false, reason: 'not_in_era', right });
    expect(longEraDay(right)).toBe(words);
  });
  it.each([
    ['', 'empty'], ['　', 'empty'], ['きのう', 'unreadable'], ['S25', 'unreadable'], ['S0.1.1', 'no_such_day'],
    ['S25.13.1', 'no_such_day'], ['2023-02-29', 'no_such_day'], ['1900-02-29', 'no_such_day'], ['2026-11-25', 'future'],
    ['1879-12-31', 'old'], ['S1950.1.1', 'unreadable'], ['X25.1.1', 'unreadable'], ['1950-1', 'unreadable'], ['0025-01-01', 'old'],
  ])('refuses %s as %s', (text, reason) => {
    expect(parseDay(text, undefined, '2026-11-24')).toEqual({ ok: false, reason });
  });
});

describe('days', () => {
  it('counts from 1970 and back', () => {
    expect(dayNumber('1970-01-01')).toBe(0);
    expect(dayText(-1)).toBe('1969-12-31');
    for (const day of ['1926-12-25', '2000-02-29', '2026-11-24']) expect(dayText(dayNumber(day))).toBe(day);
  });
  it('knows weekdays, also before 1970', () => {
    expect(weekday(dayNumber('2026-11-24'))).toBe(1);
    expect(weekday(dayNumber('2026-11-22'))).toBe(6);
    expect(weekday(dayNumber('1950-01-01'))).toBe(6);
  });
  it('knows which days exist', () => {
    expect(isDay({ year: 2000, month: 2, day: 29 })).toBe(true);
    expect(isDay({ year: 1900, month: 2, day: 29 })).toBe(false);
    expect(isDay({ year: 2026, month: 4, day: 31 })).toBe(false);
    expect(isDay({ year: 50, month: 1, day: 1 })).toBe(true);
  });
});

describe('ages', () => {
  it.each([
    ['1950-01-01', '2026-11-24', 76],
    ['1950-11-24', '2026-11-24', 76],
    ['1950-11-25', '2026-11-24', 75],
    ['2024-02-29', '2025-02-28', 0],
    ['2024-02-29', '2025-03-01', 1],
    ['2024-02-29', '2028-02-29', 4],
    ['2026-11-24', '2026-11-24', 0],
  ])('of somebody born on %s on %s', (birth, today, age) => {
    expect(ageOn(birth, today)).toBe(age);
  });
});

describe('instants', () => {
  const at = Date.UTC(2026, 10, 24, 4, 2);
  it('are said in Japanese time, the day only when it is another', () => {
    expect(instantText(at, at + 60_000)).toBe('13:02');
    expect(instantText(at, at + 86_400_000)).toBe('11/24 13:02');
    expect(instantText(at, at + 60 * 86_400_000)).toBe('2026/11/24 13:02');
  });
  it('past midnight in Tokyo is another day', () => {
    expect(instantText(Date.UTC(2026, 10, 24, 14, 59), Date.UTC(2026, 10, 24, 15, 1))).toBe('11/24 23:59');
  });
});
