// SPDX-License-Identifier: Apache-2.0
/* Draws a CalendarModel: row-major, sticky header row and first column, only the weeks in view
 * and few beside them in the document, in the order of their days. Places by class or through the
 * CSSOM, never by style attributes (content security policy). Steering by keys and the tooltip
 * come when the grid stands. */
import { t, word } from '../i18n/t.ts';
import { eraYear, dayText } from '../i18n/wareki.ts';
import { Painter, make } from './draw.ts';
import { commandOf, type Command } from './keys.ts';
import {
  ROW_IDS, firstDayOf, isSame, nearest, weekOf, type CalendarModel, type Mark, type Place, type PlacedSpan, type Zoom,
} from './model.ts';
import { MountQueue, planMount, type Frames, type View } from './mount.ts';
import type { Tooltip } from './tooltip.ts';
import { gapWords } from './words.ts';

const DAY_WIDTHS: Record<Zoom, number> = { day: 76, week: 24, month: 32 };
const LINE = 26;
const ROW_PADDING = 10;
const ROW_GROWTH_MAX = 16;
const MIN_WEEKS = 12;
/* Letters beside a row's name; of more facilities only how many they are. */
const GAPS_MAX = 2;

export interface GridEvents {
  open: (mark: Mark, from: HTMLElement) => void;
  more: (place: Place, from: HTMLElement) => void;
  row: (row: number) => void;
  why: () => void;
  need: (fromWeek: number, toWeek: number) => void;
  retry: (week: number) => void;
  view: (fromDay: number, toDay: number) => void;
  facilities: () => void;
  help: () => void;
  find: () => void;
  close: () => void;
  hasLetters: () => boolean;
}

interface MountedWeek {
  head: HTMLElement;
  cells: HTMLElement[];
  /** What the cells show, by row. */
  drawn: (Place[] | undefined)[];
}

/* Not every browser tells when it is idle. */
const FRAMES: Frames = {
  request: (work) => requestAnimationFrame(work),
  cancel: (handle) => cancelAnimationFrame(handle),
  idle: (work) => (globalThis.requestIdleCallback ?? ((then) => setTimeout(then, 50)))(work),
  cancelIdle: (handle) => (globalThis.cancelIdleCallback ?? clearTimeout)(handle),
  now: () => performance.now(),
};

export class CalendarGrid {
  readonly #host: HTMLElement;
  readonly #model: CalendarModel;
  readonly #events: GridEvents;
  readonly #language: 'ja' | 'en';
  readonly #painter: Painter;
  readonly #said = make('div', 'sr');
  readonly #told = new Set<string>();
  readonly #scroll = make('div', 'cal-scroll');
  readonly #canvas = make('div', 'cal-canvas');
  readonly #head = make('div', 'cal-head');
  readonly #headTrack = make('div', 'cal-track');
  readonly #rows: { row: HTMLElement; head: HTMLElement; gaps: HTMLElement; track: HTMLElement }[] = [];
  readonly #mounted = new Map<number, MountedWeek>();
  readonly #bars = new Map<string, HTMLElement>();
  readonly #places = new WeakMap<Element, Place>();
  readonly #queue: MountQueue;
  #tooltip: Tooltip | undefined;
  #steer: typeof import('./steer.ts').steer | undefined;
  readonly #resize: ResizeObserver;
  #bounds: View = { first: 0, last: 0 };
  #position: Place | undefined;
  #stop: HTMLElement | undefined;
  #selected = '';
  #ticking = false;
  #lineCounts: number[] = [];
  #isFirst = true;
  #start: number | null = null;
  #order: readonly number[] = ROW_IDS.map((_, row) => row);
  #isGone = false;
  #padding = ROW_PADDING;
  #clickedAt: [number, number] = [-1, -1];
  /* As last read while nothing had changed: asking after a change makes the browser lay out at once. */
  #size = { width: 0, height: 0, head: 112, top: 0 };
  #left = 0;
  #planned: View | undefined;

