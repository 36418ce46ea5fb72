// SPDX-License-Identifier: Apache-2.0
/* Draws a CalendarModel: row-major, sticky header row and first column, only the weeks in view
 * and two beside them in the document. Nodes, never strings (Trusted Types); places by class or
 * through the CSSOM, never by style attributes (content security policy). */
import { t, word } from '../i18n/t.ts';
import { dayParts, eraYear, dayText } from '../i18n/wareki.ts';
import { holidayOn } from './holidays.ts';
import { commandOf } from './keys.ts';
import {
  ABNORMAL, Flag, ROW_IDS, firstDayOf, weekOf,
  type CalendarModel, type Mark, type Place, type PlacedSpan, type Zoom,
} from './model.ts';
import { MountQueue, planMount, type View } from './mount.ts';
import { Tooltip } from './tooltip.ts';
import { HOLIDAY, OF_SOME, WEEKDAYS, dayLabel, flagWords, gapWords } from './words.ts';

const DAY_WIDTHS: Record<Zoom, number> = { day: 76, week: 24, month: 32 };
const LINE = 26;
const ROW_PADDING = 10;
const ROW_GROWTH_MAX = 16;
const MIN_WEEKS = 12;

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
  close: () => void;
  hasLetters: () => boolean;
}

interface MountedWeek {
  head: HTMLElement;
  cells: HTMLElement[];
  signature: string;
}

