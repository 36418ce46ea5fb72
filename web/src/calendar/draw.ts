// SPDX-License-Identifier: Apache-2.0
/* The nodes of the calendar: week headings, marks, bars, and how each is read out. Nodes, never
 * strings (Trusted Types). A mark is one element: letter and count are drawn by the style sheet,
 * since the button's name says both in words. */
import { t, word } from '../i18n/t.ts';
import { dayParts, eraYear, dayText } from '../i18n/wareki.ts';
import { holidayOn } from './holidays.ts';
import {
  ABNORMAL, Flag, ROW_IDS, firstDayOf, weekOf, type CalendarModel, type Place, type PlacedSpan, type Zoom,
} from './model.ts';
import type { TooltipContent } from './tooltip.ts';
import { HOLIDAY, OF_SOME, WEEKDAYS, dayLabel, flagWords, holidayName } from './words.ts';

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K, className: string, text?: string,
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

/* Text that the button's name says already. */
function unread(node: HTMLElement, text: string): HTMLElement {
  if (text) node.dataset.text = text;
  node.setAttribute('aria-hidden', 'true');
  return node;
}

export class Painter {
  zoom: Zoom = 'week';
  readonly #model: CalendarModel;
  readonly #language: 'ja' | 'en';
  readonly #labels = new Map<number, string>();

  constructor(model: CalendarModel, language: 'ja' | 'en') {
    this.#model = model;
    this.#language = language;
  }

  /** Columns of a week: its days, or one in a month's zoom. */
  column(day: number): number {
    return this.zoom === 'month' ? 0 : day - firstDayOf(weekOf(day));
  }

  #labelOf(day: number): string {
    let label = this.#labels.get(day);
    if (label === undefined) {
      label = dayLabel(day, this.#language);
      this.#labels.set(day, label);
    }
    return label;
  }

