// SPDX-License-Identifier: Apache-2.0
/* Every call of the contract that the client makes. Here and nowhere else: the session's CSRF
 * token, idempotency keys, repetition of a lost answer under the same key, problems as errors. */
import createClient from 'openapi-fetch';
import { doubtLive } from './live.ts';
import { Problem, type ProblemBody } from './problem.ts';
import type { components, paths } from './schema.d.ts';

type Schemas = components['schemas'];
export type AccessRight = Schemas['AccessRight'];
export type Calendar = Schemas['Calendar'];
export type Channel = Schemas['Channel'];
export type Consent = Schemas['Consent'];
export type ConsentInput = Schemas['ConsentInput'];
export type ConsentState = Schemas['ConsentState'];
export type Content = Schemas['Content'];
export type EntryHead = Schemas['EntryHead'];
export type Facility = Schemas['Facility'];
export type Freshness = Schemas['Freshness'];
export type Home = Schemas['Home'];
export type HomePerson = Schemas['HomePerson'];
export type Item = Schemas['Item'];
export type Kind = Schemas['Kind'];
export type Link = Schemas['Link'];
export type LiveEvent = Schemas['LiveEvent'];
export type Person = Schemas['Person'];
export type PersonSummary = Schemas['PersonSummary'];
export type Post = Schemas['Post'];
export type Reference = Schemas['Reference'];
/** Whose views: the own staff's, or others' of the own facility's data. */
export type Side = 'viewer' | 'provider';
export type Printed = paths['/api/v1/openings/{opening}/prints']['post']['responses']['201']['content']['application/json'];
export type Refusal = Schemas['Refusal'];
export type Row = Schemas['Row'];
export type Session = Schemas['Session'];
export type Sex = Schemas['Sex'];
export type Registration =
  paths['/api/v1/persons']['post']['requestBody']['content']['application/json'];
export type Search =
  paths['/api/v1/persons/searches']['post']['requestBody']['content']['application/json'];

let csrf = '';
let whenSessionEnds: () => void = () => {};

export function useToken(token: string): void {
  csrf = token;
}

/** Called once when the server says that there is no session any more. */
export function onSessionEnd(listener: () => void): void {
  whenSessionEnds = listener;
}

/** A new idempotency key: one per intention of a person, kept over repetitions. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The longest wait for an answer's head: gateways are given up by the server long before. */
export const ANSWER_MS = 30_000;

class Silent extends Error {}

/* A server that hangs and a network that swallows packets end no request by themselves. */
async function fetchInTime(request: Request): Promise<Response> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(new Silent()), ANSWER_MS);
  const giveUp = () => stop.abort(request.signal.reason);
  if (request.signal.aborted) giveUp();
  request.signal.addEventListener('abort', giveUp);
  try {
    return await fetch(request, { signal: stop.signal });
  } finally {
    clearTimeout(timer);
  }
}

/* A request with an idempotency key may be sent again when its answer was lost. */
async function fetchAgain(request: Request): Promise<Response> {
  const canRepeat = request.method === 'GET' || request.headers.has('Idempotency-Key');
  const copy = canRepeat ? request.clone() : undefined;
  try {
    return await fetchInTime(request);
  } catch (failure) {
    if (!copy || request.signal.aborted || failure instanceof Silent) throw failure;
    await new Promise((done) => setTimeout(done, 700));
    return fetchInTime(copy);
  }
}

export const client = createClient<paths>({ baseUrl: location.origin, fetch: fetchAgain });

const token = () => ({ 'X-CSRF-Token': csrf });
export const change = (key: string) => ({ 'X-CSRF-Token': csrf, 'Idempotency-Key': key });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

function isProblem(body: unknown): body is ProblemBody & Record<string, unknown> {
  return typeof body === 'object' && body !== null && 'code' in body && 'status' in body;
}

export async function take<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (failure) {
    if (failure instanceof DOMException && failure.name === 'AbortError') throw failure;
    doubtLive();
    throw new Problem({ code: failure instanceof Silent ? 'silent' : 'offline', status: 0 });
  }
  if (answer.response.ok) return answer.data as T;
  const problem = new Problem(
    isProblem(answer.error)
      ? answer.error
      : { code: `http_${answer.response.status}`, status: answer.response.status },
    Number(answer.response.headers.get('retry-after')) * 1000 || undefined,
  );
  // a refused login is a 401 too, but no end of a session
  if (problem.status === 401 && problem.code !== 'login_refused' && csrf !== '') whenSessionEnds();
  throw problem;
}

export const signalled = (signal?: AbortSignal) => (signal ? { signal } : {});

/** One part of an original: a place in the list that came with the content. */
export interface PartOf {
  part: number;
  list: string;
}

