// SPDX-License-Identifier: Apache-2.0
/* In which order a viewer has the rows, and which of them are not shown. Kept in this browser,
 * for each account by its random id: nothing of it is about a patient. A row that is new to a
 * kept arrangement stands at the end and is shown. */
import { ROW_IDS } from './model.ts';

export interface Rows {
  order: readonly number[];
  hidden: ReadonlySet<number>;
}
export const ALL_ROWS: Rows = { order: ROW_IDS.map((_, row) => row), hidden: new Set() };

export const KEY = 'tsumugi-rows';

export const shownOf = ({ order, hidden }: Rows): number[] => order.filter((row) => !hidden.has(row));

const numbersOf = (names: unknown): number[] =>
  Array.isArray(names) ? [...new Set(names.map((name) => ROW_IDS.indexOf(name)))].filter((row) => row >= 0) : [];

export function readKept(storage: Storage): Record<string, unknown> {
  try {
    const kept: unknown = JSON.parse(storage.getItem(KEY) ?? '{}');
    return typeof kept === 'object' && kept !== null && !Array.isArray(kept) ? (kept as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

export function rowsOf(storage: Storage, account: string): Rows {
  const kept = readKept(storage)[account];
  if (typeof kept !== 'object' || kept === null) return ALL_ROWS;
  const { order, hidden } = kept as { order?: unknown; hidden?: unknown };
  const known = numbersOf(order);
  const gone = numbersOf(hidden);
  return {
    order: [...known, ...ALL_ROWS.order.filter((row) => !known.includes(row))],
    hidden: new Set(gone.length < ROW_IDS.length ? gone : []),
  };
}
