// SPDX-License-Identifier: Apache-2.0
/* What a calendar is made of, without any drawing: marks by week, bars, what is loaded, what is
 * filtered, how marks stack within a day. Days and weeks are numbers; weeks begin on Monday. */
import type { Calendar, Facility, Freshness, Kind, Refusal, Row } from '../api/client.ts';
import { dayNumber } from '../i18n/wareki.ts';

export const ROW_IDS: readonly Row[] = [
  'period', 'prescription', 'injection', 'test', 'image', 'report', 'file', 'visit', 'record', 'message',
];
export const ROW_OF_KIND: Record<Kind, Row | null> = {
  admission: 'period', period: 'period', prescription: 'prescription', injection: 'injection',
  laboratory: 'test', microbiology: 'test', physiology: 'test', radiology: 'image', endoscopy: 'image',
  report: 'report', document: 'report', file: 'file', visit: 'visit', progress_note: 'visit',
  meal: 'record', vital_signs: 'record', note: 'record', message: 'message', unknown: 'file',
  patient: null, allergy: null, doctor: null, problem: null,
};

export const Flag = {
  New: 1, High: 2, Low: 4, Abnormal: 8, Urgent: 16, Cancelled: 32, Image: 64, Waveform: 128,
  Ordered: 256, Planned: 512, Incomplete: 1024,
} as const;
export const ABNORMAL = Flag.High | Flag.Low | Flag.Abnormal;

export const LINES_MAX = 3;
const PERIOD_LINES_MAX = 4;

export interface Mark {
  row: number;
  day: number;
  facility: string;
  count: number;
  flags: number;
  entry: string;
  title: string;
}
export interface Span {
  row: number;
  facility: string;
  from: number;
  to: number | null;
  isOpen: boolean;
  flags: number;
  entry: string;
  title: string;
}
export interface PlacedSpan extends Span {
  line: number;
  end: number;
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
export interface Filter {
  hidden: ReadonlySet<string>;
  onlyNew: boolean;
  othersOnly: boolean;
}
export const NO_FILTER: Filter = { hidden: new Set(), onlyNew: false, othersOnly: false };
export type Zoom = 'day' | 'week' | 'month';
export type WeekState = 'loaded' | 'loading' | 'failed' | 'absent';

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

export class CalendarModel {
  today = 0;
  firstDay: number | null = null;
  lastDay = 0;
  cursor = 0;
  facilities = new Map<string, Facility>();
  freshness: Freshness[] = [];
  refusals: Refusal[] = [];
  undated: { entry: string; kind: Kind; facility: string; title: string }[] = [];
  filter: Filter = NO_FILTER;

  private readonly own: string;
  private readonly weeks = new Map<number, Mark[]>();
  private readonly states = new Map<number, WeekState>();
  private readonly spansByEntry = new Map<string, Span>();
  private orders = new Map<string, Place[]>();
  private placed: PlacedSpan[] | undefined;

  constructor(own: string) {
    this.own = own;
  }

  /** Takes an answer for whole weeks from..to; what was there before in that range goes. */
  merge(calendar: Calendar): number[] {
    const from = weekOf(dayNumber(calendar.from));
    const to = weekOf(dayNumber(calendar.to));
    this.today = dayNumber(calendar.today);
    this.cursor = calendar.cursor;
    this.freshness = calendar.freshness;
    this.refusals = calendar.refusals;
    for (const facility of calendar.facilities) this.facilities.set(facility.id, facility);
    const first = calendar.first_day ? dayNumber(calendar.first_day) : null;
    if (first !== null) this.firstDay = Math.min(this.firstDay ?? first, first);
    const changed: number[] = [];
    for (let week = from; week <= to; week += 1) {
      changed.push(week);
      this.weeks.delete(week);
      this.states.set(week, 'loaded');
    }
    this.takeMarks(calendar);
    this.takeSpans(calendar, firstDayOf(from), firstDayOf(to) + 6);
    this.undated = calendar.undated.map(({ entry, kind, facility, title }) => ({
      entry, kind, title, facility: calendar.facilities[facility]?.id ?? '',
    }));
    this.forget();
    return changed;
  }

