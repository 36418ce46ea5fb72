// SPDX-License-Identifier: Apache-2.0
import { ROW_IDS, type Zoom } from '../../calendar/model.ts';
import { dayText } from '../../i18n/wareki.ts';

export const ZOOMS: Zoom[] = ['day', 'week', 'month'];

/** What the address remembers: ids and numbers, nothing of the patient. */
export function readAddress() {
  const query = new URLSearchParams(location.search);
  const zoom = query.get('zoom');
  return {
    zoom: ZOOMS.find((known) => known === zoom) ?? ('week' as Zoom),
    hidden: new Set(query.get('without')?.split(',').filter(Boolean)),
    isList: query.get('view') === 'list',
    row: Math.min(Math.max(Number(query.get('row') ?? 3), 0), ROW_IDS.length - 1),
  };
}
export function writeAddress(state: ReturnType<typeof readAddress>): void {
  const query = new URLSearchParams();
  if (state.zoom !== 'week') query.set('zoom', state.zoom);
  if (state.hidden.size > 0) query.set('without', [...state.hidden].join(','));
  if (state.isList) {
    query.set('view', 'list');
    query.set('row', String(state.row));
  }
  const text = query.toString();
  history.replaceState(history.state, '', text ? `?${text}` : location.pathname);
}

/** What is in view now, as it can be printed. */
export function printAddress(person: string, [from, to]: [number, number], hidden: Set<string>): string {
  const query = new URLSearchParams(to > 0 ? { from: dayText(from), to: dayText(to) } : {});
  if (hidden.size > 0) query.set('without', [...hidden].join(','));
  return `/print/calendar/${person}?${query}`;
}