  constructor(host: HTMLElement, model: CalendarModel, events: GridEvents, label: string, language: 'ja' | 'en') {
    this.#host = host;
    this.#model = model;
    this.#events = events;
    this.#language = language;
    this.#painter = new Painter(model, language);
    this.#queue = new MountQueue(FRAMES, (week) => this.#parts(week), (week) => this.#unmountWeek(week));
    this.#build(label);
    this.#scroll.addEventListener('scroll', this.#onScroll, { passive: true });
    this.#canvas.addEventListener('click', this.#onClick);
    this.#canvas.addEventListener('keydown', this.#onKey);
    this.#canvas.addEventListener('focusin', this.#onFocus);
    this.#canvas.addEventListener('focusout', () => this.#tooltip?.hide());
    this.#canvas.addEventListener('pointerover', this.#onPointer);
    this.#canvas.addEventListener('pointerleave', () => this.#tooltip?.leave());
    this.#resize = new ResizeObserver(() => this.#onResize());
    this.#resize.observe(this.#scroll);
    void this.#prepare().catch(() => {}); // then the first key or hover asks again
  }

  async #prepare(): Promise<void> {
    const [{ steer }, { Tooltip }] = await Promise.all([import('./steer.ts'), import('./tooltip.ts')]);
    this.#steer = steer;
    if (!this.#isGone) this.#tooltip ??= new Tooltip(this.#host);
  }

  destroy(): void {
    this.#isGone = true;
    this.#queue.stop();
    this.#resize.disconnect();
    this.#tooltip?.destroy();
    this.#scroll.remove();
    this.#said.remove();
  }

  get zoom(): Zoom {
    return this.#painter.zoom;
  }
  /** Before the first update; `from` is the day at the left edge, none: today at the right one. */
  begin(zoom: Zoom, from: number | null): void {
    this.#painter.zoom = zoom;
    this.#start = from;
  }

