// SPDX-License-Identifier: Apache-2.0
/* An open calendar: one decision of the gate, ranges under its handle. A handle that has run out
 * is opened again, which is a new decision. */
import { api, closeOpening, type Calendar, type EntryHead, type Freshness, type Row } from '../../api/client.ts';
import { Problem } from '../../api/problem.ts';
import { CalendarModel, firstDayOf, weekOf } from '../../calendar/model.ts';
import { dayNumber, dayText } from '../../i18n/wareki.ts';

const FIRST_WEEKS = 12;
const FUTURE_WEEKS = 4;
const CHUNK_WEEKS = 26;
/* The server answers no longer ranges at once. */
export const RANGE_WEEKS_MAX = 104;

function hasRunOut(problem: unknown): boolean {
  return problem instanceof Problem && (problem.status === 404 || problem.status === 410);
}

/** Asked of a calendar that was closed before: nothing is sent, nobody waits for it. */
export class CalendarClosed extends Error {
  constructor() {
    super('the calendar is closed');
  }
}

export class OpenCalendar {
  readonly model: CalendarModel;
  readonly #person: string;
  #handle: string | null = null; // none: it has run out, or was given back
  #isClosed = false;
  #underway = 0;

  private constructor(person: string, own: string) {
    this.#person = person;
    this.model = new CalendarModel(own);
  }

  static async open(person: string, own: string, today: string): Promise<OpenCalendar> {
    const opened = new OpenCalendar(person, own);
    const week = weekOf(dayNumber(today));
    const from = dayText(firstDayOf(week - FIRST_WEEKS + 1));
    const to = dayText(firstDayOf(week + FUTURE_WEEKS) + 6);
    opened.model.merge(await opened.#openAnew(from, to));
    return opened;
  }

  close(): void {
    this.#isClosed = true;
    this.#giveBack();
  }

  /* Behind the last that reads under the handle, or that would find nothing. */
  #giveBack(): void {
    if (!this.#isClosed || this.#underway > 0 || this.#handle === null) return;
    closeOpening(this.#handle);
    this.#handle = null;
  }

  async #while<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new CalendarClosed();
    this.#underway += 1;
    try {
      return await work();
    } finally {
      this.#underway -= 1;
      this.#giveBack();
    }
  }

  /** What is asked under the handle; `anew` when there is none any more. */
  #under<T>(ask: (handle: string) => Promise<T>, anew: () => Promise<T>): Promise<T> {
    return this.#while(async () => {
      const handle = this.#handle;
      if (handle === null) return anew();
      try {
        return await ask(handle);
      } catch (problem) {
        if (!hasRunOut(problem)) throw problem;
        if (this.#handle === handle) this.#handle = null;
        if (this.#isClosed) throw problem;
        return anew();
      }
    });
  }

  #openAnew(from: string, to: string): Promise<Calendar> {
    return this.#while(async () => {
      const answer = await api.openCalendar(this.#person, from, to);
      if (this.#handle === null) this.#handle = answer.opening;
      else closeOpening(answer.opening); // somebody else was quicker
      return answer;
    });
  }

  async #read(fromWeek: number, toWeek: number): Promise<void> {
    for (let to = toWeek; to >= fromWeek; to -= RANGE_WEEKS_MAX) {
      await this.#readRange(Math.max(fromWeek, to - RANGE_WEEKS_MAX + 1), to);
    }
  }

  async #readRange(fromWeek: number, toWeek: number): Promise<void> {
    const from = dayText(firstDayOf(fromWeek));
    const to = dayText(firstDayOf(toWeek) + 6);
    const answer = await this.#under(
      (handle) => api.calendar(handle, from, to),
      () => this.#openAnew(from, to),
    );
    if (!this.#isClosed) this.model.merge(answer);
  }

  /** Weeks that came into view, with what lies before them in the same step. */
  async load(fromWeek: number, toWeek: number, changed: () => void): Promise<void> {
    const { model } = this;
    const oldest = model.firstDay === null ? fromWeek : weekOf(model.firstDay);
    let from = Math.min(fromWeek, Math.max(oldest, toWeek - CHUNK_WEEKS + 1));
    while (from < fromWeek && model.stateOf(from) !== 'absent') from += 1;
    model.setState(from, toWeek, 'loading');
    changed();
    try {
      await this.#read(from, toWeek);
    } catch {
      model.setState(from, toWeek, 'failed');
    }
    if (!this.#isClosed) changed();
  }

  /** The same weeks again after an event; null = everything that is loaded. */
  async refresh(weeks: { from: number; to: number } | null): Promise<void> {
    const loaded = this.model.loadedRange();
    if (!loaded) return;
    const from = Math.max(weeks?.from ?? loaded.from, loaded.from);
    const to = Math.max(weeks?.to ?? loaded.to, from);
    await this.#read(from, to);
  }

  async check(): Promise<Freshness[]> {
    const ask = async (handle: string) => (await api.checkNow(handle)).facilities;
    this.model.freshness = await this.#under(ask, () => this.#again(ask));
    return this.model.freshness;
  }

  async entries(
    query: { row: Row; from: number; to: number; facility?: string; cursor?: string },
    signal?: AbortSignal,
  ): Promise<{ entries: EntryHead[]; next: string | null }> {
    const asked = { ...query, from: dayText(query.from), to: dayText(query.to) };
    const ask = (handle: string) => api.entries(handle, asked, signal);
    return this.#under(ask, () => this.#again(ask));
  }

  /* Opens anew with this week, then asks once more. */
  async #again<T>(ask: (handle: string) => Promise<T>): Promise<T> {
    const week = weekOf(this.model.today);
    await this.refresh({ from: week, to: week });
    return this.#under(ask, () => Promise.reject(new CalendarClosed()));
  }
}
