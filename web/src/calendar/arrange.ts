// SPDX-License-Identifier: Apache-2.0
/* Changing and keeping the viewer's rows. */
import { ROW_IDS } from './model.ts';
import { KEY, readKept, type Rows } from './rows.ts';

const ACCOUNTS_MAX = 20;

export const isAsGiven = ({ order, hidden }: Rows): boolean => hidden.size === 0 && order.every((row, at) => row === at);

/** By one place among all rows; at the ends nothing moves. */
export function moveRow(rows: Rows, row: number, by: -1 | 1): Rows {
  const order = [...rows.order];
  const from = order.indexOf(row);
  const other = order[from + by];
  if (from < 0 || other === undefined) return rows;
  order[from + by] = row;
  order[from] = other;
  return { ...rows, order };
}

/** One row at least stays. */
export function showRow(rows: Rows, row: number, isShown: boolean): Rows {
  const hidden = new Set(rows.hidden);
  if (isShown) hidden.delete(row);
  else hidden.add(row);
  return hidden.size < rows.order.length ? { ...rows, hidden } : rows;
}

export function keepRows(storage: Storage, account: string, rows: Rows): void {
  const others = Object.entries(readKept(storage)).filter(([key]) => key !== account).slice(1 - ACCOUNTS_MAX);
  const names = (some: Iterable<number>) => [...some].map((row) => ROW_IDS[row]);
  const own = { order: names(rows.order), hidden: names(rows.hidden) };
  try {
    storage.setItem(KEY, JSON.stringify(Object.fromEntries(isAsGiven(rows) ? others : [...others, [account, own]])));
  } catch {
    // private windows may refuse; the choice then holds for this page
  }
}