  weekHead(week: number, dayWidth: number): HTMLElement {
    const head = make('div', 'cal-weekhead');
    head.setAttribute('role', 'columnheader');
    const from = firstDayOf(week);
    const days = Array.from({ length: 7 }, (_, index) => from + index);
    head.append(make('span', 'sr', t('cal.week_label', {
      from: this.#labelOf(from), to: this.#labelOf(from + 6),
    })));
    const firstOfMonth = days.find((day) => dayParts(day).day === 1);
    const shown = dayParts(firstOfMonth ?? from);
    const isNewYear = firstOfMonth !== undefined && shown.month === 1;
    // the label of a month's first day may reach into the next week
    const isNearFirst = firstOfMonth === undefined && dayParts(from).day <= 7;
    if (!isNearFirst) {
      const label = make('span', `cal-monthname${firstOfMonth !== undefined ? ' first' : ''}`);
      label.setAttribute('aria-hidden', 'true');
      label.textContent = this.#monthName(shown.year, shown.month, isNewYear, firstOfMonth);
      head.append(label);
    }
    if (firstOfMonth !== undefined) {
      head.classList.add('has-first');
      head.style.setProperty('--first', `${this.column(firstOfMonth) * dayWidth}px`);
    }
    if (this.zoom === 'month') {
      const date = make('span', 'cal-date d0', String(dayParts(from).day));
      date.setAttribute('aria-hidden', 'true');
      head.append(date);
      if (weekOf(this.#model.today) === week) date.classList.add('today');
      return head;
    }
    days.forEach((day, index) => head.append(this.#drawDate(day, index)));
    return head;
  }

  #monthName(year: number, month: number, isNewYear: boolean, first: number | undefined): string {
    const words = this.#language === 'ja' ? `${month}月` : new Intl.DateTimeFormat('en', { month: 'short', timeZone: 'UTC' }).format(Date.UTC(2000, month - 1, 1));
    if (this.zoom === 'month') return first === undefined ? '' : isNewYear ? `${year}` : words;
    if (!isNewYear || first === undefined) return words;
    return this.#language === 'ja' ? `${year}年（${eraYear(dayText(first))}）${month}月` : `${words} ${year}`;
  }

  #drawDate(day: number, index: number): HTMLElement {
    const { year, day: date } = dayParts(day);
    const holiday = holidayOn(day, year);
    const kind = holiday || index === 6 ? 'sun' : index === 5 ? 'sat' : '';
    const node = make('span', `cal-date d${index} ${kind}`);
    node.setAttribute('aria-hidden', 'true');
    if (holiday) node.title = holidayName(holiday, this.#language);
    if (day === this.#model.today) node.classList.add('today');
    node.append(
      make('b', '', String(date)),
      make('i', '', holiday ? HOLIDAY[this.#language] : (WEEKDAYS[this.#language][index] ?? '')),
    );
    return node;
  }

  mark(place: Place, isSelected: boolean): HTMLElement {
    const { mark } = place;
    const node = make('button', this.#classOf(place, isSelected));
    node.type = 'button';
    node.tabIndex = -1;
    node.setAttribute('aria-label', this.nameOf(place));
    if (place.kind === 'more') {
      node.dataset.text = t('cal.more', { n: place.others.length });
      return node;
    }
    node.dataset.text = this.#model.facilities.get(mark.facility)?.letter ?? '?';
    if (mark.count > 1) node.dataset.count = mark.count > 9 ? '9+' : String(mark.count);
    const sign = signOf(mark.flags);
    if (sign) node.append(unread(make('i', `m-sign ${sign}`), SIGNS[sign]));
    if (this.zoom === 'day') node.append(unread(make('span', 'm-title'), mark.title));
    return node;
  }

  #classOf({ kind, mark, day, line }: Place, isSelected: boolean): string {
    const at = `d${this.column(day)} l${line}`;
    if (kind === 'more') return `m more ${at}`;
    const flags = mark.count > 1 ? mark.flags & ~OF_SOME : mark.flags;
    const slot = this.#model.facilities.get(mark.facility)?.slot ?? 10;
    const signs = [
      flags & Flag.New && 'new', flags & ABNORMAL && 'abn',
      flags & Flag.Urgent && 'urg', flags & Flag.Cancelled && 'can', flags & (Flag.Planned | Flag.Ordered) && 'pln',
      flags & Flag.Incomplete && 'inc', flags & Flag.Image && 'img', flags & Flag.Waveform && 'wav',
      mark.count > 1 && 'many', isSelected && 'sel',
    ].filter(Boolean);
    return `m s${slot} ${at} ${signs.join(' ')}`;
  }

  /** "9月3日(木) 処方 りんどう市立病院 2件 新着" */
  nameOf({ kind, mark, day, row, others }: Place): string {
    const at = this.zoom === 'month'
      ? t('cal.week_label', { from: this.#labelOf(day), to: this.#labelOf(day + 6) })
      : this.#labelOf(day);
    const rowWord = word('row', ROW_IDS[row] ?? '');
    if (kind === 'more') return t('cal.more.label', { day: at, row: rowWord, n: others.length });
    const name = t('cal.mark', {
      day: at, row: rowWord, facility: this.#model.facilities.get(mark.facility)?.name ?? '', n: mark.count,
    });
    const flags = flagWords(mark.flags, mark.count);
    return flags.length > 0 ? t('cal.mark.flags', { mark: name, flags: flags.join(' ') }) : name;
  }

  bar(span: PlacedSpan): HTMLElement {
    const facility = this.#model.facilities.get(span.facility);
    const signs = [span.isOpen && 'open', span.flags & Flag.New && 'new', span.flags & Flag.Planned && 'pln'].filter(Boolean);
    const button = make('button', `bar s${facility?.slot ?? 10} ${signs.join(' ')}`);
    button.type = 'button';
    button.tabIndex = -1;
    button.setAttribute('aria-label', t('cal.span', {
      row: word('row', ROW_IDS[span.row] ?? ''), facility: facility?.name ?? '', title: span.title,
      from: this.#labelOf(span.from), to: span.to === null ? t('cal.span.open') : this.#labelOf(span.to),
    }));
    const label = make('span', 'bar-label');
    label.append(unread(make('b', ''), facility?.letter ?? '?'), unread(make('span', ''), span.title));
    label.setAttribute('aria-hidden', 'true');
    button.append(label);
    return button;
  }

  /** The first three lines of what is behind a mark. */
  tooltip(place: Place): TooltipContent {
    const marks = place.kind === 'more' ? place.others : [place.mark];
    const head = this.nameOf(place);
    return {
      head,
      lines: marks.slice(0, 3).map((mark) => {
        const facility = this.#model.facilities.get(mark.facility);
        return {
          slot: facility?.slot ?? 10, letter: facility?.letter ?? '?', text: mark.title,
          note: [mark.count > 1 ? t('cal.count', { n: mark.count }) : '', ...flagWords(mark.flags, mark.count)].filter(Boolean).join(' '),
        };
      }),
    };
  }
}

const SIGNS = { high: '▲', low: '▼', both: '▲▼' };
function signOf(flags: number): keyof typeof SIGNS | undefined {
  const isHigh = (flags & Flag.High) !== 0;
  const isLow = (flags & Flag.Low) !== 0;
  if (isHigh && isLow) return 'both';
  return isHigh ? 'high' : isLow ? 'low' : undefined;
}
