// SPDX-License-Identifier: Apache-2.0
/* Opening what lies beside the calendar: the entries behind a mark, behind "+n", or without a
 * day; and closing it by going back on a phone. */
import { useEffect, type Dispatch, type StateUpdater } from 'preact/hooks';
import { ROW_IDS, type Mark } from '../../calendar/model.ts';
import { asksToOpen, undated } from '../patient/undated.ts';
import type { OpenCalendar } from './opening.ts';
import { ofDays, ofMark, ofUndated, withEntries, withoutEntries, type Shown } from './shown.ts';

type SetShown = Dispatch<StateUpdater<Shown | null>>;

export function useOpenings(calendar: OpenCalendar | undefined, setShown: SetShown) {
  async function openMark(mark: Mark, days: number): Promise<void> {
    const opening = ofMark(mark);
    setShown(opening);
    if (mark.count > 1) await openGroup(mark, days, opening);
  }
  /* The entries behind a mark; the newest one is shown when none is yet. */
  async function openGroup(mark: Mark, days: number, opening?: Shown): Promise<void> {
    if (!calendar) return;
    try {
      const row = ROW_IDS[mark.row] ?? 'test';
      const { entries } = await calendar.entries({ row, from: mark.day, to: mark.day + days - 1, facility: mark.facility });
      setShown((old) => withEntries(old, opening, entries));
    } catch (problem) {
      const retry = () => void openMark(mark, days);
      setShown((old) => withoutEntries(old, opening, { problem, retry }));
    }
  }
  /* Behind "+n": all of the row's day, or of its week, that the filters leave; nothing is opened yet. */
  async function openDay(of: Mark, days: number): Promise<void> {
    if (!calendar) return;
    const { row, day } = of;
    const to = day + days - 1;
    const opening = ofDays(row, day, to);
    setShown(opening);
    let more: Partial<Shown>;
    try {
      const { allOf } = await import('./rowPages.ts');
      const group = await allOf(calendar, ROW_IDS[row] ?? 'test', day, to);
      more = { group: group.filter((head) => calendar.model.isShown(head)) };
    } catch (problem) {
      more = { failed: { problem, retry: () => void openDay(of, days) } };
    }
    setShown((old) => (old === opening ? { ...old, ...more } : old));
  }
  return { openMark, openGroup, openDay };
}

/** The banner asks for an entry without a day. */
export function useUndated(setShown: SetShown): void {
  const asked = asksToOpen.value;
  useEffect(() => {
    if (!asked) return;
    asksToOpen.value = null;
    setShown(ofUndated(asked, undated.value ?? []));
  }, [asked]);
}

/** On a phone the panel is a page of its own: going back closes it. */
export function useBackCloses(isShown: boolean, setShown: SetShown): void {
  useEffect(() => {
    if (!isShown || innerWidth >= 768) return;
    history.pushState({ panel: true }, '', location.href);
    const onBack = () => setShown(null);
    addEventListener('popstate', onBack);
    return () => {
      removeEventListener('popstate', onBack);
      if ((history.state as { panel?: boolean } | null)?.panel) history.back();
    };
  }, [isShown]);
}