function make<K extends keyof HTMLElementTagNameMap>(
  tag: K, className: string, text?: string,
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

export class CalendarGrid {
  zoom: Zoom = 'week';
  private readonly host: HTMLElement;
  private readonly model: CalendarModel;
  private readonly events: GridEvents;
  private readonly language: 'ja' | 'en';
  private readonly scroll = make('div', 'cal-scroll');
  private readonly canvas = make('div', 'cal-canvas');
  private readonly head = make('div', 'cal-head');
  private readonly headTrack = make('div', 'cal-track');
  private readonly rows: { row: HTMLElement; head: HTMLElement; gaps: HTMLElement; track: HTMLElement }[] = [];
  private readonly mounted = new Map<number, MountedWeek>();
  private readonly bars = new Map<string, HTMLElement>();
  private readonly places = new WeakMap<Element, Place>();
  private readonly queue: MountQueue;
  private readonly tooltip: Tooltip;
  private readonly resize: ResizeObserver;
  private bounds: View = { first: 0, last: 0 };
  private position: Place | undefined;
  private selected = '';
  private ticking = false;
  private lineCounts: number[] = [];
  private isFirst = true;
  private padding = ROW_PADDING;
  private clickedAt: [number, number] = [-1, -1];

  constructor(host: HTMLElement, model: CalendarModel, events: GridEvents, label: string, language: 'ja' | 'en') {
    this.host = host;
    this.model = model;
    this.events = events;
    this.language = language;
    this.tooltip = new Tooltip(host);
    this.queue = new MountQueue(
      { request: (work) => requestAnimationFrame(work), cancel: (handle) => cancelAnimationFrame(handle) },
      (week) => this.mountWeek(week),
      (week) => this.unmountWeek(week),
    );
    this.build(label);
    this.scroll.addEventListener('scroll', this.onScroll, { passive: true });
    this.canvas.addEventListener('click', this.onClick);
    this.canvas.addEventListener('keydown', this.onKey);
    this.canvas.addEventListener('focusin', this.onFocus);
    this.canvas.addEventListener('focusout', () => this.tooltip.hide());
    this.canvas.addEventListener('pointerover', this.onPointer);
    this.canvas.addEventListener('pointerleave', () => this.tooltip.leave());
    this.resize = new ResizeObserver(() => this.onResize());
    this.resize.observe(this.scroll);
  }

  destroy(): void {
    this.queue.stop();
    this.resize.disconnect();
    this.tooltip.destroy();
    this.scroll.remove();
  }

  private build(label: string): void {
    this.canvas.setAttribute('role', 'grid');
    this.canvas.setAttribute('aria-label', label);
    this.canvas.setAttribute('aria-rowcount', String(ROW_IDS.length + 1));
    this.head.setAttribute('role', 'row');
    const corner = make('div', 'cal-corner');
    corner.setAttribute('role', 'columnheader');
    corner.append(make('span', 'sr', t('cal.rows')), make('span', 'cal-year'));
    this.head.append(corner, this.headTrack);
    this.canvas.append(this.head);
    ROW_IDS.forEach((id, index) => {
      const row = make('div', 'cal-row');
      row.setAttribute('role', 'row');
      row.setAttribute('aria-rowindex', String(index + 2));
      const head = make('div', 'cal-rowhead');
      head.setAttribute('role', 'rowheader');
      const button = make('button', 'cal-rowname', word('row', id));
      button.type = 'button';
      button.addEventListener('click', () => this.events.row(index));
      const gaps = make('button', 'cal-gaps');
      gaps.type = 'button';
      gaps.addEventListener('click', () => this.events.why());
      head.append(button, gaps);
      const track = make('div', 'cal-track');
      row.append(head, track);
      this.canvas.append(row);
      this.rows.push({ row, head, gaps, track });
    });
    this.scroll.append(this.canvas);
    this.host.append(this.scroll);
  }

  private get dayWidth(): number {
    return DAY_WIDTHS[this.zoom];
  }
  private get weekWidth(): number {
    return this.zoom === 'month' ? this.dayWidth : this.dayWidth * 7;
  }
  private get headWidth(): number {
    return this.rows[0]?.head.offsetWidth ?? 112;
  }
  private column(day: number): number {
    return this.zoom === 'month' ? 0 : day - firstDayOf(weekOf(day));
  }
  private x(day: number): number {
    return (weekOf(day) - this.bounds.first) * this.weekWidth + this.column(day) * this.dayWidth;
  }

  /** Draws again after the model or the filter changed; what did not change is left alone. */
  update(): void {
    const anchor = this.isFirst ? undefined : this.dayAtRight();
    this.measure();
    for (const week of this.mounted.keys()) this.fillWeek(week);
    this.drawBars();
    this.drawGaps();
    if (this.isFirst) {
      this.isFirst = false;
      this.scrollToDay(this.model.today);
    } else if (anchor !== undefined) this.keepRight(anchor);
    this.plan();
    this.settleFocus();
  }

  setZoom(zoom: Zoom): void {
    if (zoom === this.zoom) return;
    const anchor = this.dayAtRight();
    this.zoom = zoom;
    for (const week of [...this.mounted.keys()]) this.unmountWeek(week);
    for (const bar of this.bars.values()) bar.remove();
    this.bars.clear();
    this.measure();
    this.keepRight(anchor);
    this.drawBars();
    this.mountVisible();
    this.plan();
    this.settleFocus();
  }

  private measure(): void {
    const { model } = this;
    const newest = Math.max(model.today, model.lastDay);
    const oldest = model.firstDay ?? model.today;
    const last = weekOf(newest);
    this.bounds = { first: Math.min(weekOf(oldest), last - MIN_WEEKS + 1), last };
    const count = last - this.bounds.first + 1;
    this.canvas.dataset.zoom = this.zoom;
    this.canvas.setAttribute('aria-colcount', String(count + 1));
    this.canvas.style.setProperty('--week', `${this.weekWidth}px`);
    this.canvas.style.setProperty('--day', `${this.dayWidth}px`);
    this.canvas.style.setProperty('--track', `${count * this.weekWidth}px`);
    const todayX = this.x(model.today);
    this.canvas.style.setProperty('--today', `${todayX}px`);
    this.lineCounts = model.lines(this.zoom);
    this.measureRows();
    for (const [week, { head, cells }] of this.mounted) {
      const left = `${(week - this.bounds.first) * this.weekWidth}px`;
      for (const node of [head, ...cells]) node.style.left = left;
    }
  }

  /* Rows share the height that is free, so that a short calendar is easier to hit. */
  private measureRows(): void {
    const least = this.lineCounts.reduce((sum, lines) => sum + lines * LINE + ROW_PADDING + 1, this.head.offsetHeight);
    const free = Math.floor((this.scroll.clientHeight - least - 2) / ROW_IDS.length);
    this.padding = ROW_PADDING + Math.min(Math.max(free, 0), ROW_GROWTH_MAX);
    this.canvas.style.setProperty('--pad', `${this.padding / 2}px`);
    this.rows.forEach(({ row }, index) => {
      row.style.height = `${(this.lineCounts[index] ?? 1) * LINE + this.padding}px`;
    });
  }

  private view(): View {
    const left = this.scroll.scrollLeft;
    const width = Math.max(0, this.scroll.clientWidth - this.headWidth);
    const first = this.bounds.first + Math.floor(left / this.weekWidth);
    const last = this.bounds.first + Math.floor((left + width - 1) / this.weekWidth);
    return { first: Math.max(first, this.bounds.first), last: Math.min(last, this.bounds.last) };
  }

  private readonly onScroll = (): void => {
    this.tooltip.hide();
    if (this.ticking) return;
    this.ticking = true;
    requestAnimationFrame(() => {
      this.ticking = false;
      this.plan();
    });
  };

  private lastWidth = 0;
  private onResize(): void {
    const width = this.scroll.clientWidth;
    if (width === 0 || this.lineCounts.length === 0) return;
    this.measureRows();
    const before = this.lastWidth;
    this.lastWidth = width;
    if (before === 0) this.scrollToDay(this.model.today);
    // the panel beside must not hide the mark that it shows
    else if (this.selected !== '' && this.position) this.reveal(this.position);
    else this.plan();
  }

  private plan(): void {
    const view = this.view();
    this.queue.take(planMount(view, this.bounds, this.mounted.keys(), this.focusedWeek()));
    this.drawBars();
    this.drawYear(view);
    this.events.view(firstDayOf(view.first), firstDayOf(view.last) + 6);
    this.need(view);
  }

  private mountVisible(): void {
    const view = this.view();
    for (let week = view.first; week <= view.last; week += 1) {
      if (!this.mounted.has(week)) this.mountWeek(week);
    }
  }

  private need(view: View): void {
    const from = Math.max(this.bounds.first, view.first - 4);
    const to = Math.min(this.bounds.last, view.last + 2);
    let first: number | undefined;
    let last = 0;
    for (let week = from; week <= to; week += 1) {
      if (this.model.stateOf(week) !== 'absent') continue;
      first ??= week;
      last = week;
    }
    if (first !== undefined) this.events.need(first, last);
  }

  private focusedWeek(): number | undefined {
    const place = document.activeElement ? this.places.get(document.activeElement) : undefined;
    return place ? weekOf(place.day) : undefined;
  }

  // ---- weeks ----

  private mountWeek(week: number): void {
    if (this.mounted.has(week) || week < this.bounds.first || week > this.bounds.last) return;
    const left = `${(week - this.bounds.first) * this.weekWidth}px`;
    const column = String(week - this.bounds.first + 2);
    const head = this.drawWeekHead(week);
    const cells = ROW_IDS.map(() => make('div', 'cal-week'));
    for (const node of [head, ...cells]) {
      node.style.left = left;
      node.setAttribute('aria-colindex', column);
    }
    for (const cell of cells) cell.setAttribute('role', 'gridcell');
    this.mounted.set(week, { head, cells, signature: '' });
    this.fillWeek(week);
    this.headTrack.append(head);
    cells.forEach((cell, row) => this.rows[row]?.track.append(cell));
  }

  private unmountWeek(week: number): void {
    const mounted = this.mounted.get(week);
    if (!mounted) return;
    mounted.head.remove();
    for (const cell of mounted.cells) cell.remove();
    this.mounted.delete(week);
  }

  private drawWeekHead(week: number): HTMLElement {
    const head = make('div', 'cal-weekhead');
    head.setAttribute('role', 'columnheader');
    const from = firstDayOf(week);
    const days = Array.from({ length: 7 }, (_, index) => from + index);
    head.append(make('span', 'sr', t('cal.week_label', {
      from: dayLabel(from, this.language), to: dayLabel(from + 6, this.language),
    })));
    const firstOfMonth = days.find((day) => dayParts(day).day === 1);
    const shown = dayParts(firstOfMonth ?? from);
    const isNewYear = firstOfMonth !== undefined && shown.month === 1;
    // the label of a month's first day may reach into the next week
    const isNearFirst = firstOfMonth === undefined && dayParts(from).day <= 7;
    if (!isNearFirst) {
      const label = make('span', `cal-monthname${firstOfMonth !== undefined ? ' first' : ''}`);
      label.setAttribute('aria-hidden', 'true');
      label.textContent = this.monthName(shown.year, shown.month, isNewYear, firstOfMonth);
      head.append(label);
    }
    if (firstOfMonth !== undefined) {
      head.classList.add('has-first');
      head.style.setProperty('--first', `${this.column(firstOfMonth) * this.dayWidth}px`);
    }
    if (this.zoom === 'month') {
      const date = make('span', 'cal-date d0', String(dayParts(from).day));
      date.setAttribute('aria-hidden', 'true');
      head.append(date);
      if (weekOf(this.model.today) === week) date.classList.add('today');
      return head;
    }
    days.forEach((day, index) => head.append(this.drawDate(day, index)));
    return head;
  }

  private monthName(year: number, month: number, isNewYear: boolean, first: number | undefined): string {
    const words = this.language === 'ja' ? `${month}月` : new Intl.DateTimeFormat('en', { month: 'short', timeZone: 'UTC' }).format(Date.UTC(2000, month - 1, 1));
    if (this.zoom === 'month') return first === undefined ? '' : isNewYear ? `${year}` : words;
    if (!isNewYear || first === undefined) return words;
    return this.language === 'ja' ? `${year}年（${eraYear(dayText(first))}）${month}月` : `${words} ${year}`;
  }

  private drawDate(day: number, index: number): HTMLElement {
    const { year, day: date } = dayParts(day);
    const holiday = holidayOn(day, year);
    const kind = holiday || index === 6 ? 'sun' : index === 5 ? 'sat' : '';
    const node = make('span', `cal-date d${index} ${kind}`);
    node.setAttribute('aria-hidden', 'true');
    if (holiday) node.title = holiday;
    if (day === this.model.today) node.classList.add('today');
    node.append(
      make('b', '', String(date)),
      make('i', '', holiday ? HOLIDAY[this.language] : (WEEKDAYS[this.language][index] ?? '')),
    );
    return node;
  }

  private fillWeek(week: number): void {
    const mounted = this.mounted.get(week);
    if (!mounted) return;
    const state = this.model.stateOf(week);
    const rows = this.model.places(week, this.zoom);
    const signature = JSON.stringify([state, this.selected, rows.map((places) => places.map(signatureOf))]);
    if (signature === mounted.signature) return;
    mounted.signature = signature;
    const focused = document.activeElement ? this.places.get(document.activeElement) : undefined;
    const hadFocus = focused !== undefined && weekOf(focused.day) === week;
    mounted.head.dataset.state = state;
    mounted.cells.forEach((cell, row) => {
      cell.dataset.state = state;
      const marks = (rows[row] ?? []).map((place) => this.drawPlace(place));
      cell.replaceChildren(...marks);
    });
    if (state === 'failed') this.offerRetry(mounted, week);
    if (hadFocus && this.position) this.focusPlace(this.position, false);
  }

  private offerRetry(mounted: MountedWeek, week: number): void {
    const button = make('button', 'cal-failed', t('app.retry'));
    button.type = 'button';
    button.title = t('cal.week_failed');
    button.addEventListener('click', () => this.events.retry(week));
    mounted.cells[0]?.append(button);
  }

  private drawPlace(place: Place): HTMLElement {
    const { mark } = place;
    const isCurrent = this.position !== undefined && isSame(place, this.position);
    const node = make('button', this.classOf(place));
    node.type = 'button';
    node.tabIndex = isCurrent ? 0 : -1;
    node.setAttribute('aria-label', this.nameOf(place));
    if (place.kind === 'more') node.append(hidden('span', '', t('cal.more', { n: place.others.length })));
    else {
      const facility = this.model.facilities.get(mark.facility);
      node.append(hidden('b', '', facility?.letter ?? '?'));
      if (this.zoom === 'day') node.append(hidden('span', 'm-title', mark.title));
      if (mark.count > 1) node.append(hidden('i', '', mark.count > 9 ? '9+' : String(mark.count)));
    }
    this.places.set(node, place);
    return node;
  }

  private classOf({ kind, mark, day, line }: Place): string {
    const at = `d${this.column(day)} l${line}`;
    if (kind === 'more') return `m more ${at}`;
    const flags = mark.count > 1 ? mark.flags & ~OF_SOME : mark.flags;
    const slot = this.model.facilities.get(mark.facility)?.slot ?? 10;
    const signs = [
      flags & Flag.New && 'new', flags & ABNORMAL && 'abn', flags & Flag.High && 'high', flags & Flag.Low && 'low',
      flags & Flag.Urgent && 'urg', flags & Flag.Cancelled && 'can', flags & (Flag.Planned | Flag.Ordered) && 'pln',
      flags & Flag.Incomplete && 'inc', flags & Flag.Image && 'img', flags & Flag.Waveform && 'wav',
      mark.count > 1 && 'many', this.isSelected(mark) && 'sel',
    ].filter(Boolean);
    return `m s${slot} ${at} ${signs.join(' ')}`;
  }

  private isSelected(mark: Mark): boolean {
    return this.selected !== '' && `${mark.row} ${mark.day} ${mark.facility}` === this.selected;
  }

  private nameOf({ kind, mark, day, row, others }: Place): string {
    const at = this.zoom === 'month'
      ? t('cal.week_label', { from: dayLabel(day, this.language), to: dayLabel(day + 6, this.language) })
      : dayLabel(day, this.language);
    const rowWord = word('row', ROW_IDS[row] ?? '');
    if (kind === 'more') return t('cal.more.label', { day: at, row: rowWord, n: others.length });
    const name = t('cal.mark', {
      day: at, row: rowWord, facility: this.model.facilities.get(mark.facility)?.name ?? '', n: mark.count,
    });
    const flags = flagWords(mark.flags, mark.count);
    return flags.length > 0 ? t('cal.mark.flags', { mark: name, flags: flags.join(' ') }) : name;
  }

  // ---- bars ----

  private drawBars(): void {
    const view = this.view();
    const from = firstDayOf(view.first - 2);
    const to = firstDayOf(view.last + 3);
    const wanted = new Set<string>();
    for (const span of this.model.spans()) {
      if (span.end < from || span.from > to) continue;
      wanted.add(span.entry);
      this.drawBar(span);
    }
    for (const [entry, bar] of this.bars) {
      if (wanted.has(entry) || bar.contains(document.activeElement)) continue;
      bar.remove();
      this.bars.delete(entry);
    }
  }

  private drawBar(span: PlacedSpan): void {
    const old = this.bars.get(span.entry);
    const cell = old ?? make('div', 'cal-barcell');
    const left = Math.max(0, this.x(Math.max(span.from, firstDayOf(this.bounds.first))));
    const until = this.x(Math.min(span.end, firstDayOf(this.bounds.last) + 6)) + this.dayWidth;
    cell.style.left = `${left}px`;
    cell.style.width = `${Math.max(until - left, this.dayWidth)}px`;
    cell.style.top = `${this.padding / 2 + span.line * LINE}px`;
    if (old && old.dataset.is === signatureOfSpan(span)) return;
    cell.dataset.is = signatureOfSpan(span);
    cell.setAttribute('role', 'gridcell');
    cell.setAttribute('aria-colindex', String(Math.max(2, weekOf(span.from) - this.bounds.first + 2)));
    const facility = this.model.facilities.get(span.facility);
    const button = make('button', `bar s${facility?.slot ?? 10}${span.isOpen ? ' open' : ''}${span.flags & Flag.New ? ' new' : ''}${span.flags & Flag.Planned ? ' pln' : ''}`);
    button.type = 'button';
    const place: Place = {
      kind: 'mark', row: span.row, day: span.from, line: span.line, others: [], mark: { ...span, day: span.from, count: 1 },
    };
    button.tabIndex = this.position && isSame(place, this.position) ? 0 : -1;
    button.setAttribute('aria-label', t('cal.span', {
      row: word('row', ROW_IDS[span.row] ?? ''), facility: facility?.name ?? '', title: span.title,
      from: dayLabel(span.from, this.language), to: span.to === null ? t('cal.span.open') : dayLabel(span.to, this.language),
    }));
    const label = hidden('span', 'bar-label', '');
    label.append(hidden('b', '', facility?.letter ?? '?'), hidden('span', '', span.title));
    button.append(label);
    this.places.set(button, place);
    cell.replaceChildren(button);
    this.bars.set(span.entry, cell);
    if (!old) this.rows[span.row]?.track.append(cell);
  }

  // ---- row states ----

  private drawGaps(): void {
    this.rows.forEach(({ gaps, head }, row) => {
      const missing = this.model.gaps(row);
      head.classList.toggle('has-gaps', missing.length > 0);
      gaps.hidden = missing.length === 0;
      const words: string[] = [];
      gaps.replaceChildren(...missing.map(({ facility, state, since }) => {
        const known = this.model.facilities.get(facility);
        words.push(gapWords(known?.name ?? '', state, since));
        const chip = hidden('span', `gap ${state}`, '');
        chip.append(hidden('b', `s${known?.slot ?? 10}`, known?.letter ?? '?'));
        return chip;
      }));
      gaps.setAttribute('aria-label', words.join('、'));
      gaps.title = words.join('\n');
    });
  }

  private drawYear(view: View): void {
    const node = this.head.querySelector('.cal-year');
    if (!node) return;
    const middle = dayText(firstDayOf(view.last));
    const label = this.language === 'ja' ? `${middle.slice(0, 4)}年\n${eraYear(middle)}` : middle.slice(0, 4);
    if (node.textContent !== label) node.textContent = label;
  }

  // ---- moving ----

  private dayAtRight(): number {
    const edge = this.scroll.scrollLeft + this.scroll.clientWidth - this.headWidth;
    return this.bounds.first + edge / this.weekWidth;
  }
  private keepRight(week: number): void {
    const edge = (week - this.bounds.first) * this.weekWidth;
    this.scroll.scrollLeft = edge - (this.scroll.clientWidth - this.headWidth);
  }

  /** Puts a day's week at the right edge. */
  scrollToDay(day: number): void {
    this.keepRight(weekOf(day) + 1);
    this.plan();
  }
  scrollByWeeks(count: number): void {
    const step = this.zoom === 'day' ? Math.sign(count) : this.zoom === 'month' ? count * 3 : count;
    this.scroll.scrollBy({ left: step * this.weekWidth, behavior: 'smooth' });
  }

  /** Marks what the panel shows, and brings it into view. */
  select(row: number, day: number, facility: string): void {
    const at = this.zoom === 'month' ? firstDayOf(weekOf(day)) : day;
    this.setSelected(`${row} ${at} ${facility}`);
    const place = this.model.order(row, this.zoom).find((p) => p.day === at && p.mark.facility === facility);
    if (!place) return;
    this.position = place;
    this.reveal(place);
    this.settleFocus();
  }
  unselect(): void {
    this.setSelected('');
  }
  private setSelected(key: string): void {
    if (key === this.selected) return;
    this.selected = key;
    for (const week of this.mounted.keys()) this.fillWeek(week);
  }

  private reveal(place: Place): void {
    const left = this.x(place.day);
    const width = this.scroll.clientWidth - this.headWidth;
    const { scrollLeft } = this.scroll;
    const margin = Math.min(this.dayWidth * 2, width / 4);
    const right = left + this.dayWidth;
    if (left < scrollLeft - width || right > scrollLeft + 2 * width) this.scroll.scrollLeft = left - width * 0.6;
    else if (left < scrollLeft) this.scroll.scrollLeft = left - margin;
    else if (right > scrollLeft + width) this.scroll.scrollLeft = right + margin - width;
    const row = this.rows[place.row]?.row;
    if (row) {
      const top = row.offsetTop - this.head.offsetHeight;
      if (top < this.scroll.scrollTop) this.scroll.scrollTop = top;
      const bottom = row.offsetTop + row.offsetHeight - this.scroll.clientHeight;
      if (bottom > this.scroll.scrollTop) this.scroll.scrollTop = bottom;
    }
    this.mountWeek(weekOf(place.day));
    this.plan();
  }

  private nodeOf(place: Place): HTMLElement | undefined {
    const bar = this.bars.get(place.mark.entry)?.querySelector('button');
    if (bar) return bar;
    const cell = this.mounted.get(weekOf(place.day))?.cells[place.row];
    for (const node of cell?.children ?? []) {
      const at = this.places.get(node);
      if (at && isSame(at, place)) return node as HTMLElement;
    }
    return undefined;
  }

  private focusPlace(place: Place, isMoving = true): void {
    this.position = place;
    if (isMoving) this.reveal(place);
    this.nodeOf(place)?.focus({ preventScroll: true });
  }

  focusBack(): void {
    if (this.position) this.focusPlace(this.position);
  }

  /* One tab stop: the place where the person was, else the newest mark in view. */
  private settleFocus(): void {
    const isThere = this.position &&
      this.model.order(this.position.row, this.zoom).some((place) => this.position && isSame(place, this.position));
    if (!isThere) {
      const view = this.view();
      this.position = ROW_IDS
        .flatMap((_, row) => this.model.order(row, this.zoom).filter((p) => weekOf(p.day) <= view.last).slice(-1))
        .sort((a, b) => b.day - a.day)[0];
    }
    if (!this.position) return;
    const week = weekOf(this.position.day);
    if (!this.mounted.has(week)) this.mountWeek(week);
    this.clearTabStops();
    const node = this.nodeOf(this.position);
    if (node) node.tabIndex = 0;
  }

  private clearTabStops(): void {
    for (const node of this.canvas.querySelectorAll<HTMLElement>('.m[tabindex="0"], .bar[tabindex="0"]')) {
      node.tabIndex = -1;
    }
  }

  focusRow(row: number): void {
    const order = this.model.order(row, this.zoom);
    const day = this.position?.day ?? this.model.today;
    const place = nearest(order, day);
    if (place) this.focusPlace(place);
    else this.rows[row]?.head.querySelector('button')?.focus();
  }

  goToday(): void {
    this.scrollToDay(this.model.today);
    const row = this.position?.row ?? 0;
    const place = nearest(this.model.order(row, this.zoom), this.model.today);
    if (place && this.canvas.contains(document.activeElement)) this.focusPlace(place);
  }

  goToMark(mark: Mark): void {
    const day = this.zoom === 'month' ? firstDayOf(weekOf(mark.day)) : mark.day;
    const place = this.model.order(mark.row, this.zoom).find((p) => p.day === day && p.mark.facility === mark.facility)
      ?? nearest(this.model.order(mark.row, this.zoom), day);
    if (place) this.focusPlace(place);
  }

  private readonly onFocus = (event: FocusEvent): void => {
    const target = event.target as HTMLElement;
    const place = this.places.get(target);
    if (!place) return;
    this.clearTabStops();
    this.position = place;
    target.tabIndex = 0;
    if (target.matches(':focus-visible')) this.tooltip.show(target, () => this.tooltipLines(place), 300);
  };

  private readonly onPointer = (event: PointerEvent): void => {
    if (event.pointerType === 'touch') return;
    // drawing again under a resting pointer is no hovering
    if (event.clientX === this.clickedAt[0] && event.clientY === this.clickedAt[1]) return;
    const target = (event.target as Element).closest<HTMLElement>('.m, .bar');
    const place = target ? this.places.get(target) : undefined;
    if (target && place) this.tooltip.show(target, () => this.tooltipLines(place), 300);
    else this.tooltip.leave();
  };

  private tooltipLines(place: Place): { head: string; lines: { slot: number; letter: string; text: string; note: string }[] } {
    const marks = place.kind === 'more' ? place.others : [place.mark];
    const head = this.nameOf(place);
    return {
      head,
      lines: marks.slice(0, 3).map((mark) => {
        const facility = this.model.facilities.get(mark.facility);
        return {
          slot: facility?.slot ?? 10, letter: facility?.letter ?? '?', text: mark.title,
          note: [mark.count > 1 ? t('cal.count', { n: mark.count }) : '', ...flagWords(mark.flags, mark.count)].filter(Boolean).join(' '),
        };
      }),
    };
  }

  private readonly onClick = (event: MouseEvent): void => {
    const target = (event.target as Element).closest<HTMLElement>('.m, .bar');
    const place = target ? this.places.get(target) : undefined;
    if (!target || !place) return;
    this.tooltip.hide();
    this.clickedAt = [event.clientX, event.clientY];
    this.position = place;
    if (place.kind === 'more') this.events.more(place, target);
    else this.events.open(place.mark, target);
  };

  private readonly onKey = (event: KeyboardEvent): void => {
    const command = commandOf(event, this.events.hasLetters());
    const onMark = this.places.has(event.target as Element);
    if (!command || (command.do === 'open' && onMark)) return;
    if (command.do === 'open') return;
    if (command.do === 'close' && this.tooltip.hide()) return;
    const isMove = ['move', 'line', 'weeks', 'end'].includes(command.do);
    if (isMove && !onMark) return;
    event.preventDefault();
    switch (command.do) {
      case 'move': return this.moveBy(command.by);
      case 'line': return this.moveLine(command.by);
      case 'weeks': return this.moveWeeks(command.by);
      case 'end': return this.moveEnd(command.by);
      case 'today': return this.goToday();
      case 'row': return this.focusRow(command.row);
      case 'facilities': return this.events.facilities();
      case 'help': return this.events.help();
      case 'close': return this.events.close();
    }
  };

  private moveBy(by: -1 | 1): void {
    if (!this.position) return;
    const order = this.model.order(this.position.row, this.zoom);
    const at = order.findIndex((place) => this.position && isSame(place, this.position));
    const next = order[at + by];
    if (next) this.focusPlace(next);
    else if (by < 0) this.events.need(this.bounds.first, weekOf(this.position.day) - 1);
  }
  private moveLine(by: -1 | 1): void {
    const from = this.position;
    if (!from) return;
    const sameDay = this.model.order(from.row, this.zoom).filter((place) => place.day === from.day);
    const next = sameDay[sameDay.findIndex((place) => isSame(place, from)) + by];
    if (next) return this.focusPlace(next);
    for (let row = from.row + by; row >= 0 && row < ROW_IDS.length; row += by) {
      const place = nearest(this.model.order(row, this.zoom), from.day);
      if (place) return this.focusPlace(place);
    }
  }
  private moveWeeks(by: number): void {
    if (!this.position) return;
    const place = nearest(this.model.order(this.position.row, this.zoom), this.position.day + by * 7);
    if (place) this.focusPlace(place);
  }
  private moveEnd(by: -1 | 1): void {
    if (!this.position) return;
    const place = this.model.order(this.position.row, this.zoom).at(by < 0 ? 0 : -1);
    if (place) this.focusPlace(place);
  }
}

function hidden<K extends keyof HTMLElementTagNameMap>(tag: K, className: string, text: string) {
  const node = make(tag, className);
  // drawn by the style sheet: the button's name says it in words, and has no letter in it
  if (text) node.dataset.text = text;
  node.setAttribute('aria-hidden', 'true');
  return node;
}

export function isSame(a: Place, b: Place): boolean {
  return a.row === b.row && a.day === b.day && a.kind === b.kind &&
    (a.kind === 'more' || a.mark.facility === b.mark.facility) && a.line === b.line;
}

function nearest(order: Place[], day: number): Place | undefined {
  let best: Place | undefined;
  for (const place of order) {
    if (!best || Math.abs(place.day - day) < Math.abs(best.day - day)) best = place;
  }
  return best;
}

function signatureOf({ kind, day, line, mark, others }: Place): unknown[] {
  return [kind, day, line, mark.facility, mark.count, mark.flags, mark.entry, mark.title, others.length];
}
function signatureOfSpan({ entry, from, to, title, flags, isOpen, line }: PlacedSpan): string {
  return JSON.stringify([entry, from, to, title, flags, isOpen, line]);
}
