// SPDX-License-Identifier: Apache-2.0
/* Birth dates as people write them, in either calendar. */
import { ERAS, eraYear, format, isDay, split } from './wareki.ts';

export type Parsed =
  | { ok: true; day: string }
  | { ok: false; reason: 'empty' | 'unreadable' | 'no_such_day' | 'future' | 'old' }
  | { ok: false; reason: 'not_in_era'; right: string };

const ERA_WORDS: Record<string, string> = {
  明治: 'M', 明: 'M', M: 'M', 大正: 'T', 大: 'T', T: 'T', 昭和: 'S', 昭: 'S', S: 'S',
  平成: 'H', 平: 'H', H: 'H', 令和: 'R', 令: 'R', R: 'R',
};
const ERA_PATTERN = /^(明治|大正|昭和|平成|令和|[明大昭平令MTSHR])?(元|\d{1,4})[年./\-](\d{1,2})[月./\-](\d{1,2})日?$/;

function tidy(input: string): string {
  return input
    .normalize('NFKC')
    .replace(/\s+/g, '')
    .replace(/[‐‑–—―−ー]/g, '-')
    .replace(/[。、,．・]/g, '.')
    .toUpperCase();
}

/* 19500101 and S250101, as many clerks type. */
function spaced(text: string): string {
  const western = /^(\d{4})(\d{2})(\d{2})$/.exec(text);
  if (western) return `${western[1]}-${western[2]}-${western[3]}`;
  const era = /^([MTSHR明大昭平令])(\d{2})(\d{2})(\d{2})$/.exec(text);
  if (era) return `${era[1]}${era[2]}.${era[3]}.${era[4]}`;
  return text;
}

/** One field for every way a birth date is written. `eraLetter`: the pressed era button, for
 * input such as 25/1/1. */
export function parseDay(input: string, eraLetter?: string, today?: string): Parsed {
  const text = spaced(tidy(input));
  if (text === '') return { ok: false, reason: 'empty' };
  const match = ERA_PATTERN.exec(text);
  if (!match) return { ok: false, reason: 'unreadable' };
  const [, word, yearText = '', monthText, dateText] = match;
  const number = yearText === '元' ? 1 : Number(yearText);
  const isWestern = !word && yearText.length === 4;
  const letter = word ? ERA_WORDS[word] : isWestern ? undefined : eraLetter;
  if (!letter && !isWestern) return { ok: false, reason: 'unreadable' };
  if (letter && yearText.length > 2) return { ok: false, reason: 'unreadable' };
  const era = ERAS.find((candidate) => candidate.letter === letter);
  const year = era ? split(era.first).year + number - 1 : number;
  const ymd = { year, month: Number(monthText), day: Number(dateText) };
  if (number < 1 || !isDay(ymd)) return { ok: false, reason: 'no_such_day' };
  const day = format(ymd);
  if (era && (day < era.first || day > era.last)) {
    return { ok: false, reason: 'not_in_era', right: day };
  }
  if (today && day > today) return { ok: false, reason: 'future' };
  if (year < 1880) return { ok: false, reason: 'old' };
  return { ok: true, day };
}

/** 昭和64年1月8日 → 平成元年1月8日, for the message that offers the right one. */
export function longEraDay(day: string): string {
  const { month, day: date } = split(day);
  return `${eraYear(day)}${month}月${date}日`;
}
