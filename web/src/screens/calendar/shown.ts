// SPDX-License-Identifier: Apache-2.0
/* What lies open beside the calendar, and what it becomes when something is opened, arrives or
 * does not. Plain values: the panel draws them, useShown.ts asks for what they lack. */
import type { EntryHead } from '../../api/client.ts';
import { ROW_IDS, type Mark } from '../../calendar/model.ts';
import type { Undated } from '../patient/undated.ts';

export interface Shown {
  /** Empty while the entries behind a mark are asked for. */
  entry: string;
  title: string;
  facility: string;
  row: string;
  group: EntryHead[] | null;
  /** The list of these days is shown until one of it is chosen. */
  days?: [number, number] | undefined;
  /** Why the entries behind the mark did not come, and another try. */
  failed?: { problem: unknown; retry: () => void } | undefined;
}

export const ofMark = (mark: Mark): Shown => ({
  entry: mark.entry, title: mark.title, facility: mark.facility, row: ROW_IDS[mark.row] ?? '', group: null,
});

export const ofHead = (head: EntryHead): Shown => ({
  entry: head.id, title: head.title, facility: head.facility, row: head.row ?? '', group: null,
});

/** The list of a row's days; nothing of it is opened yet. */
export const ofDays = (row: number, from: number, to: number): Shown => ({
  entry: '', title: '', facility: '', row: ROW_IDS[row] ?? '', group: null, days: [from, to],
});

/** An entry without a day among all that have none. */
export function ofUndated(asked: Undated, all: readonly Undated[]): Shown {
  const group = all.map((item): EntryHead => ({
    id: item.entry, kind: item.kind, row: null, day: null, facility: item.facility, title: item.title,
    state: 'current', flags: 0, department: '', author: '', time: '',
  }));
  return { entry: asked.entry, title: asked.title, facility: asked.facility, row: '', group };
}

/** The entries behind a mark have come: the newest one is shown when none is yet; what was
 * opened meanwhile stays, and has them beside it where it is one of them. */
export function withEntries(old: Shown | null, opening: Shown | undefined, entries: EntryHead[]): Shown | null {
  const [newest] = entries;
  if (old === opening && old && old.entry === '' && newest) return { ...old, entry: newest.id, group: entries };
  return old && entries.some((head) => head.id === old.entry) ? { ...old, group: entries } : old;
}

/** They have not come. With the newest entry open, the others stay reachable by ‹ › and in the list. */
export const withoutEntries = (old: Shown | null, opening: Shown | undefined, failed: Required<Shown>['failed']): Shown | null =>
  old === opening && old?.entry === '' ? { ...old, failed } : old;

/** On to another entry, or back to the list: what lies beside it stays while it is one of it. */
export const goneTo = (old: Shown | null, entry: string): Shown => ({
  entry,
  title: '',
  facility: '',
  row: old?.row ?? '',
  ...(entry === '' || old?.group?.some((head) => head.id === entry)
    ? { group: old?.group ?? null, days: old?.days }
    : { group: null }),
});
