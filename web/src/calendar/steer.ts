// SPDX-License-Identifier: Apache-2.0
/* Where a key leads in the grid: along a row, through a day, by weeks, to a row. */
import type { Command } from './keys.ts';
import { isSame, nearest, type Place } from './model.ts';

export interface Steered {
  at: Place | undefined;
  today: number;
  order: (row: number) => Place[];
  /** Those that are shown, from top to bottom. */
  rows: readonly number[];
  focusPlace: (place: Place) => void;
  focusRowName: (row: number) => void;
  needBefore: (day: number) => void;
}

function along(grid: Steered, from: Place, by: number): void {
  const order = grid.order(from.row);
  const next = order[order.findIndex((place) => isSame(place, from)) + by];
  if (next) grid.focusPlace(next);
  else if (by < 0) grid.needBefore(from.day);
}

/* Within the day, then to the next row that has anything. */
function across(grid: Steered, from: Place, by: number): void {
  const sameDay = grid.order(from.row).filter((place) => place.day === from.day);
  const next = sameDay[sameDay.findIndex((place) => isSame(place, from)) + by];
  if (next) return grid.focusPlace(next);
  const at = grid.rows.indexOf(from.row);
  const others = by < 0 ? grid.rows.slice(0, at).reverse() : grid.rows.slice(at + 1);
  for (const row of others) {
    const place = nearest(grid.order(row), from.day);
    if (place) return grid.focusPlace(place);
  }
}

function toRow(grid: Steered, number: number): void {
  const row = grid.rows[number];
  if (row === undefined) return;
  const place = nearest(grid.order(row), grid.at?.day ?? grid.today);
  if (place) grid.focusPlace(place);
  else grid.focusRowName(row);
}

export function steer(command: Command, grid: Steered): void {
  if (command.do === 'row') return toRow(grid, command.row);
  const from = grid.at;
  if (!from) return;
  if (command.do === 'move') return along(grid, from, command.by);
  if (command.do === 'line') return across(grid, from, command.by);
  const order = grid.order(from.row);
  if (command.do === 'weeks') {
    const place = nearest(order, from.day + command.by * 7);
    if (place) grid.focusPlace(place);
  } else if (command.do === 'end') {
    const place = order.at(command.by < 0 ? 0 : -1);
    if (place) grid.focusPlace(place);
  }
}
