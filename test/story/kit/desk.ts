// SPDX-License-Identifier: Apache-2.0
/* A person of staff who uses the interface as the web client does. */
import { randomBytes } from 'node:crypto';
import type { components } from '../../../web/src/api/schema.d.ts';

type Schemas = components['schemas'];
export type Calendar = Schemas['Calendar'];
export type Consent = Schemas['Consent'];
export type Content = Schemas['Content'];
export type EntryHead = Schemas['EntryHead'];
export type Facility = Schemas['Facility'];
export type Link = Schemas['Link'];
export type Person = Schemas['Person'];
export type PersonSummary = Schemas['PersonSummary'];
export type Row = Schemas['Row'];
export type Session = Schemas['Session'];
export type Study = Schemas['Study'];
export interface Opened { opening: string; entry: EntryHead; previous: string | null; next: string | null }

export const ROWS: Row[] = [
  'period', 'prescription', 'injection', 'test', 'image', 'report', 'file', 'visit', 'record', 'message',
];

export interface Answer<T> { status: number; body: T; text: string; code: string }

/** A study names neither department nor author, which all orders of the storages do. */
const isStudy = ({ flags, department, author }: EntryHead): boolean => (flags & (64 | 128)) !== 0 && department === '' && author === '';

export const newKey = (): string => randomBytes(16).toString('hex');

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
};

export class Desk {
  readonly url: string;
  session: Session | undefined;
  cookie = '';
  facilities = new Map<string, Facility>();
  /** Every body that came, for looking for what should not be in there. */
  readonly heard: string[] = [];

  constructor(url: string) {
    this.url = url;
  }

  headers(method: string, key?: string): Record<string, string> {
    const headers: Record<string, string> = { Origin: this.url, Cookie: this.cookie };
    if (method !== 'GET') {
      headers['X-CSRF-Token'] = this.session?.csrf ?? '';
      headers['Idempotency-Key'] = key ?? newKey();
    }
    return headers;
  }

  async ask<T>(method: string, path: string, body?: unknown, key?: string): Promise<Answer<T>> {
    const headers = this.headers(method, key);
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const response = await fetch(this.url + path, {
      method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const cookie = response.headers.get('set-cookie');
    if (cookie) this.cookie = cookie.split(';')[0] ?? '';
    const text = await response.text();
    this.heard.push(text);
    const parsed = parse(text) as T & { code?: string };
    return { status: response.status, body: parsed, text, code: response.ok ? '' : (parsed.code ?? '') };
  }

  get<T>(path: string): Promise<Answer<T>> {
    return this.ask<T>('GET', path);
  }

  post<T>(path: string, body?: unknown, key?: string): Promise<Answer<T>> {
    return this.ask<T>('POST', path, body, key);
  }

  async logIn(login: string, password: string, facility?: string): Promise<void> {
    type Choice = { posts?: Session['post'][] };
    let answer = await this.post<Session & Choice>('/api/v1/session', { login, password });
    if (answer.body.posts) {
      const post = answer.body.posts.find((one) => !facility || one.facility.code === facility);
      answer = await this.post('/api/v1/session', { login, password, post: post?.id });
    }
    if (answer.status !== 200) throw new Error(`${login} cannot log in: ${answer.status} ${answer.code}`);
    this.session = answer.body;
    const listed = await this.get<{ facilities: Facility[] }>('/api/v1/facilities');
    for (const one of listed.body.facilities) this.facilities.set(one.code, one);
  }

  facility(code: string): Facility {
    const found = this.facilities.get(code);
    if (!found) throw new Error(`no facility ${code}`);
    return found;
  }

  async find(ownNumber: string): Promise<PersonSummary | undefined> {
    const answer = await this.post<{ persons: PersonSummary[] }>('/api/v1/persons/searches', { own_number: ownNumber });
    if (answer.status !== 200) throw new Error(`search: ${answer.status} ${answer.code}`);
    return answer.body.persons[0];
  }

  person(person: string): Promise<Answer<Person>> {
    return this.get(`/api/v1/persons/${person}`);
  }

  openCalendar(person: string, from: string, to: string): Promise<Answer<Calendar>> {
    return this.post(`/api/v1/persons/${person}/calendar-openings`, { from, to });
  }

  calendar(opening: string, from: string, to: string): Promise<Answer<Calendar>> {
    return this.get(`/api/v1/openings/${opening}/calendar?from=${from}&to=${to}`);
  }

  openEntry(entry: string): Promise<Answer<Opened>> {
    return this.post(`/api/v1/entries/${entry}/openings`);
  }

  content(opening: string): Promise<Answer<Content>> {
    return this.get(`/api/v1/openings/${opening}/content`);
  }

  /** Studies of a hospital's archive are no part of its storage; who compares with that leaves them out. */
  hasStudies = false;

  /** All entries of a row, through every page. */
  async list(opening: string, row: Row, from: string, to: string, facility?: string): Promise<EntryHead[]> {
    const entries: EntryHead[] = [];
    const where = facility ? `&facility=${facility}` : '';
    for (let cursor: string | null = '';;) {
      const path: string = `/api/v1/openings/${opening}/entries?row=${row}&from=${from}&to=${to}${where}`
        + (cursor ? `&cursor=${encodeURIComponent(cursor)}` : '');
      const page: Answer<{ entries: EntryHead[]; next: string | null }> = await this.get(path);
      if (page.status !== 200) throw new Error(`entries: ${page.status} ${page.code}`);
      entries.push(...page.body.entries);
      cursor = page.body.next;
      if (!cursor) return this.hasStudies ? entries : entries.filter((entry) => !isStudy(entry));
    }
  }

  register(input: unknown, key?: string): Promise<Answer<Person & { candidates?: PersonSummary[] }>> {
    return this.post('/api/v1/persons', input, key);
  }

  addLink(person: string, facility: string, number: string, birthDate?: string): Promise<Answer<Link>> {
    return this.post(`/api/v1/persons/${person}/links`, {
      facility, number, ...(birthDate ? { birth_date: birthDate } : {}),
    });
  }

  withdraw(consent: string): Promise<Answer<Consent>> {
    return this.post(`/api/v1/consents/${consent}/withdrawals`, { channel: 'paper' });
  }
}
