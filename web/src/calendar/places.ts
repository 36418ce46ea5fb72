// SPDX-License-Identifier: Apache-2.0
/* How the marks of a day stand above each other: most important first, never more than three
 * lines, and what is behind "+n". Days and weeks are numbers; weeks begin on Monday. */

export const Flag = {
  New: 1, High: 2, Low: 4, Abnormal: 8, Urgent: 16, Cancelled: 32, Image: 64, Waveform: 128,
  Ordered: 256, Planned: 512, Incomplete: 1024,
} as const;
export const ABNORMAL = Flag.High | Flag.Low | Flag.Abnormal;

export const LINES_MAX = 3;

export type Zoom = 'day' | 'week' | 'month';
export interface Mark {
  row: number;
  day: number;
  facility: string;
  count: number;
  flags: number;
  /** Empty where more than one is behind it: they are asked for. */
  entry: string;
  title: string;
}
/** A mark at its place in the week, or the "+n" behind which the others of the day are. */
export interface Place {
  kind: 'mark' | 'more';
  row: number;
  day: number;
  line: number;
  mark: Mark;
  others: Mark[];
}

export const weekOf = (day: number): number => Math.floor((day + 3) / 7);
export const firstDayOf = (week: number): number => week * 7 - 3;

/** Abnormal or urgent first, then what is new, then the own facility, then the slots' order. */
export function compareMarks(own: string, slotOf: (facility: string) => number) {
  const rank = (mark: Mark) =>
    (mark.flags & (ABNORMAL | Flag.Urgent) ? 0 : 4) +
    (mark.flags & Flag.New ? 0 : 2) +
    (mark.facility === own ? 0 : 1);
  return (a: Mark, b: Mark) =>
    rank(a) - rank(b) || slotOf(a.facility) - slotOf(b.facility) || (a.entry < b.entry ? -1 : 1);
}

export function placeStack(stack: Mark[], offset: number): Place[] {
  const isCut = stack.length > LINES_MAX;
  const visible = isCut ? LINES_MAX - 1 : stack.length;
  const places: Place[] = stack.slice(0, visible).map((mark, index) => ({
    kind: 'mark', row: mark.row, day: mark.day, line: offset + index, mark, others: [],
  }));
  const next = stack[visible];
  if (isCut && next) {
    places.push({
      kind: 'more', row: next.row, day: next.day, line: offset + visible, mark: next, others: stack.slice(visible),
    });
  }
  return places;
}

/* One mark per row and facility for the whole week, on its first day's column. */
export function joinWeek(marks: Mark[]): Mark[] {
  const joined = new Map<string, Mark>();
  for (const mark of marks) {
    const key = `${mark.row} ${mark.facility}`;
    const old = joined.get(key);
    const isNewer = !old || mark.day >= old.day;
    joined.set(key, {
      ...mark,
      day: firstDayOf(weekOf(mark.day)),
      count: (old?.count ?? 0) + mark.count,
      flags: (old?.flags ?? 0) | mark.flags,
      entry: isNewer ? mark.entry : old.entry,
      title: isNewer ? mark.title : old.title,
    });
  }
  return [...joined.values()];
}

export function isSame(a: Place, b: Place): boolean {
  return a.row === b.row && a.day === b.day && a.kind === b.kind &&
    (a.kind === 'more' || a.mark.facility === b.mark.facility) && a.line === b.line;
}

export function nearest(order: Place[], day: number): Place | undefined {
  let best: Place | undefined;
  for (const place of order) {
    if (!best || Math.abs(place.day - day) < Math.abs(best.day - day)) best = place;
  }
  return best;
}
