// SPDX-License-Identifier: Apache-2.0
/* Rows that the viewer does not have on the grid do not keep quiet about what is in them. */
import { ABNORMAL, Flag, type CalendarModel } from './model.ts';

export interface Held {
  row: number;
  fresh: number;
  abnormal: number;
}

const sum = (marks: { count: number }[]) => marks.reduce((total, { count }) => total + count, 0);

/** All that is new in them, and what is abnormal or urgent between two days. */
export function offGrid(model: CalendarModel, hidden: ReadonlySet<number>, [from, to]: [number, number]): Held[] {
  const bars = model.spans().map((span) => ({ ...span, day: span.from, count: 1 }));
  const all = [...model.marks(), ...bars].filter(({ row }) => hidden.has(row));
  return [...hidden].map((row) => {
    const own = all.filter((mark) => mark.row === row);
    return {
      row,
      fresh: sum(own.filter(({ flags }) => flags & Flag.New)),
      abnormal: sum(own.filter(({ flags, day }) => flags & (ABNORMAL | Flag.Urgent) && day >= from && day <= to)),
    };
  }).filter(({ fresh, abnormal }) => fresh + abnormal > 0);
}