  private takeMarks(calendar: Calendar): void {
    const { row, day, facility, count, flags, entry, title } = calendar.marks;
    for (let index = 0; index < day.length; index += 1) {
      const rowId = calendar.rows[row[index] ?? -1];
      const facilityId = calendar.facilities[facility[index] ?? -1]?.id;
      const at = day[index];
      const id = entry[index];
      if (!rowId || !facilityId || at === undefined || !id) continue;
      const mark: Mark = {
        row: ROW_IDS.indexOf(rowId), day: at, facility: facilityId, count: count[index] ?? 1,
        flags: flags[index] ?? 0, entry: id, title: calendar.titles[title[index] ?? -1] ?? '',
      };
      const week = weekOf(at);
      const marks = this.weeks.get(week);
      if (marks) marks.push(mark);
      else this.weeks.set(week, [mark]);
      this.lastDay = Math.max(this.lastDay, at);
    }
  }

  private takeSpans(calendar: Calendar, from: number, to: number): void {
    for (const [entry, span] of this.spansByEntry) {
      if (span.from <= to && (span.to ?? Infinity) >= from) this.spansByEntry.delete(entry);
    }
    for (const span of calendar.spans) {
      const rowId = calendar.rows[span.row];
      const facility = calendar.facilities[span.facility]?.id;
      if (!rowId || !facility) continue;
      this.spansByEntry.set(span.entry, {
        row: ROW_IDS.indexOf(rowId), facility, from: span.from, to: span.to, isOpen: span.is_open,
        flags: span.flags, entry: span.entry, title: span.title,
      });
    }
  }

  setFilter(filter: Filter): void {
    this.filter = filter;
    this.forget();
  }

  private forget(): void {
    this.orders = new Map();
    this.placed = undefined;
  }

  stateOf(week: number): WeekState {
    return this.states.get(week) ?? 'absent';
  }
  setState(from: number, to: number, state: WeekState): void {
    for (let week = from; week <= to; week += 1) this.states.set(week, state);
  }
  /** Weeks that are on the screen's side of the model, oldest and newest. */
  loadedRange(): { from: number; to: number } | undefined {
    const loaded = [...this.states].filter(([, state]) => state === 'loaded').map(([week]) => week);
    if (loaded.length === 0) return undefined;
    return { from: Math.min(...loaded), to: Math.max(...loaded) };
  }

  isShown(item: { facility: string; flags: number }): boolean {
    const { hidden, onlyNew, othersOnly } = this.filter;
    if (hidden.has(item.facility)) return false;
    if (onlyNew && !(item.flags & Flag.New)) return false;
    return !(othersOnly && item.facility === this.own);
  }

  private readonly slotOf = (facility: string) => this.facilities.get(facility)?.slot ?? 99;

  /** The places of a week in every row; in a month's zoom a week is one column. */
  places(week: number, zoom: Zoom): Place[][] {
    const shown = (this.weeks.get(week) ?? []).filter((mark) => this.isShown(mark));
    const marks = zoom === 'month' ? joinWeek(shown) : shown;
    const stacks = new Map<string, Mark[]>();
    for (const mark of marks) {
      const key = `${mark.row} ${mark.day}`;
      const stack = stacks.get(key);
      if (stack) stack.push(mark);
      else stacks.set(key, [mark]);
    }
    const rows: Place[][] = ROW_IDS.map(() => []);
    const compare = compareMarks(this.own, this.slotOf);
    for (const stack of stacks.values()) {
      stack.sort(compare);
      const first = stack[0];
      if (first) rows[first.row]?.push(...placeStack(stack, this.lineOffset(first.row)));
    }
    for (const row of rows) row.sort((a, b) => a.day - b.day || a.line - b.line);
    return rows;
  }

  /** Bars of the whole loaded range with their lines, so that scrolling never moves one. */
  spans(): PlacedSpan[] {
    if (this.placed) return this.placed;
    const shown = [...this.spansByEntry.values()].filter((span) => this.isShown(span));
    shown.sort((a, b) => a.from - b.from || (a.entry < b.entry ? -1 : 1));
    const ends = new Map<number, number[]>();
    this.placed = shown.map((span) => {
      const end = span.to ?? Math.max(span.from, this.today);
      const lines = ends.get(span.row) ?? [];
      ends.set(span.row, lines);
      let line = lines.findIndex((until) => until < span.from);
      if (line < 0) line = Math.min(lines.length, PERIOD_LINES_MAX - 1);
      lines[line] = Math.max(lines[line] ?? 0, end);
      return { ...span, line, end };
    });
    return this.placed;
  }

