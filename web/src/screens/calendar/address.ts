// SPDX-License-Identifier: Apache-2.0
/* What the address remembers of a view: facilities as ids, rows as numbers, the first day in
 * view; nothing of the patient. What it does not know it ignores. */
import { ROW_IDS, type Zoom } from '../../calendar/model.ts';
import { dayNumber, dayText } from '../../i18n/wareki.ts';

export const ZOOMS: Zoom[] = ['day', 'week', 'month'];
const TEST_ROW = 3;

export interface View {
  zoom: Zoom;
  /** Facilities that are left out: whoever joins later is seen. */
  hidden: Set<string>;
  isList: boolean;
  /** Of the list. */
  row: number;
  onlyNew: boolean;
  othersOnly: boolean;
}
export interface Address extends View {
  /** The day at the left edge; none: today at the right one. */
  from: number | null;
}

const listOf = (text: string | null): string[] => text?.split(',') ?? [];

export function readFacilities(query: URLSearchParams): Set<string> {
  return new Set(listOf(query.get('fac')).filter((id) => /^[0-9a-f]{32}$/.test(id)));
}

/** A day of the Gregorian calendar; none where the text is no such day. */
export function readDay(text: string | null): number | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text ?? '')) return null;
  const day = dayNumber(text ?? '');
  return dayText(day) === text ? day : null;
}

export function readAddress(search: string): Address {
  const query = new URLSearchParams(search);
  const row = query.get('row') ?? '';
  return {
    zoom: ZOOMS.find((known) => known === query.get('zoom')) ?? 'week',
    hidden: readFacilities(query),
    isList: query.get('view') === 'list',
    row: /^\d$/.test(row) && ROW_IDS[Number(row)] ? Number(row) : TEST_ROW,
    onlyNew: query.has('new'),
    othersOnly: query.has('others'),
    from: readDay(query.get('from')),
  };
}

/** The query of an address, with its question mark; empty where all is as it is by itself. */
export function queryOf(view: Address): string {
  const parts: string[] = [];
  if (view.from !== null) parts.push(`from=${dayText(view.from)}`);
  if (view.zoom !== 'week') parts.push(`zoom=${view.zoom}`);
  if (view.hidden.size > 0) parts.push(`fac=${[...view.hidden].sort().join(',')}`);
  if (view.onlyNew) parts.push('new=1');
  if (view.othersOnly) parts.push('others=1');
  if (view.isList) parts.push('view=list', `row=${view.row}`);
  return parts.length > 0 ? `?${parts.join('&')}` : '';
}

/** What is in view now, as it can be printed. */
export function printAddress(person: string, [from, to]: [number, number], hidden: Set<string>): string {
  const query = new URLSearchParams(to > 0 ? { from: dayText(from), to: dayText(to) } : {});
  if (hidden.size > 0) query.set('fac', [...hidden].join(','));
  return `/print/calendar/${person}?${query}`;
}
