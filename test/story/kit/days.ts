// SPDX-License-Identifier: Apache-2.0
const DAY_MS = 86_400_000;

/** "2026-11-20" → "2026-11-21" for +1. */
export const shift = (day: string, by: number): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + by * DAY_MS).toISOString().slice(0, 10);

export const numberOf = (day: string): number => Date.parse(`${day}T00:00:00Z`) / DAY_MS;

/** Pieces no longer than what one question may span. */
export function pieces(from: string, to: string, days = 700): [string, string][] {
  const found: [string, string][] = [];
  for (let start = from; start <= to; start = shift(start, days)) {
    const end = shift(start, days - 1);
    found.push([start, end < to ? end : to]);
  }
  return found;
}