  private lineOffset(row: number): number {
    return this.spans().reduce((most, span) => (span.row === row ? Math.max(most, span.line + 1) : most), 0);
  }

  /** Height of each row in lines: the largest stack of what is loaded. */
  lines(zoom: Zoom): number[] {
    const lines = ROW_IDS.map((_, row) => Math.max(1, this.lineOffset(row)));
    for (const week of this.weeks.keys()) {
      this.places(week, zoom).forEach((places, row) => {
        for (const place of places) lines[row] = Math.max(lines[row] ?? 1, place.line + 1);
      });
    }
    return lines;
  }

  /** All places of a row from old to new, bars included, for the keyboard and ‹ ›. */
  order(row: number, zoom: Zoom): Place[] {
    const key = `${row} ${zoom}`;
    const known = this.orders.get(key);
    if (known) return known;
    const bars: Place[] = this.spans()
      .filter((span) => span.row === row)
      .map((span) => ({
        kind: 'mark', row, day: span.from, line: span.line, others: [], mark: { ...span, day: span.from, count: 1 },
      }));
    const marks = [...this.weeks.keys()].flatMap((week) => this.places(week, zoom)[row] ?? []);
    const order = [...bars, ...marks].sort((a, b) => a.day - b.day || a.line - b.line);
    this.orders.set(key, order);
    return order;
  }

  isEmpty(): boolean {
    const loaded = this.loadedRange();
    if (loaded && this.firstDay !== null && weekOf(this.firstDay) < loaded.from) return false;
    return this.spans().length === 0 && ROW_IDS.every((_, row) => this.order(row, 'week').length === 0);
  }
  /** When nothing is between two days: where the next older mark is, as far as that is known. */
  nearestBefore(from: number, to: number): { day: number; isKnown: boolean } | null {
    let best: number | undefined;
    for (const span of this.spans()) {
      if (span.from <= to && span.end >= from) return null;
      if (span.end < from) best = Math.max(best ?? span.end, span.end);
    }
    for (const marks of this.weeks.values()) {
      for (const mark of marks) {
        if (!this.isShown(mark)) continue;
        if (mark.day >= from && mark.day <= to) return null;
        if (mark.day < from) best = Math.max(best ?? mark.day, mark.day);
      }
    }
    if (best !== undefined) return { day: best, isKnown: true };
    const loaded = this.loadedRange();
    const isMore = loaded && this.firstDay !== null && weekOf(this.firstDay) < loaded.from;
    return isMore ? { day: firstDayOf(loaded.from) - 1, isKnown: false } : null;
  }
  hasAnything(): boolean {
    return this.spansByEntry.size > 0 || this.weeks.size > 0;
  }
  /** New marks, old to new. */
  news(): Mark[] {
    return [...this.weeks.values()].flat()
      .filter((mark) => mark.flags & Flag.New && this.isShown(mark))
      .sort((a, b) => a.day - b.day);
  }
  markAt(row: number, day: number, facility: string): Mark | undefined {
    return this.weeks.get(weekOf(day))?.find(
      (mark) => mark.row === row && mark.day === day && mark.facility === facility,
    );
  }

  /** What is missing in a row, per facility: a row never looks complete while something is. */
  gaps(row: number): { facility: string; state: 'loading' | 'behind' | 'waiting' | 'refused'; since: number | null }[] {
    const rowId = ROW_IDS[row];
    const gaps: ReturnType<CalendarModel['gaps']> = [];
    for (const { facility, state, since } of this.freshness) {
      if (state === 'loading' || state === 'behind') gaps.push({ facility, state, since });
    }
    for (const { facility, kinds, reason } of this.refusals) {
      // a number that its owner has not confirmed yet: nobody knows what will come
      if (reason === 'link_proposed') gaps.push({ facility, state: 'waiting', since: null });
      const isPart = kinds.some((kind) => ROW_OF_KIND[kind] === rowId);
      if (isPart && !gaps.some((gap) => gap.facility === facility)) {
        gaps.push({ facility, state: 'refused', since: null });
      }
    }
    return gaps;
  }
}

function placeStack(stack: Mark[], offset: number): Place[] {
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
function joinWeek(marks: Mark[]): Mark[] {
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