export const api = {
  openSession: (body: { login: string; password: string; new_password?: string; post?: string }) =>
    take(client.POST('/api/v1/session', { body })),
  session: () => take(client.GET('/api/v1/session')),
  closeSession: () => take(client.DELETE('/api/v1/session', { params: { header: token() } })),
  home: (signal?: AbortSignal) => take(client.GET('/api/v1/home', signalled(signal))),
  facilities: (cursor?: string) =>
    take(client.GET('/api/v1/facilities', { params: { query: cursor ? { cursor } : {} } })),
  links: (list: 'unfinished' | 'suspended', cursor: string) =>
    take(client.GET('/api/v1/links', { params: { query: { list, cursor } } })),

  search: (body: Search, signal?: AbortSignal) =>
    take(
      client.POST('/api/v1/persons/searches', {
        params: { header: token() },
        body,
        ...signalled(signal),
      }),
    ),
  register: (body: Registration, key: string) =>
    take(client.POST('/api/v1/persons', { params: { header: change(key) }, body })),
  person: (person: string) =>
    take(client.GET('/api/v1/persons/{person}', { params: { path: { person } } })),
  addLink: (
    person: string,
    body: { facility: string; number: string; birth_date?: string; consent?: ConsentInput },
    key: string,
  ) =>
    take(
      client.POST('/api/v1/persons/{person}/links', {
        params: { path: { person }, header: change(key) },
        body,
      }),
    ),
  retryLink: (link: string, key: string) =>
    take(
      client.POST('/api/v1/links/{link}/retries', {
        params: { path: { link }, header: change(key) },
      }),
    ),
  confirmLink: (link: string, body: { since: number; number: string }, key: string) =>
    take(
      client.POST('/api/v1/links/{link}/confirmations', {
        params: { path: { link }, header: change(key) },
        body,
      }),
    ),
  endLink: (link: string, key: string) =>
    take(client.DELETE('/api/v1/links/{link}', { params: { path: { link }, header: change(key) } })),

  consents: (person: string) =>
    take(client.GET('/api/v1/persons/{person}/consents', { params: { path: { person } } })),
  giveConsent: (person: string, body: ConsentInput, key: string) =>
    take(
      client.POST('/api/v1/persons/{person}/consents', {
        params: { path: { person }, header: change(key) },
        body,
      }),
    ),
  /** The same consent, naming these facilities only. */
  endRight: (person: string, consent: Consent, facilities: string[], channel: Channel, key: string) =>
    api.giveConsent(
      person,
      {
        form: 'specific',
        channel,
        giver: consent.giver as ConsentInput['giver'],
        ...(consent.giver_name ? { giver_name: consent.giver_name } : {}),
        ...(consent.note ? { note: consent.note } : {}),
        ...(consent.until ? { until: consent.until } : {}),
        facilities,
      },
      key,
    ),
  withdrawConsent: (consent: string, body: { channel: Channel; note?: string }, key: string) =>
    take(
      client.POST('/api/v1/consents/{consent}/withdrawals', {
        params: { path: { consent }, header: change(key) },
        body,
      }),
    ),

  openCalendar: (person: string, from: string, to: string) =>
    take(
      client.POST('/api/v1/persons/{person}/calendar-openings', {
        params: { path: { person }, header: token() },
        body: { from, to },
      }),
    ),
  calendar: (opening: string, from: string, to: string) =>
    take(
      client.GET('/api/v1/openings/{opening}/calendar', {
        params: { path: { opening }, query: { from, to } },
      }),
    ),
  entries: (
    opening: string,
    query: { row: Row; from: string; to: string; facility?: string; cursor?: string },
    signal?: AbortSignal,
  ) =>
    take(
      client.GET('/api/v1/openings/{opening}/entries', {
        params: { path: { opening }, query },
        ...signalled(signal),
      }),
    ),
  checkNow: (opening: string) =>
    take(
      client.POST('/api/v1/openings/{opening}/checks', {
        params: { path: { opening }, header: token() },
      }),
    ),
  openEntry: (entry: string, signal?: AbortSignal) =>
    take(
      client.POST('/api/v1/entries/{entry}/openings', {
        params: { path: { entry }, header: token() },
        ...signalled(signal),
      }),
    ),
  content: (opening: string, signal?: AbortSignal) =>
    take(
      client.GET('/api/v1/openings/{opening}/content', {
        params: { path: { opening } },
        ...signalled(signal),
      }),
    ),
  original: (opening: string, signal?: AbortSignal, of?: PartOf) =>
    take(
      client.GET('/api/v1/openings/{opening}/original', {
        params: { path: { opening }, ...(of ? { query: of } : {}) },
        parseAs: 'blob',
        ...signalled(signal),
      }),
    ) as Promise<unknown> as Promise<Blob>,
  /** Into the audit, before what is opened goes on paper. */
  print: (opening: string) =>
    take(client.POST('/api/v1/openings/{opening}/prints', { params: { path: { opening }, header: token() } })),
  originalUrl: (opening: string, of?: PartOf) =>
    `/api/v1/openings/${opening}/original${of ? `?part=${of.part}&list=${of.list}` : ''}`,

  references: (query: { month: string; side: Side; person?: string; cursor?: string }, signal?: AbortSignal) =>
    take(client.GET('/api/v1/references', { params: { query }, ...signalled(signal) })),
  referencesUrl: (month: string, side: Side, person?: string) =>
    `/api/v1/references.csv?month=${month}&side=${side}${person ? `&person=${person}` : ''}`,
};

/** Closes an opening while the page goes away; nobody waits for the answer. */
export function closeOpening(opening: string): void {
  void fetch(`/api/v1/openings/${opening}`, {
    method: 'DELETE',
    headers: token(),
    keepalive: true,
  }).catch(() => {});
}
