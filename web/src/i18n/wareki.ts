// SPDX-License-Identifier: Apache-2.0
/* Days as `YYYY-MM-DD` and day numbers, Japanese eras, ages. A birth date is never a local-time
 * Date: everything here counts calendar days. */

export interface Ymd {
  year: number;
  month: number;
  day: number;
}

interface Era {
  letter: string;
  kanji: string;
  first: string;
  last: string;
}

export const ERAS: readonly Era[] = [
  { letter: 'M', kanji: '明治', first: '1868-10-23', last: '1912-07-29' },
  { letter: 'T', kanji: '大正', first: '1912-07-30', last: '1926-12-24' },
  { letter: 'S', kanji: '昭和', first: '1926-12-25', last: '1989-01-07' },
  { letter: 'H', kanji: '平成', first: '1989-01-08', last: '2019-04-30' },
  { letter: 'R', kanji: '令和', first: '2019-05-01', last: '9999-12-31' },
];

/* Before this day the Japanese calendar was lunisolar: no era dates are shown. */
const SOLAR_FROM = '1873-01-01';
const MS_PER_DAY = 86_400_000;

const pad = (value: number, width: number) => String(value).padStart(width, '0');

export function format(ymd: Ymd): string {
  return `${pad(ymd.year, 4)}-${pad(ymd.month, 2)}-${pad(ymd.day, 2)}`;
}

export function split(day: string): Ymd {
  return {
    year: Number(day.slice(0, 4)),
    month: Number(day.slice(5, 7)),
    day: Number(day.slice(8, 10)),
  };
}

/** Days since 1970-01-01. */
export function dayNumber(day: string): number {
  const { year, month, day: date } = split(day);
  return Date.UTC(year, month - 1, date) / MS_PER_DAY;
}

export function dayText(number: number): string {
  return new Date(number * MS_PER_DAY).toISOString().slice(0, 10);
}

/** 2026/11/24 */
export function slashed(day: string): string {
  return day.replaceAll('-', '/');
}

export function dayParts(number: number): Ymd {
  const date = new Date(number * MS_PER_DAY);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** 0 = Monday … 6 = Sunday. */
export function weekday(number: number): number {
  return (((number + 3) % 7) + 7) % 7;
}

export function isDay({ year, month, day }: Ymd): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > 31) return false;
  const date = new Date(Date.UTC(2000, month - 1, day));
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

export function eraOf(day: string): { era: Era; year: number } | undefined {
  if (day < SOLAR_FROM) return undefined;
  const era = ERAS.find((candidate) => day >= candidate.first && day <= candidate.last);
  if (!era) return undefined;
  return { era, year: split(day).year - split(era.first).year + 1 };
}

/** 昭和25年, 令和元年; empty before 1873. */
export function eraYear(day: string): string {
  const found = eraOf(day);
  if (!found) return '';
  return `${found.era.kanji}${found.year === 1 ? '元' : found.year}年`;
}

/** S25.1.1, R元.5.1; empty before 1873. */
export function eraShort(day: string): string {
  const found = eraOf(day);
  if (!found) return '';
  const { month, day: date } = split(day);
  return `${found.era.letter}${found.year === 1 ? '元' : found.year}.${month}.${date}`;
}

/** 1950年1月1日（昭和25年） */
export function longDay(day: string): string {
  const { year, month, day: date } = split(day);
  const era = eraYear(day);
  return `${year}年${month}月${date}日${era ? `（${era}）` : ''}`;
}

/** Completed years on `today`; somebody born on 29 February is a year older on 1 March of a
 * common year. */
export function ageOn(birth: string, today: string): number {
  const from = split(birth);
  const to = split(today);
  const isBefore = to.month < from.month || (to.month === from.month && to.day < from.day);
  return to.year - from.year - (isBefore ? 1 : 0);
}

// the members' hospitals keep Japanese time, wherever the browser stands
const timeZone = 'Asia/Tokyo';
const clock = new Intl.DateTimeFormat('ja-JP', {
  hour: '2-digit',
  minute: '2-digit',
  hour12: false,
  timeZone,
});
const dayOfInstant = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeZone });

/** 13:02 today, 11/23 13:02 on another day. */
export function instantText(ms: number, nowMs: number = Date.now()): string {
  const time = clock.format(ms);
  const day = dayOfInstant.format(ms);
  const today = dayOfInstant.format(nowMs);
  if (day === today) return time;
  const { year, month, day: date } = split(day);
  const isSameYear = year === split(today).year;
  return `${isSameYear ? '' : `${year}/`}${month}/${date} ${time}`;
}

/** 2026/11/24 13:02, for tables and records. */
export function fullInstant(ms: number): string {
  return `${dayOfInstant.format(ms).replaceAll('-', '/')} ${clock.format(ms)}`;
}
