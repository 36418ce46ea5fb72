// SPDX-License-Identifier: Apache-2.0
/* What of the calendar is left out: by choice, and by the viewer's own arrangement of the rows,
 * which this browser keeps. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { CalendarModel } from '../../calendar/model.ts';
import { rowsOf, type Rows } from '../../calendar/rows.ts';
import { session } from '../../session.ts';
import type { View } from './address.ts';

export function useRows() {
  const account = session.value?.staff.id ?? '';
  const [rows, setRows] = useState(() => rowsOf(localStorage, account));
  return {
    rows,
    arrange(next: Rows): void {
      setRows(next);
      void import('../../calendar/arrange.ts').then(({ keepRows }) => keepRows(localStorage, account, next)).catch(() => {});
    },
  };
}

export function useFilter(model: CalendarModel | undefined, view: View, rows: Rows, correct: (change: Partial<View>) => void): void {
  const { hidden, onlyNew, othersOnly } = view;
  // what is drawn below asks the model already
  useMemo(
    () => model?.setFilter({ hidden, onlyNew, othersOnly, rows: rows.hidden }),
    [model, hidden, onlyNew, othersOnly, rows],
  );
  // an address may name facilities that are not here
  useEffect(() => {
    if (!model || [...hidden].every((id) => model.facilities.has(id))) return;
    correct({ hidden: new Set([...hidden].filter((id) => model.facilities.has(id))) });
  }, [model, hidden]);
}

export const isFiltered = ({ hidden, onlyNew, othersOnly }: View, rows: Rows): boolean =>
  hidden.size > 0 || onlyNew || othersOnly || rows.hidden.size > 0;

/** The other of shown and left out. */
export function toggled(hidden: Set<string>, facility: string): Set<string> {
  const next = new Set(hidden);
  if (!next.delete(facility)) next.add(facility);
  return next;
}
