// SPDX-License-Identifier: Apache-2.0
/* What a calendar is made of, without any drawing: marks by week, bars, what is loaded, what is
 * filtered, how marks stack within a day. Days and weeks are numbers; weeks begin on Monday. */
import type { Calendar, Facility, Freshness, Kind, Refusal, Row } from '../api/client.ts';
import { dayNumber } from '../i18n/wareki.ts';
import {
  Flag, compareMarks, firstDayOf, isSame, joinWeek, placeStack, weekOf, type Mark, type Place, type Zoom,
} from './places.ts';

export {
  ABNORMAL, Flag, LINES_MAX, compareMarks, firstDayOf, isSame, nearest, weekOf, type Mark, type Place, type Zoom,
} from './places.ts';

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

const PERIOD_LINES_MAX = 4;

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
export interface Filter {
  hidden: ReadonlySet<string>;
  onlyNew: boolean;
  othersOnly: boolean;
  /** Rows that the viewer does not have on the grid. */
  rows?: ReadonlySet<number>;
}
export const NO_FILTER: Filter = { hidden: new Set(), onlyNew: false, othersOnly: false };
export type WeekState = 'loaded' | 'loading' | 'failed' | 'absent';

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

  readonly #own: string;
  readonly #weeks = new Map<number, Mark[]>();
  readonly #states = new Map<number, WeekState>();
  readonly #spansByEntry = new Map<string, Span>();
  /* What is worked out from the above, until it changes: by row and zoom, by week, by row. */
  #orders = new Map<string, Place[]>();
  #stacks = { days: new Map<number, Place[][]>(), weeks: new Map<number, Place[][]>() };
  #placed: PlacedSpan[] | undefined;
  #offsets: number[] | undefined;
  #newest: Mark[] | undefined;

  constructor(own: string) {
    this.#own = own;
  }

  /** Takes an answer for whole weeks from..to; what was there before in that range goes. */
  merge(calendar: Calendar): number[] {
    const from = weekOf(dayNumber(calendar.from));
    const to = weekOf(dayNumber(calendar.to));
    this.today = dayNumber(calendar.today);
    this.cursor = calendar.cursor;
    this.freshness = calendar.freshness;
    this.refusals = calendar.refusals;
    const isReordered = calendar.facilities.some(({ id, slot }) => this.facilities.get(id)?.slot !== slot);
    for (const facility of calendar.facilities) this.facilities.set(facility.id, facility);
    const first = calendar.first_day ? dayNumber(calendar.first_day) : null;
    if (first !== null) this.firstDay = Math.min(this.firstDay ?? first, first);
    const changed: number[] = [];
    for (let week = from; week <= to; week += 1) {
      changed.push(week);
      this.#weeks.delete(week);
      this.#states.set(week, 'loaded');
    }
    this.#takeMarks(calendar);
    this.#takeSpans(calendar, firstDayOf(from), firstDayOf(to) + 6);
    this.undated = calendar.undated.map(({ entry, kind, facility, title }) => ({
      entry, kind, title, facility: calendar.facilities[facility]?.id ?? '',
    }));
    if (isReordered) this.#forget();
    else this.#forgetWeeks(changed);
    return changed;
  }

  #takeMarks(calendar: Calendar): void {
    const { row, day, facility, count, flags, entry, title } = calendar.marks;
    for (let index = 0; index < day.length; index += 1) {
      const rowId = calendar.rows[row[index] ?? -1];
      const facilityId = calendar.facilities[facility[index] ?? -1]?.id;
      const at = day[index];
      const id = entry[index];
      if (!rowId || !facilityId || at === undefined || id === undefined) continue;
      const mark: Mark = {
        row: ROW_IDS.indexOf(rowId), day: at, facility: facilityId, count: count[index] ?? 1,
        flags: flags[index] ?? 0, entry: id, title: calendar.titles[title[index] ?? -1] ?? '',
      };
      const week = weekOf(at);
      const marks = this.#weeks.get(week);
      if (marks) marks.push(mark);
      else this.#weeks.set(week, [mark]);
      this.lastDay = Math.max(this.lastDay, at);
    }
  }

  #takeSpans(calendar: Calendar, from: number, to: number): void {
    for (const [entry, span] of this.#spansByEntry) {
      if (span.from <= to && (span.to ?? Infinity) >= from) this.#spansByEntry.delete(entry);
    }
    for (const span of calendar.spans) {
      const rowId = calendar.rows[span.row];
      const facility = calendar.facilities[span.facility]?.id;
      if (!rowId || !facility) continue;
      this.#spansByEntry.set(span.entry, {
        row: ROW_IDS.indexOf(rowId), facility, from: span.from, to: span.to, isOpen: span.is_open,
        flags: span.flags, entry: span.entry, title: span.title,
      });
    }
  }

  setFilter(filter: Filter): void {
    this.filter = filter;
    this.#forget();
  }

  #forget(): void {
    this.#orders = new Map();
    this.#stacks = { days: new Map(), weeks: new Map() };
    this.#placed = undefined;
    this.#offsets = undefined;
    this.#newest = undefined;
  }

  /* A live change is about a week or two: the others stay worked out, unless bars moved them. */
  #forgetWeeks(weeks: number[]): void {
    const stacks = this.#stacks;
    const offsets = this.#offsets;
    this.#forget();
    if (!offsets || offsets.some((offset, row) => offset !== this.#lineOffset(row))) return;
    for (const known of [stacks.days, stacks.weeks]) for (const week of weeks) known.delete(week);
    this.#stacks = stacks;
  }

  stateOf(week: number): WeekState {
    return this.#states.get(week) ?? 'absent';
  }
  setState(from: number, to: number, state: WeekState): void {
    for (let week = from; week <= to; week += 1) this.#states.set(week, state);
  }
  /** Weeks that are on the screen's side of the model, oldest and newest. */
  loadedRange(): { from: number; to: number } | undefined {
    const loaded = [...this.#states].filter(([, state]) => state === 'loaded').map(([week]) => week);
    if (loaded.length === 0) return undefined;
    return { from: Math.min(...loaded), to: Math.max(...loaded) };
  }

  isShown(item: { facility: string; flags: number }): boolean {
    const { hidden, onlyNew, othersOnly } = this.filter;
    if (hidden.has(item.facility)) return false;
    if (onlyNew && !(item.flags & Flag.New)) return false;
    return !(othersOnly && item.facility === this.#own);
  }

  /** On the grid: its row stands there too. */
  #isOnGrid(item: { facility: string; flags: number; row: number }): boolean {
    return !this.filter.rows?.has(item.row) && this.isShown(item);
  }

  readonly #slotOf = (facility: string) => this.facilities.get(facility)?.slot ?? 99;

  /** The places of a week in every row; in a month's zoom a week is one column. */
  places(week: number, zoom: Zoom): Place[][] {
    const known = zoom === 'month' ? this.#stacks.weeks : this.#stacks.days;
    let rows = known.get(week);
    if (!rows) {
      rows = this.#stack(week, zoom);
      known.set(week, rows);
    }
    return rows;
  }

  #stack(week: number, zoom: Zoom): Place[][] {
    const rows: Place[][] = ROW_IDS.map(() => []);
    const shown = (this.#weeks.get(week) ?? []).filter((mark) => this.#isOnGrid(mark));
    if (shown.length === 0) return rows;
    const marks = zoom === 'month' ? joinWeek(shown) : shown;
    const stacks = new Map<number, Mark[]>(); // by day and row, in the order of both
    for (const mark of marks) {
      const key = mark.day * ROW_IDS.length + mark.row;
      const stack = stacks.get(key);
      if (stack) stack.push(mark);
      else stacks.set(key, [mark]);
    }
    const compare = compareMarks(this.#own, this.#slotOf);
    for (const key of [...stacks.keys()].sort((a, b) => a - b)) {
      const stack = stacks.get(key) ?? [];
      const row = stack[0]?.row ?? 0;
      rows[row]?.push(...placeStack(stack.sort(compare), this.#lineOffset(row)));
    }
    return rows;
  }

  /** Bars of the whole loaded range with their lines, so that scrolling never moves one. */
  spans(): PlacedSpan[] {
    if (this.#placed) return this.#placed;
    const shown = [...this.#spansByEntry.values()].filter((span) => this.isShown(span));
    shown.sort((a, b) => a.from - b.from || (a.entry < b.entry ? -1 : 1));
    const ends = new Map<number, number[]>();
    this.#placed = shown.map((span) => {
      const end = span.to ?? Math.max(span.from, this.today);
      const lines = ends.get(span.row) ?? [];
      ends.set(span.row, lines);
      let line = lines.findIndex((until) => until < span.from);
      if (line < 0) line = Math.min(lines.length, PERIOD_LINES_MAX - 1);
      lines[line] = Math.max(lines[line] ?? 0, end);
      return { ...span, line, end };
    });
    return this.#placed;
  }

  #gridSpans(): PlacedSpan[] {
    return this.spans().filter((span) => !this.filter.rows?.has(span.row));
  }

  /* Bars stand above a row's marks. */
  #lineOffset(row: number): number {
    if (!this.#offsets) {
      this.#offsets = ROW_IDS.map(() => 0);
      for (const span of this.spans()) this.#offsets[span.row] = Math.max(this.#offsets[span.row] ?? 0, span.line + 1);
    }
    return this.#offsets[row] ?? 0;
  }

  /** Height of each row in lines: the largest stack of what is loaded. */
  lines(zoom: Zoom): number[] {
    const lines = ROW_IDS.map((_, row) => Math.max(1, this.#lineOffset(row)));
    for (const week of this.#weeks.keys()) {
      this.places(week, zoom).forEach((places, row) => {
        for (const place of places) lines[row] = Math.max(lines[row] ?? 1, place.line + 1);
      });
    }
    return lines;
  }

  /** All places of a row from old to new, bars included, for the keyboard and ‹ ›. */
  order(row: number, zoom: Zoom): Place[] {
    const key = `${row} ${zoom}`;
    const known = this.#orders.get(key);
    if (known) return known;
    const marks = this.#weeksInOrder().flatMap((week) => this.places(week, zoom)[row] ?? []);
    const bars = this.#bars(row);
    const order = bars.length === 0 ? marks : [...bars, ...marks].sort((a, b) => a.day - b.day || a.line - b.line);
    this.#orders.set(key, order);
    return order;
  }
  #weeksInOrder(): number[] {
    return [...this.#weeks.keys()].sort((a, b) => a - b);
  }
  #bars(row: number): Place[] {
    return this.#gridSpans().filter((span) => span.row === row).map((span) => ({
      kind: 'mark', row, day: span.from, line: span.line, others: [], mark: { ...span, day: span.from, count: 1 },
    }));
  }
  /** Whether there is still such a place. */
  has(place: Place, zoom: Zoom): boolean {
    const marks = this.places(weekOf(place.day), zoom)[place.row] ?? [];
    return [...marks, ...this.#bars(place.row)].some((other) => isSame(other, place));
  }
  /** The newest place that begins in this week or before. */
  lastUpTo(week: number, zoom: Zoom): Place | undefined {
    const bars = ROW_IDS.flatMap((_, row) => this.#bars(row)).filter((place) => weekOf(place.day) <= week);
    const filled = this.#weeksInOrder().reverse().find(
      (other) => other <= week && this.places(other, zoom).some((places) => places.length > 0),
    );
    const marks = filled === undefined ? [] : this.places(filled, zoom).flatMap((places) => places.slice(-1));
    return [...bars, ...marks].sort((a, b) => b.day - a.day)[0];
  }
  /** How many nodes a week is in the document. */
  weight(week: number, zoom: Zoom): number {
    return this.places(week, zoom).reduce((sum, places) => sum + places.length, 0);
  }

  isEmpty(): boolean {
    const loaded = this.loadedRange();
    if (loaded && this.firstDay !== null && weekOf(this.firstDay) < loaded.from) return false;
    return this.#gridSpans().length === 0 && [...this.#weeks.keys()].every((week) => this.weight(week, 'week') === 0);
  }
  /** When nothing is between two days: where the next older mark is, as far as that is known. */
  nearestBefore(from: number, to: number): { day: number; isKnown: boolean } | null {
    let best: number | undefined;
    for (const span of this.#gridSpans()) {
      if (span.from <= to && span.end >= from) return null;
      if (span.end < from) best = Math.max(best ?? span.end, span.end);
    }
    for (const week of this.#weeksInOrder().reverse()) {
      if (firstDayOf(week) > to) continue;
      const days = this.places(week, 'week').flat().map((place) => place.day);
      if (days.some((day) => day >= from && day <= to)) return null;
      const before = days.filter((day) => day < from);
      if (before.length === 0) continue;
      best = Math.max(best ?? -Infinity, ...before);
      break;
    }
    if (best !== undefined) return { day: best, isKnown: true };
    const loaded = this.loadedRange();
    const isMore = loaded && this.firstDay !== null && weekOf(this.firstDay) < loaded.from;
    return isMore ? { day: firstDayOf(loaded.from) - 1, isKnown: false } : null;
  }
  hasAnything(): boolean {
    return this.#spansByEntry.size > 0 || this.#weeks.size > 0;
  }
  /** New marks, old to new. */
  news(): Mark[] {
    this.#newest ??= [...this.#weeks.values()].flat()
      .filter((mark) => mark.flags & Flag.New && this.#isOnGrid(mark))
      .sort((a, b) => a.day - b.day);
    return this.#newest;
  }
  /** Of what is loaded and whose facility is not hidden; of rows that are not on the grid, too. */
  marks(): Mark[] {
    return [...this.#weeks.values()].flat().filter((mark) => this.isShown(mark));
  }
  markAt(row: number, day: number, facility: string): Mark | undefined {
    return this.#weeks.get(weekOf(day))?.find(
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
