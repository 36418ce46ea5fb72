// SPDX-License-Identifier: Apache-2.0
/* A small server of the contract with invented data, for work on the screens without the real
 * program: node test/mock.ts [port]. It keeps the rules that screens depend on (own number,
 * two identifiers, consent, idempotency), not the rules that protect anybody. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';
import type { Calendar, Facility, Freshness, Link, PersonSummary, Refusal, Session } from '../src/api/client.ts';
import { dayNumber, dayText } from '../src/i18n/wareki.ts';
import {
  FACILITIES, HIDAMARI, KAWABE, KEYAKI, PEOPLE, RINDO, ROWS, TENRYU, TODAY, YUZU, content, head, newConsent, newId,
  newLaboratory, newLink, type Entry, type Person,
} from './mockData.ts';

const PORT = Number(process.argv[2] ?? 8090);
const DIST = process.env.MOCK_DIST ?? new URL('../dist', import.meta.url).pathname;
const SLOW = Number(process.env.MOCK_SLOW_MS ?? 0);
const IDLE_MS = Number(process.env.MOCK_IDLE_MS ?? 900_000);
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; "
  + "connect-src 'self'; worker-src 'self'; manifest-src 'self'; frame-src blob:; base-uri 'none'; form-action 'self'; "
  + "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types tsumugi";

interface Account { login: string; password: string; staff: Session['staff']; posts: Session['post'][] }
const post = (facility: Facility, profession: Session['post']['profession'], role: Session['post']['role']) =>
  ({ id: newId(), profession, role, facility });
const ACCOUNTS: Account[] = [
  { login: 'kawabe', password: 'tsumugi', staff: { id: newId(), name: '川辺 誠', kana: 'カワベ マコト' }, posts: [post(KAWABE, 'doctor', 'author')] },
  { login: 'kitahara', password: 'tsumugi', staff: { id: newId(), name: '北原 千尋', kana: 'キタハラ チヒロ' }, posts: [post(HIDAMARI, 'nurse', 'author'), post(KAWABE, 'nurse', 'operator')] },
  { login: 'miyazaki', password: 'tsumugi', staff: { id: newId(), name: '宮﨑 健', kana: 'ミヤザキ ケン' }, posts: [post(RINDO, 'doctor', 'author')] },
];
interface Live { session: Session; token: string; streams: Set<ServerResponse> }
const sessions = new Map<string, Live>();
const openings = new Map<string, { person?: Person; entry?: Entry; live: Live }>();
const once = new Map<string, { status: number; body: unknown }>();
const references: unknown[] = [];
let cursor = 1;

class Refused extends Error {
  status: number;
  code: string;
  more: Record<string, unknown>;
  constructor(status: number, code: string, more: Record<string, unknown> = {}) {
    super(code);
    this.status = status;
    this.code = code;
    this.more = more;
  }
}

const facilityOf = (live: Live) => live.session.post.facility;
const ownLink = (person: Person, live: Live) =>
  person.links.find((link) => link.facility === facilityOf(live).id && link.state !== 'ended');
const consentOf = (person: Person) => person.consents[0]?.state ?? 'none';

function summary(person: Person, live: Live): PersonSummary {
  const own = ownLink(person, live);
  const isMine = own?.state === 'confirmed';
  return {
    id: person.id, name: person.name, kana: person.kana, birth_date: person.birth_date, sex: person.sex,
    own_number: isMine ? own.ownNumber : null,
    facilities: isMine ? person.links.filter((link) => link.state === 'confirmed').map((link) => link.facility) : [],
    consent: consentOf(person),
  };
}
function publicLink(link: Link & { ownNumber?: string }, live: Live): Link {
  const { id, facility, state, reason, since } = link;
  const isShown = facility === facilityOf(live).id || state !== 'confirmed';
  return { id, facility, number: isShown ? link.number : null, state, reason, since };
}
const full = (person: Person, live: Live) => ({
  id: person.id, name: person.name, kana: person.kana, birth_date: person.birth_date, sex: person.sex, phone: person.phone,
  own_number: summary(person, live).own_number, links: person.links.map((link) => publicLink(link, live)), consent: consentOf(person),
});
function findPerson(id: string | undefined): Person {
  const person = PEOPLE.find((candidate) => candidate.id === id);
  if (!person) throw new Refused(404, 'not_found');
  return person;
}

function refusals(person: Person, live: Live): Refusal[] {
  const list: Refusal[] = [];
  for (const facility of FACILITIES.filter((f) => f.is_disclosing)) {
    const link = person.links.find((candidate) => candidate.facility === facility.id);
    if (facility.id === facilityOf(live).id) continue;
    if (!link) list.push({ facility: facility.id, kinds: [], reason: facility === YUZU ? 'joiner_waiting' : 'no_link' });
    else if (link.state === 'proposed') list.push({ facility: facility.id, kinds: [], reason: 'link_proposed' });
    else if (consentOf(person) !== 'active') list.push({ facility: facility.id, kinds: [], reason: 'consent_withdrawn' });
    else if (facility === KEYAKI) list.push({ facility: facility.id, kinds: ['progress_note', 'vital_signs'], reason: 'audience' });
    else if (facility === TENRYU) list.push({ facility: facility.id, kinds: ['microbiology'], reason: 'kind_not_released' });
  }
  return list;
}
function visible(person: Person, live: Live): Entry[] {
  const blocked = refusals(person, live);
  return person.entries.filter((item) => !blocked.some((r) => r.facility === item.facility.id && (r.kinds.length === 0 || r.kinds.includes(item.kind))));
}
function freshness(person: Person, live: Live): Freshness[] {
  const now = Date.now();
  return person.links.filter((link) => link.facility !== facilityOf(live).id).map((link) => {
    if (link.state !== 'confirmed') return { facility: link.facility, state: 'not_linked', since: null, reason: null };
    if (consentOf(person) !== 'active') return { facility: link.facility, state: 'refused', since: null, reason: 'consent_withdrawn' };
    if (link.facility === KEYAKI.id) return { facility: link.facility, state: 'behind', since: now - 5.4e6, reason: 'gateway_away' };
    return { facility: link.facility, state: 'in_step', since: now - 42_000, reason: null };
  });
}
function calendar(person: Person, live: Live, opening: string, fromText: string, toText: string): Calendar {
  const [from, to] = [dayNumber(fromText), dayNumber(toText)];
  const items = visible(person, live);
  const ids = new Set([...person.links.map((link) => link.facility), ...items.map((item) => item.facility.id)]);
  const facilities = FACILITIES.filter((f) => ids.has(f.id));
  const titles: string[] = [];
  const marks: Calendar['marks'] = { row: [], day: [], facility: [], count: [], flags: [], entry: [], title: [] };
  const at = new Map<string, number>();
  for (const item of items) {
    if (item.day === null || item.row === null || item.endDay !== null || item.isOpen) continue;
    if (item.day < from || item.day > to) continue;
    const facility = facilities.indexOf(item.facility);
    const key = `${item.row} ${item.day} ${facility}`;
    const index = at.get(key);
    if (index === undefined) {
      at.set(key, marks.row.length);
      marks.row.push(ROWS.indexOf(item.row));
      marks.day.push(item.day);
      marks.facility.push(facility);
      marks.count.push(1);
      marks.flags.push(item.flags);
      marks.entry.push(item.id);
      marks.title.push(titles.push(item.title) - 1);
    } else {
      marks.count[index] = (marks.count[index] ?? 0) + 1;
      marks.flags[index] = (marks.flags[index] ?? 0) | item.flags;
      marks.entry[index] = item.id;
      marks.title[index] = titles.push(item.title) - 1;
    }
  }
  const spans = items.filter((item) => item.row !== null && item.day !== null && (item.endDay !== null || item.isOpen)
    && item.day <= to && (item.endDay ?? to) >= from)
    .map((item) => ({
      entry: item.id, row: ROWS.indexOf(item.row ?? 'period'), facility: facilities.indexOf(item.facility), from: item.day ?? 0,
      to: item.endDay, is_open: item.isOpen, flags: item.flags, title: item.title,
    }));
  const days = items.flatMap((item) => item.day ?? []);
  return {
    opening, from: fromText, to: toText, today: TODAY, first_day: days.length > 0 ? dayText(Math.min(...days)) : null,
    facilities, freshness: freshness(person, live), refusals: refusals(person, live), rows: ROWS, marks, titles, spans,
    undated: items.filter((item) => item.row === null)
      .map((item) => ({ entry: item.id, kind: item.kind, facility: facilities.indexOf(item.facility), title: item.title })),
    cursor,
  };
}

function tellAll(event: string, data: unknown): void {
  cursor += 1;
  for (const live of sessions.values()) {
    for (const stream of live.streams) stream.write(`event: ${event}\nid: ${cursor}\ndata: ${JSON.stringify(data)}\n\n`);
  }
}
function note(live: Live, event: string, person: Person | undefined, provider: string, kind: string, day: string): void {
  references.unshift({
    at: Date.now(), staff: live.session.staff.name, profession: live.session.post.profession, event, person: person?.id ?? '',
    name: person?.name ?? '', own_number: person ? summary(person, live).own_number : null, provider, kind, day, verdict: 'permit',
  });
}

interface Call { method: string; path: string[]; query: URLSearchParams; body: Record<string, unknown>; live: Live | undefined; response: ServerResponse; request: IncomingMessage }
const text = (value: unknown) => (typeof value === 'string' ? value : '');
const fold = (value: string) => value.replaceAll('髙', '高').replaceAll('﨑', '崎').replace(/\s/g, '');

function mayOpen(person: Person, live: Live): void {
  const own = ownLink(person, live);
  if (!own) throw new Refused(403, 'no_own_number');
  if (own.state !== 'confirmed') throw new Refused(403, 'link_proposed');
}
function judge(facility: Facility | undefined, number: string): { state: Link['state']; reason: string | null } {
  if (!facility || facility.kind !== 'hospital') return { state: 'confirmed', reason: null };
  if (!facility.is_connected) return { state: 'proposed', reason: 'gateway_away' };
  if (number.endsWith('9')) return { state: 'proposed', reason: 'mismatch' };
  if (number.endsWith('8')) return { state: 'proposed', reason: 'held' };
  return { state: 'confirmed', reason: null };
}
function consentFrom(body: Record<string, unknown>, version: number, live: Live) {
  const made = newConsent(version, Date.now(), live.session.staff.name);
  return Object.assign(made, body, { given_facility: facilityOf(live).name, state: 'active' });
}

type Done = { status: number; body?: unknown };
function openSession({ body, response }: Call): Done {
  const account = ACCOUNTS.find((a) => a.login === body.login && a.password === body.password);
  if (!account) throw new Refused(401, 'login_refused');
  const chosen = account.posts.find((p) => p.id === body.post) ?? (account.posts.length === 1 ? account.posts[0] : undefined);
  if (!chosen) return { status: 200, body: { posts: account.posts } };
  const token = newId() + newId();
  const session: Session = {
    staff: account.staff, post: chosen, network: { id: newId(), name: 'りんどう・南信州ネット', consent_model: 'comprehensive' },
    assurance: 'password', csrf: newId(), idle_ms: IDLE_MS, ends_at: Date.now() + 36e6, is_demo: true, today: TODAY,
  };
  sessions.set(token, { session, token, streams: new Set() });
  response.setHeader('Set-Cookie', `__Host-session=${token}; Path=/; Secure; HttpOnly; SameSite=Strict`);
  return { status: 200, body: session };
}
function needLive(call: Call): Live {
  if (!call.live) throw new Refused(401, 'session_none');
  if (call.method !== 'GET' && call.request.headers['x-csrf-token'] !== call.live.session.csrf) throw new Refused(403, 'csrf_missing');
  return call.live;
}
function home(live: Live): Done {
  const mine = PEOPLE.filter((person) => ownLink(person, live)?.state === 'confirmed');
  const line = (person: Person) => ({
    ...summary(person, live), viewed_at: person.viewedAt,
    new_count: consentOf(person) === 'active' ? visible(person, live).filter((item) => item.flags & 1).length : 0,
  });
  const recent = mine.filter((person) => person.viewedAt !== null).map(line).sort((a, b) => (b.viewed_at ?? 0) - (a.viewed_at ?? 0));
  return { status: 200, body: {
    recent, news: recent.filter((person) => person.new_count > 0),
    unfinished: mine.flatMap((person) => person.links.filter((link) => link.state === 'proposed')
      .map((link) => ({ person: summary(person, live), link: publicLink(link, live) }))),
  } };
}
function search(call: Call, live: Live): Done {
  const { own_number, name, kana, birth_date, phone } = call.body;
  const given = [name, kana, birth_date, phone].filter(Boolean).length;
  if (!own_number && given < 2) throw new Refused(400, 'identifiers');
  const found = PEOPLE.filter((person) => own_number
    ? ownLink(person, live)?.ownNumber.replace(/^0+/, '') === text(own_number).replace(/^0+/, '')
    : (!name || fold(person.name) === fold(text(name))) && (!kana || fold(person.kana) === fold(text(kana)))
      && (!birth_date || person.birth_date === birth_date) && (!phone || person.phone === phone));
  note(live, 'search', undefined, '', '', '');
  return { status: 200, body: { persons: found.map((person) => summary(person, live)) } };
}
function register(call: Call, live: Live): Done {
  const body = call.body as { name: string; kana: string; birth_date: string; sex: Person['sex']; phone?: string; is_new_person?: boolean; consent: Record<string, unknown>; numbers: { facility: string; number: string }[] };
  const same = PEOPLE.filter((person) => person.kana === body.kana && person.birth_date === body.birth_date);
  if (same.length > 0 && !body.is_new_person) throw new Refused(409, 'person_exists', { candidates: same.map((person) => summary(person, live)) });
  const person: Person = { id: newId(), name: body.name, kana: body.kana, birth_date: body.birth_date, sex: body.sex, phone: body.phone ?? '', links: [], consents: [consentFrom(body.consent, 1, live)], entries: [], viewedAt: null };
  for (const { facility, number } of body.numbers) addNumber(person, facility, number);
  PEOPLE.push(person);
  return { status: 201, body: full(person, live) };
}
function addNumber(person: Person, facilityId: string, number: string) {
  const facility = FACILITIES.find((f) => f.id === facilityId);
  const { state, reason } = judge(facility, number);
  const link = newLink(facility ?? KAWABE, number, state, reason);
  link.since = Date.now();
  person.links = [...person.links.filter((old) => old.facility !== facilityId), link];
  if (state === 'confirmed' && facility?.is_disclosing) {
    const source = PEOPLE[0]?.entries.filter((item) => item.facility.id === facilityId).slice(-60) ?? [];
    person.entries.push(...source.map((item) => ({ ...item, id: newId(), flags: item.flags & ~1 })));
  }
  return link;
}

const ROUTES: Record<string, (call: Call, live: Live) => Done> = {
  'GET session': (_, live) => ({ status: 200, body: live.session }),
  'DELETE session': (_, live) => { sessions.delete(live.token); return { status: 204 }; },
  'GET home': (_, live) => home(live),
  'GET facilities': () => ({ status: 200, body: { network: 'りんどう・南信州ネット', version: 12, effective_day: '2026-10-01', facilities: FACILITIES } }),
  'POST persons searches': search,
  'POST persons': register,
  'GET persons *': ({ path }, live) => {
    const person = findPerson(path[1]);
    mayOpenOrOwn(person, live);
    return { status: 200, body: full(person, live) };
  },
  'POST persons * links': ({ path, body }, live) => {
    const person = findPerson(path[1]);
    if (body.birth_date && body.birth_date !== person.birth_date) throw new Refused(422, 'patient_birth_date', { field: 'birth_date' });
    return { status: 201, body: publicLink(addNumber(person, text(body.facility), text(body.number)), live) };
  },
  'POST links * retries': ({ path }, live) => {
    const link = PEOPLE.flatMap((person) => person.links).find((candidate) => candidate.id === path[1]);
    if (!link) throw new Refused(404, 'not_found');
    return { status: 200, body: publicLink(link, live) };
  },
  'DELETE links *': ({ path }) => {
    const link = PEOPLE.flatMap((person) => person.links).find((candidate) => candidate.id === path[1]);
    if (!link) throw new Refused(404, 'not_found');
    Object.assign(link, { state: 'ended', reason: null });
    return { status: 204 };
  },
  'GET persons * consents': ({ path }) => ({ status: 200, body: { consents: findPerson(path[1]).consents } }),
  'POST persons * consents': ({ path, body }, live) => {
    const person = findPerson(path[1]);
    const made = consentFrom(body, person.consents.length + 1, live);
    person.consents.unshift(made);
    tellAll('consent', { person: person.id });
    return { status: 201, body: made };
  },
  'POST consents * withdrawals': ({ path }, live) => {
    const person = PEOPLE.find((candidate) => candidate.consents.some((c) => c.id === path[1]));
    const consent = person?.consents.find((c) => c.id === path[1]);
    if (!person || !consent) throw new Refused(404, 'not_found');
    Object.assign(consent, { state: 'withdrawn', withdrawn_at: Date.now(), withdrawn_by: live.session.staff.name, withdrawn_facility: facilityOf(live).name });
    tellAll('consent', { person: person.id });
    return { status: 200, body: consent };
  },
  'POST persons * calendar-openings': ({ path, body }, live) => {
    const person = findPerson(path[1]);
    mayOpen(person, live);
    const opening = newId();
    openings.set(opening, { person, live });
    note(live, 'calendar', person, '', '', '');
    const answer = calendar(person, live, opening, text(body.from), text(body.to));
    person.viewedAt = Date.now();
    return { status: 201, body: answer };
  },
  'DELETE openings *': ({ path }) => { openings.delete(path[1] ?? ''); return { status: 204 }; },
  'GET openings * calendar': ({ path, query }, live) => {
    const opened = openings.get(path[1] ?? '');
    if (!opened?.person) throw new Refused(404, 'opening_ended');
    return { status: 200, body: calendar(opened.person, live, path[1] ?? '', query.get('from') ?? TODAY, query.get('to') ?? TODAY) };
  },
  'GET openings * entries': ({ path, query }, live) => {
    const opened = openings.get(path[1] ?? '');
    if (!opened?.person) throw new Refused(404, 'opening_ended');
    const from = dayNumber(query.get('from') ?? TODAY);
    const to = dayNumber(query.get('to') ?? TODAY);
    const all = visible(opened.person, live).filter((item) => item.row === query.get('row') && item.day !== null && item.day <= to && (item.endDay ?? item.day) >= from
      && (!query.get('facility') || item.facility.id === query.get('facility')))
      .sort((a, b) => (b.day ?? 0) - (a.day ?? 0) || b.order - a.order);
    const start = Number(query.get('cursor') ?? 0);
    return { status: 200, body: { entries: all.slice(start, start + 200).map(head), next: all.length > start + 200 ? String(start + 200) : null } };
  },
  'POST openings * checks': ({ path }, live) => {
    const opened = openings.get(path[1] ?? '');
    if (!opened?.person) throw new Refused(404, 'opening_ended');
    return { status: 200, body: { facilities: freshness(opened.person, live).map((f) => (f.state === 'in_step' ? { ...f, since: Date.now() } : f)) } };
  },
  'POST entries * openings': ({ path }, live) => {
    const person = PEOPLE.find((candidate) => candidate.entries.some((item) => item.id === path[1]));
    const item = person?.entries.find((candidate) => candidate.id === path[1]);
    if (!person || !item) throw new Refused(404, 'not_found');
    mayOpen(person, live);
    if (!visible(person, live).includes(item)) throw new Refused(403, 'consent_withdrawn');
    const row = visible(person, live).filter((other) => other.row === item.row && (item.row !== null || other.kind === item.kind))
      .sort((a, b) => (a.day ?? 0) - (b.day ?? 0) || a.order - b.order);
    const index = row.indexOf(item);
    const opening = newId();
    openings.set(opening, { entry: item, person, live });
    note(live, 'entry', person, item.facility.name, item.kind, item.day === null ? '' : dayText(item.day));
    return { status: 201, body: { opening, entry: head(item), previous: row[index - 1]?.id ?? null, next: row[index + 1]?.id ?? null } };
  },
  'GET openings * content': ({ path }) => {
    const opened = openings.get(path[1] ?? '');
    if (!opened?.entry) throw new Refused(404, 'opening_ended');
    if (opened.entry.facility === KEYAKI) throw new Refused(503, 'gateway_away');
    return { status: 200, body: content(opened.entry) };
  },
  'GET references': ({ query }) => ({ status: 200, body: { references: references.filter((r) => new Date((r as { at: number }).at).toISOString().startsWith(query.get('month') ?? '')).filter((r) => !query.get('person') || (r as { person: string }).person === query.get('person')), next: null } }),
};
function mayOpenOrOwn(person: Person, live: Live): void {
  if (!ownLink(person, live)) throw new Refused(403, 'no_own_number');
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let all = '';
  for await (const part of request) all += String(part);
  return all ? (JSON.parse(all) as Record<string, unknown>) : {};
}
function send(response: ServerResponse, status: number, body?: unknown): void {
  response.statusCode = status;
  response.setHeader('Cache-Control', 'no-store');
  if (body === undefined) { response.end(); return; }
  response.setHeader('Content-Type', status >= 400 ? 'application/problem+json' : 'application/json');
  response.end(JSON.stringify(body));
}
function stream(live: Live, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.write(': hello\n\n');
  live.streams.add(response);
  request.on('close', () => live.streams.delete(response));
}
function csv(response: ServerResponse, month: string): void {
  response.writeHead(200, { 'Content-Type': 'text/csv; charset=utf-8', 'Content-Disposition': `attachment; filename="references-${month}.csv"` });
  response.end('\ufeff日時,職員,操作\r\n');
}
const TYPES: Record<string, string> = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };
function file(path: string, response: ServerResponse): void {
  const wanted = join(DIST, normalize(path));
  const isFile = wanted.startsWith(DIST) && existsSync(wanted) && statSync(wanted).isFile();
  if (!isFile && extname(path) !== '') { response.writeHead(404).end(); return; }
  const found = isFile ? wanted : join(DIST, 'index.html');
  response.writeHead(200, { 'Content-Type': TYPES[extname(found)] ?? 'application/octet-stream', 'Content-Security-Policy': CSP, 'Cache-Control': path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache', 'X-Content-Type-Options': 'nosniff' });
  response.end(readFileSync(found));
}

/* The same shape as the demo's region.json, for the end-to-end tests. */
function region(): unknown {
  const code = (id: string) => FACILITIES.find((f) => f.id === id)?.code ?? '';
  return {
    facilities: FACILITIES.map((f) => ({ code: f.code, name: f.name, kind: f.kind, has_gateway: f.kind === 'hospital', is_away_at_start: !f.is_connected })),
    staff: ACCOUNTS.map((a) => ({ login: a.login, password: a.password, name: a.staff.name, posts: a.posts.map((p) => ({ facility: p.facility.code, profession: p.profession })) })),
    persons: [
      ...PEOPLE.map((p) => ({
        star: p.entries.length > 0, name: p.name, kana: p.kana, birth_day: p.birth_date, sex: p.sex, phone: p.phone,
        records: p.links.map((l) => ({ facility: code(l.facility), number: l.ownNumber, link: l.state === 'confirmed' ? 'confirmed' : 'proposed' })),
        consents: [...p.consents].reverse().map((c) => ({ state: c.state })),
      })),
      { star: false, name: '熊谷 千代', kana: 'クマガイ チヨ', birth_day: '1926-12-24', sex: 'F', phone: '', consents: [], records: [{ facility: RINDO.code, number: '00311201', link: 'none' }] },
    ],
  };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://x');
  if (url.pathname === '/mock/new' && request.method === 'POST') {
    const person = PEOPLE[0];
    if (!person) return;
    const made = newLaboratory(RINDO);
    person.entries.push(made);
    tellAll('entry', { person: person.id, facility: RINDO.id, row: 'test', day: TODAY, cursor });
    send(response, 200, {});
    return;
  }
  if (url.pathname === '/mock/region.json') { send(response, 200, REGION); return; }
  if (!url.pathname.startsWith('/api/v1/')) { file(url.pathname, response); return; }
  const token = /__Host-session=([0-9a-f]+)/.exec(request.headers.cookie ?? '')?.[1];
  const path = url.pathname.slice('/api/v1/'.length).split('/');
  const method = request.method ?? 'GET';
  const body = await bodyOf(request);
  const call: Call = { method, path, query: url.searchParams, body, live: token ? sessions.get(token) : undefined, response, request };
  const key = request.headers['idempotency-key'];
  try {
    if (method === 'POST' && url.pathname === '/api/v1/session') { const done = openSession(call); send(response, done.status, done.body); return; }
    const live = needLive(call);
    if (path[0] === 'live') { stream(live, request, response); return; }
    if (path[0] === 'references.csv') { csv(response, url.searchParams.get('month') ?? ''); return; }
    const before = typeof key === 'string' ? once.get(key) : undefined;
    if (before) { send(response, before.status, before.body); return; }
    const shape = path.map((part) => (/^[0-9a-f]{32}$/.test(part) ? '*' : part)).join(' ');
    const route = ROUTES[`${method} ${shape}`];
    if (!route) throw new Refused(404, 'not_found');
    if (SLOW > 0) await new Promise((done) => setTimeout(done, SLOW));
    const done = route(call, live);
    if (typeof key === 'string') once.set(key, { status: done.status, body: done.body });
    send(response, done.status, done.body);
  } catch (failure) {
    if (!(failure instanceof Refused)) throw failure;
    send(response, failure.status, { type: 'about:blank', title: failure.code, status: failure.status, code: failure.code, ...failure.more });
  }
}

const REGION = structuredClone(region());

createServer((request, response) => {
  answer(request, response).catch((failure: unknown) => {
    console.error(failure);
    if (!response.headersSent) response.writeHead(500).end();
  });
}).listen(PORT, '127.0.0.1', () => console.log(`mock on http://127.0.0.1:${PORT}`));
