// SPDX-License-Identifier: Apache-2.0
/* 国民の祝日 from the law as in force since 2022, by day number; earlier years may differ in the
 * years whose holidays were moved by special laws (2019 to 2021). */
import { dayNumber, format, weekday } from '../i18n/wareki.ts';

const FIXED: readonly [number, number, string][] = [
  [1, 1, '元日'], [2, 11, '建国記念の日'], [2, 23, '天皇誕生日'], [4, 29, '昭和の日'], [5, 3, '憲法記念日'],
  [5, 4, 'みどりの日'], [5, 5, 'こどもの日'], [8, 11, '山の日'], [11, 3, '文化の日'], [11, 23, '勤労感謝の日'],
];
/* month, which Monday of it */
const MONDAYS: readonly [number, number, string][] = [
  [1, 2, '成人の日'], [7, 3, '海の日'], [9, 3, '敬老の日'], [10, 2, 'スポーツの日'],
];

function equinoxes(year: number): [number, number] {
  const passed = year - 1980;
  const leap = Math.floor(passed / 4);
  return [
    Math.floor(20.8431 + 0.242194 * passed - leap),
    Math.floor(23.2488 + 0.242194 * passed - leap),
  ];
}

const byYear = new Map<number, Map<number, string>>();

function yearOf(year: number): Map<number, string> {
  const known = byYear.get(year);
  if (known) return known;
  const days = new Map<number, string>();
  const put = (month: number, day: number, name: string) =>
    days.set(dayNumber(format({ year, month, day })), name);
  for (const [month, day, name] of FIXED) put(month, day, name);
  for (const [month, nth, name] of MONDAYS) {
    const first = dayNumber(format({ year, month, day: 1 }));
    const day = 1 + ((7 - weekday(first)) % 7) + (nth - 1) * 7;
    put(month, day, name);
  }
  const [spring, autumn] = equinoxes(year);
  put(3, spring, '春分の日');
  put(9, autumn, '秋分の日');
  for (const day of [...days.keys()].sort((a, b) => a - b)) {
    if (weekday(day) === 6) {
      let substitute = day + 1;
      while (days.has(substitute)) substitute += 1;
      days.set(substitute, '振替休日');
    }
    if (days.has(day + 2) && !days.has(day + 1) && weekday(day + 1) !== 6) {
      days.set(day + 1, '国民の休日');
    }
  }
  byYear.set(year, days);
  return days;
}

export function holidayOn(day: number, year: number): string | undefined {
  return year < 2000 ? undefined : yearOf(year).get(day);
}
