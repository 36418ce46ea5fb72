// SPDX-License-Identifier: Apache-2.0
import type { EntryHead, Row } from '../../api/client.ts';
import { RANGE_WEEKS_MAX, type OpenCalendar } from './opening.ts';

const FUTURE_DAYS = 180;

/** Where the next page of a row begins. */
export interface RowPlace {
  to: number;
  cursor: string | null;
}

/** A row from new to old, page by page and, behind the last page, range by range. */
export async function pageOf(
  calendar: OpenCalendar,
  row: Row,
  place: RowPlace | null,
  signal: AbortSignal,
): Promise<{ entries: EntryHead[]; next: RowPlace | null }> {
  const { model } = calendar;
  const oldest = model.firstDay ?? model.today;
  let at = place ?? { to: Math.max(model.lastDay, model.today) + FUTURE_DAYS, cursor: null };
  for (;;) {
    const from = Math.max(oldest, at.to - RANGE_WEEKS_MAX * 7 + 1);
    const { entries, next } = await calendar.entries(
      { row, from: Math.min(from, at.to), to: at.to, ...(at.cursor ? { cursor: at.cursor } : {}) },
      signal,
    );
    if (next !== null) return { entries, next: { to: at.to, cursor: next } };
    const rest = from > oldest ? { to: from - 1, cursor: null } : null;
    if (entries.length > 0 || rest === null) return { entries, next: rest };
    at = rest;
  }
}

/* Of one row: more than a screen can be read of. */
const PAGES_MAX = 20;

/** Everything of a row between two days. */
export async function allOf(calendar: OpenCalendar, row: Row, from: number, to: number): Promise<EntryHead[]> {
  const all: EntryHead[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const answer: { entries: EntryHead[]; next: string | null } =
      await calendar.entries({ row, from, to, ...(cursor ? { cursor } : {}) });
    all.push(...answer.entries);
    cursor = answer.next;
    if (cursor === null) break;
  }
  return all;
}