  #build(label: string): void {
    this.#canvas.setAttribute('role', 'grid');
    this.#canvas.setAttribute('aria-label', label);
    this.#canvas.setAttribute('aria-rowcount', String(ROW_IDS.length + 1));
    this.#head.setAttribute('role', 'row');
    const corner = make('div', 'cal-corner');
    corner.setAttribute('role', 'columnheader');
    corner.append(make('span', 'sr', t('cal.rows')), make('span', 'cal-year'));
    this.#head.append(corner, this.#headTrack);
    this.#canvas.append(this.#head);
    ROW_IDS.forEach((id, index) => {
      const row = make('div', 'cal-row');
      row.setAttribute('role', 'row');
      row.setAttribute('aria-rowindex', String(index + 2));
      const head = make('div', 'cal-rowhead');
      head.setAttribute('role', 'rowheader');
      const button = make('button', 'cal-rowname', word('row', id));
      button.type = 'button';
      button.addEventListener('click', () => this.#events.row(index));
      const gaps = make('button', 'cal-gaps');
      gaps.type = 'button';
      gaps.addEventListener('click', () => this.#events.why());
      head.append(button, gaps);
      const track = make('div', 'cal-track');
      row.append(head, track);
      this.#canvas.append(row);
      this.#rows.push({ row, head, gaps, track });
    });
    this.#scroll.append(this.#canvas);
    this.#said.setAttribute('role', 'status');
    this.#host.append(this.#scroll, this.#said);
  }

  get #dayWidth(): number {
    return DAY_WIDTHS[this.zoom];
  }
  get #weekWidth(): number {
    return this.zoom === 'month' ? this.#dayWidth : this.#dayWidth * 7;
  }
  /* Of the weeks' part, without the names of the rows. */
  get #innerWidth(): number {
    return Math.max(0, this.#size.width - this.#size.head);
  }
  #readSize(): void {
    const { clientWidth: width, clientHeight: height } = this.#scroll;
    this.#size = { width, height, head: this.#rows[this.#order[0] ?? 0]?.head.offsetWidth ?? 112, top: this.#head.offsetHeight };
  }
  #x(day: number): number {
    return (weekOf(day) - this.#bounds.first) * this.#weekWidth + this.#painter.column(day) * this.#dayWidth;
  }

  /** The rows that are shown, in their order; an update follows. */
  arrange(order: readonly number[]): void {
    this.#order = order;
    this.#canvas.setAttribute('aria-rowcount', String(order.length + 1));
    this.#rows.forEach(({ row }, index) => (row.hidden = !order.includes(index)));
    order.forEach((index, at) => {
      const row = this.#rows[index]?.row;
      row?.setAttribute('aria-rowindex', String(at + 2));
      if (row) this.#canvas.append(row);
    });
  }

  /** Draws again after the model or the filter changed; what did not change is left alone. */
  update(): void {
    const anchor = this.#isFirst ? undefined : this.#dayAtRight();
    if (this.#isFirst) this.#readSize();
    this.#measure();
    for (const week of this.#mounted.keys()) this.#fillWeek(week);
    this.#drawGaps();
    if (this.#isFirst) {
      this.#isFirst = false;
      this.#keepStart();
      this.#mountVisible(); // nothing moves yet: one long frame is sooner than many short ones
    } else if (anchor !== undefined) this.#keepRight(anchor);
    this.#plan();
    this.#settleFocus();
  }

  setZoom(zoom: Zoom): void {
    if (zoom === this.zoom) return;
    const anchor = this.#dayAtRight();
    this.#painter.zoom = zoom;
    for (const week of [...this.#mounted.keys()]) this.#unmountWeek(week);
    for (const bar of this.#bars.values()) bar.remove();
    this.#bars.clear();
    this.#measure();
    this.#keepRight(anchor);
    this.#mountVisible();
    this.#plan();
    this.#settleFocus();
  }

  #measure(): void {
    const model = this.#model;
    const newest = Math.max(model.today, model.lastDay);
    const oldest = model.firstDay ?? model.today;
    const last = weekOf(newest);
    this.#bounds = { first: Math.min(weekOf(oldest), last - MIN_WEEKS + 1), last };
    const count = last - this.#bounds.first + 1;
    this.#canvas.dataset.zoom = this.zoom;
    this.#canvas.setAttribute('aria-colcount', String(count + 1));
    this.#canvas.style.setProperty('--week', `${this.#weekWidth}px`);
    this.#canvas.style.setProperty('--day', `${this.#dayWidth}px`);
    this.#canvas.style.setProperty('--track', `${count * this.#weekWidth}px`);
    const todayX = this.#x(model.today);
    this.#canvas.style.setProperty('--today', `${todayX}px`);
    this.#lineCounts = model.lines(this.zoom);
    this.#measureRows();
    for (const [week, { head, cells }] of this.#mounted) {
      const left = `${(week - this.#bounds.first) * this.#weekWidth}px`;
      for (const node of [head, ...cells]) node.style.left = left;
    }
  }

  /* Rows share the height that is free, so that a short calendar is easier to hit. */
  #measureRows(): void {
    const least = this.#order.reduce((sum, row) => sum + (this.#lineCounts[row] ?? 1) * LINE + ROW_PADDING + 1, this.#size.top);
    const free = Math.floor((this.#size.height - least - 2) / this.#order.length);
    this.#padding = ROW_PADDING + Math.min(Math.max(free, 0), ROW_GROWTH_MAX);
    this.#canvas.style.setProperty('--pad', `${this.#padding / 2}px`);
    this.#rows.forEach(({ row }, index) => {
      row.style.height = `${(this.#lineCounts[index] ?? 1) * LINE + this.#padding}px`;
    });
  }

  #view(): View {
    const first = this.#bounds.first + Math.floor(this.#left / this.#weekWidth);
    const last = this.#bounds.first + Math.floor((this.#left + this.#innerWidth - 1) / this.#weekWidth);
    return { first: Math.max(first, this.#bounds.first), last: Math.min(last, this.#bounds.last) };
  }

  readonly #onScroll = (): void => {
    this.#left = this.#scroll.scrollLeft;
    this.#tooltip?.hide();
    if (this.#ticking) return;
    this.#ticking = true;
    requestAnimationFrame(() => {
      this.#ticking = false;
      const { first, last } = this.#view();
      if (first !== this.#planned?.first || last !== this.#planned.last) this.#plan();
      else this.#events.view(firstDayOf(first), firstDayOf(last) + 6);
    });
  };

  #lastWidth = 0;
  #onResize(): void {
    const width = this.#scroll.clientWidth;
    if (width === 0 || this.#lineCounts.length === 0) return;
    this.#readSize();
    this.#measureRows();
    const before = this.#lastWidth;
    this.#lastWidth = width;
    if (before === 0) this.moveTo(this.#start);
    // the panel beside must not hide the mark that it shows
    else if (this.#selected !== '' && this.#position) this.#reveal(this.#position);
    else this.#plan();
  }

  #plan(): void {
    const view = this.#view();
    this.#planned = view;
    this.#queue.take(planMount(view, this.#bounds, {
      mounted: this.#mounted.keys(),
      keep: this.#focusedWeek(),
      weight: (week) => this.#model.weight(week, this.zoom),
    }));
    this.#drawBars(view);
    this.#drawYear(view);
    this.#events.view(firstDayOf(view.first), firstDayOf(view.last) + 6);
    this.#need(view);
  }

  #mountVisible(): void {
    const view = this.#view();
    for (let week = view.first; week <= view.last; week += 1) {
      if (!this.#mounted.has(week)) this.#mountWeek(week);
    }
  }

  #need(view: View): void {
    const from = Math.max(this.#bounds.first, view.first - 4);
    const to = Math.min(this.#bounds.last, view.last + 2);
    let first: number | undefined;
    let last = 0;
    for (let week = from; week <= to; week += 1) {
      if (this.#model.stateOf(week) !== 'absent') continue;
      first ??= week;
      last = week;
    }
    if (first !== undefined) this.#events.need(first, last);
  }

  #focusedWeek(): number | undefined {
    const place = document.activeElement ? this.#places.get(document.activeElement) : undefined;
    return place ? weekOf(place.day) : undefined;
  }

  // ---- weeks ----

  /* A week row by row, for the queue. */
  *#parts(week: number): Generator<void> {
    if (!this.#beginWeek(week)) return;
    for (let row = 0; row < ROW_IDS.length; row += 1) {
      yield;
      this.#fillRow(week, row);
    }
  }

  #mountWeek(week: number): void {
    this.#beginWeek(week);
    this.#fillWeek(week);
  }

  #beginWeek(week: number): boolean {
    if (this.#mounted.has(week)) return true;
    if (week < this.#bounds.first || week > this.#bounds.last) return false;
    const left = `${(week - this.#bounds.first) * this.#weekWidth}px`;
    const column = String(week - this.#bounds.first + 2);
    const head = this.#painter.weekHead(week, this.#dayWidth);
    const cells = ROW_IDS.map(() => make('div', 'cal-week'));
    for (const node of [head, ...cells]) {
      node.style.left = left;
      node.setAttribute('aria-colindex', column);
    }
    for (const cell of cells) cell.setAttribute('role', 'gridcell');
    this.#mounted.set(week, { head, cells, drawn: [] });
    this.#showState(week);
    putInOrder(this.#headTrack, head);
    cells.forEach((cell, row) => {
      const track = this.#rows[row]?.track;
      if (track) putInOrder(track, cell);
    });
    return true;
  }

  #unmountWeek(week: number): void {
    const mounted = this.#mounted.get(week);
    if (!mounted) return;
    mounted.head.remove();
    for (const cell of mounted.cells) cell.remove();
    this.#mounted.delete(week);
    this.#lendTabStop();
  }

  #showState(week: number): void {
    const mounted = this.#mounted.get(week);
    const state = this.#model.stateOf(week);
    if (!mounted || mounted.head.dataset.state === state) return;
    for (const node of [mounted.head, ...mounted.cells]) node.dataset.state = state;
    mounted.drawn = [];
    mounted.cells[0]?.replaceChildren();
  }

  #fillWeek(week: number): void {
    const mounted = this.#mounted.get(week);
    if (!mounted) return;
    this.#showState(week);
    for (let row = 0; row < ROW_IDS.length; row += 1) this.#fillRow(week, row);
    if (this.#model.stateOf(week) === 'failed' && !mounted.cells[0]?.querySelector('.cal-failed')) this.#offerRetry(mounted, week);
  }

  /* Only where something else is to be seen. */
  #fillRow(week: number, row: number): void {
    const mounted = this.#mounted.get(week);
    const cell = mounted?.cells[row];
    const places = this.#model.places(week, this.zoom)[row];
    if (!mounted || !cell || !places) return;
    const before = mounted.drawn[row];
    mounted.drawn[row] = places;
    if (before && areSame(before, places)) {
      places.forEach((place, index) => {
        const node = cell.children[index];
        if (node) this.#places.set(node, place);
      });
      return;
    }
    const focused = cell.contains(document.activeElement);
    let current: HTMLElement | undefined;
    cell.replaceChildren(...places.map((place) => {
      const node = this.#painter.mark(place, this.#isSelected(place.mark));
      this.#places.set(node, place);
      if (this.#isCurrent(place)) current = node;
      return node;
    }));
    if (current) this.#takeTabStop(current);
    else this.#lendTabStop();
    if (focused && this.#position) this.focusPlace(this.#position, false);
  }

  #isCurrent(place: Place): boolean {
    return this.#position !== undefined && isSame(place, this.#position);
  }
  #isSelected(mark: Mark): boolean {
    return this.#selected !== '' && this.#selected === `${mark.row} ${mark.day} ${mark.facility}`;
  }

  #offerRetry(mounted: MountedWeek, week: number): void {
    const button = make('button', 'cal-failed', t('app.retry'));
    button.type = 'button';
    button.title = t('cal.week_failed');
    button.addEventListener('click', () => this.#events.retry(week));
    mounted.cells[0]?.append(button);
  }

  // ---- bars ----

  #drawBars(view: View): void {
    const from = firstDayOf(view.first - 2);
    const to = firstDayOf(view.last + 3);
    const wanted = new Set<string>();
    for (const span of this.#model.spans()) {
      if (span.end < from || span.from > to) continue;
      wanted.add(span.entry);
      this.#drawBar(span);
    }
    for (const [entry, bar] of this.#bars) {
      if (wanted.has(entry) || bar.contains(document.activeElement)) continue;
      bar.remove();
      this.#bars.delete(entry);
    }
  }

  #drawBar(span: PlacedSpan): void {
    const old = this.#bars.get(span.entry);
    const cell = old ?? make('div', 'cal-barcell');
    const left = Math.max(0, this.#x(Math.max(span.from, firstDayOf(this.#bounds.first))));
    const until = this.#x(Math.min(span.end, firstDayOf(this.#bounds.last) + 6)) + this.#dayWidth;
    const place = [left, Math.max(until - left, this.#dayWidth), this.#padding / 2 + span.line * LINE].join(' ');
    if (cell.dataset.at !== place) {
      cell.dataset.at = place;
      [cell.style.left, cell.style.width, cell.style.top] = place.split(' ').map((pixels) => `${pixels}px`) as [string, string, string];
      cell.setAttribute('aria-colindex', String(Math.max(2, weekOf(span.from) - this.#bounds.first + 2)));
    }
    const signature = JSON.stringify([span.entry, span.from, span.to, span.title, span.flags, span.isOpen, span.line]);
    if (old && old.dataset.is === signature) return;
    cell.dataset.is = signature;
    cell.setAttribute('role', 'gridcell');
    const at: Place = {
      kind: 'mark', row: span.row, day: span.from, line: span.line, others: [], mark: { ...span, day: span.from, count: 1 },
    };
    const button = this.#painter.bar(span);
    if (this.#isCurrent(at)) this.#takeTabStop(button);
    this.#places.set(button, at);
    cell.replaceChildren(button);
    this.#bars.set(span.entry, cell);
    const track = this.#rows[span.row]?.track;
    if (!old && track) putInOrder(track, cell);
  }

  // ---- row states ----

  #drawGaps(): void {
    this.#rows.forEach(({ gaps, head }, row) => {
      const missing = this.#model.gaps(row);
      head.classList.toggle('has-gaps', missing.length > 0);
      gaps.hidden = missing.length === 0;
      const nameOf = (id: string) => this.#model.facilities.get(id)?.name ?? '';
      const words = missing.map(({ facility, state, since }) => gapWords(nameOf(facility), state, since));
      const worst = missing.some(({ state }) => state === 'behind') ? 'behind' : (missing[0]?.state ?? '');
      gaps.replaceChildren(...(missing.length > GAPS_MAX ? [gapChip(worst, String(missing.length))] : missing.map(
        ({ facility, state }) => gapChip(state, this.#model.facilities.get(facility)?.letter ?? '?'),
      )));
      gaps.setAttribute('aria-label', words.join('、'));
      gaps.title = words.join('\n');
      for (const sentence of words) this.#tell(sentence);
    });
  }

  /* Once, to those who listen: what a row lacks. */
  #tell(sentence: string): void {
    if (this.#told.has(sentence)) return;
    this.#told.add(sentence);
    this.#said.append(make('p', '', sentence));
  }

  #drawYear(view: View): void {
    const node = this.#head.querySelector('.cal-year');
    if (!node) return;
    const middle = dayText(firstDayOf(view.last));
    const label = this.#language === 'ja' ? `${middle.slice(0, 4)}年\n${eraYear(middle)}` : middle.slice(0, 4);
    if (node.textContent !== label) node.textContent = label;
  }

  // ---- moving ----

  #dayAtRight(): number {
    return this.#bounds.first + (this.#left + this.#innerWidth) / this.#weekWidth;
  }
  #keepRight(week: number): void {
    const left = (week - this.#bounds.first) * this.#weekWidth - this.#innerWidth;
    if (Math.abs(left - this.#left) >= 1) this.#scrollTo(left);
  }
  /* As far as it can be. */
  #scrollTo(left: number): void {
    this.#scroll.scrollLeft = left;
    this.#left = this.#scroll.scrollLeft;
  }

  #keepStart(): void {
    if (this.#start === null) return this.#keepRight(weekOf(this.#model.today) + 1);
    this.#scrollTo((this.#start / 7 - firstDayOf(this.#bounds.first) / 7) * this.#weekWidth);
  }
  /** The day at the left edge; none while the week of today is at the right one. */
  get from(): number | null {
    if (Math.abs(this.#dayAtRight() - weekOf(this.#model.today) - 1) * this.#weekWidth < 2) return null;
    return firstDayOf(this.#bounds.first) + Math.round((this.#left / this.#weekWidth) * 7);
  }
  /** To where `from` was that day. */
  moveTo(from: number | null): void {
    this.#start = from;
    this.#keepStart();
    this.#plan();
  }

  /** Puts a day's week at the right edge. */
  scrollToDay(day: number): void {
    this.#keepRight(weekOf(day) + 1);
    this.#plan();
  }
  scrollByWeeks(count: number): void {
    const step = this.zoom === 'day' ? Math.sign(count) : this.zoom === 'month' ? count * 3 : count;
    const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.#scroll.scrollBy({ left: step * this.#weekWidth, behavior: isStill ? 'instant' : 'smooth' });
  }

  /** Marks what the panel shows, and brings it into view. */
  select(row: number, day: number, facility: string): void {
    const at = this.zoom === 'month' ? firstDayOf(weekOf(day)) : day;
    this.#setSelected(`${row} ${at} ${facility}`);
    const place = this.#model.order(row, this.zoom).find((p) => p.day === at && p.mark.facility === facility);
    if (!place) return;
    this.#position = place;
    this.#reveal(place);
    this.#settleFocus();
  }
  unselect(): void {
    this.#setSelected('');
  }
  #setSelected(key: string): void {
    if (key === this.#selected) return;
    this.#selected = key;
    for (const node of this.#canvas.querySelectorAll('.m:not(.more)')) {
      const place = this.#places.get(node);
      if (place) node.classList.toggle('sel', this.#isSelected(place.mark));
    }
  }

  #reveal(place: Place): void {
    const left = this.#x(place.day);
    const width = this.#innerWidth;
    const { scrollLeft } = this.#scroll;
    const margin = Math.min(this.#dayWidth * 2, width / 4);
    const right = left + this.#dayWidth;
    if (left < scrollLeft - width || right > scrollLeft + 2 * width) this.#scrollTo(left - width * 0.6);
    else if (left < scrollLeft) this.#scrollTo(left - margin);
    else if (right > scrollLeft + width) this.#scrollTo(right + margin - width);
    const row = this.#rows[place.row]?.row;
    if (row) {
      const top = row.offsetTop - this.#size.top;
      if (top < this.#scroll.scrollTop) this.#scroll.scrollTop = top;
      const bottom = row.offsetTop + row.offsetHeight - this.#size.height;
      if (bottom > this.#scroll.scrollTop) this.#scroll.scrollTop = bottom;
    }
    this.#plan();
    this.#mountWeek(weekOf(place.day));
  }

  #nodeOf(place: Place): HTMLElement | undefined {
    const bar = this.#bars.get(place.mark.entry)?.querySelector('button');
    if (bar) return bar;
    const cell = this.#mounted.get(weekOf(place.day))?.cells[place.row];
    for (const node of cell?.children ?? []) {
      const at = this.#places.get(node);
      if (at && isSame(at, place)) return node as HTMLElement;
    }
    return undefined;
  }

  focusPlace(place: Place, isMoving = true): void {
    this.#position = place;
    if (isMoving) this.#reveal(place);
    this.#nodeOf(place)?.focus({ preventScroll: true });
  }

  focusBack(): void {
    if (this.#position) this.focusPlace(this.#position);
  }

  /* One tab stop: the place where the person was, else the newest mark in view. */
  #settleFocus(): void {
    if (!this.#position || !this.#model.has(this.#position, this.zoom)) {
      this.#position = this.#model.lastUpTo(this.#view().last, this.zoom);
    }
    if (!this.#position) return;
    const node = this.#nodeOf(this.#position);
    if (node) this.#takeTabStop(node);
    else this.#lendTabStop();
  }

  /* The place where the person was, or its stand-in, went out of the document: Tab still leads
   * into the grid. */
  #lendTabStop(): void {
    if (this.#stop?.isConnected) return;
    const place = this.#model.lastUpTo(this.#view().last, this.#painter.zoom);
    this.#takeTabStop((place && this.#nodeOf(place)) ?? this.#canvas.querySelector<HTMLElement>('.m, .bar') ?? undefined);
  }

  #takeTabStop(node: HTMLElement | undefined): void {
    if (this.#stop) this.#stop.tabIndex = -1;
    if (node) node.tabIndex = 0;
    this.#stop = node;
  }

  goToday(): void {
    this.scrollToDay(this.#model.today);
    const row = this.#position?.row ?? 0;
    const place = nearest(this.#model.order(row, this.zoom), this.#model.today);
    if (place && this.#canvas.contains(document.activeElement)) this.focusPlace(place);
  }

  goToMark(mark: Mark): void {
    const day = this.zoom === 'month' ? firstDayOf(weekOf(mark.day)) : mark.day;
    const place = this.#model.order(mark.row, this.zoom).find((p) => p.day === day && p.mark.facility === mark.facility)
      ?? nearest(this.#model.order(mark.row, this.zoom), day);
    if (place) this.focusPlace(place);
  }

  readonly #onFocus = (event: FocusEvent): void => {
    const target = event.target as HTMLElement;
    const place = this.#places.get(target);
    if (!place) return;
    this.#position = place;
    this.#takeTabStop(target);
    if (target.matches(':focus-visible')) this.#tooltip?.show(target, () => this.#painter.tooltip(place), 300);
  };

  readonly #onPointer = (event: PointerEvent): void => {
    if (event.pointerType === 'touch') return;
    // drawing again under a resting pointer is no hovering
    if (event.clientX === this.#clickedAt[0] && event.clientY === this.#clickedAt[1]) return;
    const target = (event.target as Element).closest<HTMLElement>('.m, .bar');
    const place = target ? this.#places.get(target) : undefined;
    if (target && place) this.#tooltip?.show(target, () => this.#painter.tooltip(place), 300);
    else this.#tooltip?.leave();
  };

  readonly #onClick = (event: MouseEvent): void => {
    const target = (event.target as Element).closest<HTMLElement>('.m, .bar');
    const place = target ? this.#places.get(target) : undefined;
    if (!target || !place) return;
    this.#tooltip?.hide();
    this.#clickedAt = [event.clientX, event.clientY];
    this.#position = place;
    if (place.kind === 'more') this.#events.more(place, target);
    else this.#events.open(place.mark, target);
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    const command = commandOf(event, this.#events.hasLetters());
    if (!command || command.do === 'open') return;
    if (command.do === 'close' && this.#tooltip?.hide()) return;
    const isMove = ['move', 'line', 'weeks', 'end'].includes(command.do);
    if (isMove && !this.#places.has(event.target as Element)) return;
    event.preventDefault();
    switch (command.do) {
      case 'today': return this.goToday();
      case 'facilities': return this.#events.facilities();
      case 'help': return this.#events.help();
      case 'find': return this.#events.find();
      case 'close': return this.#events.close();
      default: return this.#go(command);
    }
  };

  #go(command: Command): void {
    if (this.#steer) this.#steer(command, this);
    else void this.#prepare().then(() => this.#steer?.(command, this));
  }

  // ---- what steering needs ----

  get at(): Place | undefined {
    return this.#position;
  }
  order(row: number): Place[] {
    return this.#model.order(row, this.zoom);
  }
  get rows(): readonly number[] {
    return this.#order;
  }
  get today(): number {
    return this.#model.today;
  }
  focusRowName(row: number): void {
    this.#rows[row]?.head.querySelector('button')?.focus();
  }
  needBefore(day: number): void {
    this.#events.need(this.#bounds.first, weekOf(day) - 1);
  }
}

/* Cells stand in the document as they stand in the row, so that they are read in that order. */
function putInOrder(track: HTMLElement, cell: HTMLElement): void {
  const column = Number(cell.getAttribute('aria-colindex'));
  let after = track.lastElementChild;
  while (after && Number(after.getAttribute('aria-colindex')) > column) after = after.previousElementSibling;
  if (after) after.after(cell);
  else track.prepend(cell);
}

function gapChip(state: string, text: string): HTMLElement {
  const chip = make('span', `gap ${state}`);
  const letter = make('b', '');
  letter.dataset.text = text;
  chip.setAttribute('aria-hidden', 'true');
  chip.append(letter);
  return chip;
}

function areSame(before: Place[], now: Place[]): boolean {
  if (before === now) return true;
  return before.length === now.length && before.every((a, index) => {
    const b = now[index];
    return b !== undefined && isSame(a, b) && a.others.length === b.others.length && a.mark.count === b.mark.count &&
      a.mark.flags === b.mark.flags && a.mark.entry === b.mark.entry && a.mark.title === b.mark.title;
  });
}
