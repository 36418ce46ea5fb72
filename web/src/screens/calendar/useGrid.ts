// SPDX-License-Identifier: Apache-2.0
/* The grid as long as it is on the screen: made for one opening, told what was chosen and what
 * came, and heard. It draws itself; the screen holds only its element. */
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { CalendarGrid, type GridEvents } from '../../calendar/grid.ts';
import type { Mark } from '../../calendar/model.ts';
import { shownOf, type Rows } from '../../calendar/rows.ts';
import { language, t } from '../../i18n/t.ts';
import { preferences } from '../../preferences.ts';
import type { View } from './address.ts';
import type { Days } from './InView.tsx';
import type { OpenCalendar } from './opening.ts';
import type { Shown } from './shown.ts';

/** What the grid asks of the screen: of the screen as it was when the grid was made. */
export interface GridActions extends Pick<GridEvents, 'why' | 'help' | 'find' | 'close'> {
  openMark: (mark: Mark, days: number) => Promise<void>;
  openDay: (of: Mark, days: number) => Promise<void>;
  openBar: () => void;
  /** After each move: the day at the left edge. */
  note: (from: number | null) => void;
}

interface Gridded {
  calendar: OpenCalendar | undefined;
  version: number;
  changed: () => void;
  /** Whose calendar it is. */
  name: string;
  view: View;
  /** Where it begins. */
  from: RefObject<number | null>;
  /** Where the browser's history went. */
  jump: { to: number | null } | undefined;
  rows: Rows;
  days: Days;
  shown: Shown | null;
  choose: (change: Partial<View>) => void;
  actions: GridActions;
}

function eventsOf({ days, changed, actions }: Gridded, calendar: OpenCalendar, made: () => CalendarGrid, row: GridEvents['row']): GridEvents {
  const { why, help, find, close } = actions;
  const daysOfColumn = () => (made().zoom === 'month' ? 7 : 1);
  return {
    why, help, find, close, row,
    open: (mark) => void actions.openMark(mark, daysOfColumn()),
    more: (place) => void actions.openDay(place.mark, daysOfColumn()),
    need: (from, to) => void calendar.load(from, to, changed),
    retry: (week) => {
      calendar.model.setState(week, week, 'absent');
      void calendar.load(week, week, changed);
    },
    view: (from, to) => {
      const [first, last] = days.peek();
      if (first !== from || last !== to) days.value = [from, to];
      actions.note(made().from);
    },
    facilities: () => {
      actions.openBar();
      requestAnimationFrame(() => document.querySelector<HTMLElement>('.facility-chip')?.focus());
    },
    hasLetters: () => preferences.value.letters,
  };
}

export function useGrid(of: Gridded) {
  const { calendar, version, view, rows, jump, shown } = of;
  const { zoom, hidden, isList, onlyNew, othersOnly } = view;
  // it changes the view of now, not that of when the grid was made
  const chooseLatest = useRef(of.choose);
  chooseLatest.current = of.choose;
  const host = useRef<HTMLDivElement>(null);
  const grid = useRef<CalendarGrid | undefined>(undefined);
  const drawn = useRef(0);

  useEffect(() => {
    const element = host.current;
    if (!calendar || !element || isList) return;
    const events = eventsOf(of, calendar, () => made, (row) => chooseLatest.current({ row, isList: true }));
    const made = new CalendarGrid(element, calendar.model, events, t('cal.grid', { name: of.name }), language.value);
    made.begin(zoom, of.from.current);
    grid.current = made;
    made.arrange(shownOf(rows));
    made.update();
    drawn.current = version;
    return () => {
      grid.current = undefined;
      made.destroy();
    };
  }, [calendar, isList]);

  useEffect(() => {
    grid.current?.arrange(shownOf(rows));
    grid.current?.update();
  }, [hidden, onlyNew, othersOnly, rows]);
  useEffect(() => grid.current?.setZoom(zoom), [zoom]);
  useEffect(() => {
    if (jump) grid.current?.moveTo(jump.to);
  }, [jump]);
  useEffect(() => {
    if (drawn.current !== version) grid.current?.update();
    drawn.current = version;
  }, [version]);
  useEffect(() => {
    if (!shown) grid.current?.unselect();
  }, [shown]);
  return { host, grid };
}
