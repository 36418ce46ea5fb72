// SPDX-License-Identifier: Apache-2.0
/* Who works here: login, logout, the idle and the absolute limit. Patient data lives in
 * components and signals only, so leaving the screens drops it. */
import { signal } from '@preact/signals';
import { api, onSessionEnd, useToken, type Facility, type Session } from './api/client.ts';
import { Problem } from './api/problem.ts';
import { onLive, startLive, stopLive } from './api/live.ts';

export const session = signal<Session | null>(null);
/** Why the login page is shown. */
export const farewell = signal<'' | 'ended' | 'out' | 'idle' | 'gone'>('');
/** Minutes until the absolute limit, when it is near. */
export const minutesLeft = signal<number | null>(null);
export const participants = signal<{
  version: number;
  network: string;
  byId: Map<string, Facility>;
  list: Facility[];
}>({ version: 0, network: '', byId: new Map(), list: [] });

const WARN_MS = 10 * 60_000;
const TICK_MS = 5_000;
const CHANNEL = 'tsumugi-session';
/* Only that some tab of this browser is logged in, so that a first visit asks nothing. */
const MARK = 'tsumugi-open';

let activeAt = 0;
let touchedAt = 0;
let timer: ReturnType<typeof setInterval> | undefined;
let channel: BroadcastChannel | undefined;
let removeLive: (() => void) | undefined;

function noteActivity(): void {
  const now = Date.now();
  if (now - activeAt > 1000) channel?.postMessage('active');
  activeAt = now;
}

const ACTIVITY = ['pointerdown', 'keydown', 'wheel', 'touchstart'] as const;

/* Reading for a quarter of an hour makes no request, but is work: the server hears of it. */
function tick(): void {
  const current = session.value;
  if (!current) return;
  const now = Date.now();
  const left = current.ends_at - now;
  minutesLeft.value = left < WARN_MS ? Math.max(1, Math.ceil(left / 60_000)) : null;
  if (left <= 0) leave('ended');
  else if (now - activeAt >= current.idle_ms) {
    void api.closeSession().catch(() => {});
    leave('idle');
  } else if (activeAt > touchedAt && now - touchedAt > current.idle_ms / 3) {
    touchedAt = now;
    void api.session().catch(() => {});
  }
}

function mark(isOpen: boolean): void {
  try {
    if (isOpen) localStorage.setItem(MARK, '1');
    else localStorage.removeItem(MARK);
  } catch {
    // without storage a reload asks for the login again
  }
}

function leave(reason: 'ended' | 'out' | 'idle'): void {
  clearInterval(timer);
  for (const name of ACTIVITY) removeEventListener(name, noteActivity, true);
  removeLive?.();
  removeLive = undefined;
  channel?.close();
  channel = undefined;
  stopLive();
  useToken('');
  mark(false);
  farewell.value = reason;
  minutesLeft.value = null;
  session.value = null;
}

function enter(opened: Session): void {
  useToken(opened.csrf);
  mark(true);
  activeAt = touchedAt = Date.now();
  clearInterval(timer);
  timer = setInterval(tick, TICK_MS);
  for (const name of ACTIVITY) addEventListener(name, noteActivity, { capture: true, passive: true });
  channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = ({ data }: MessageEvent<string>) => {
    if (data === 'active') activeAt = Date.now();
    else if (data === 'out') leave('out');
  };
  startLive();
  removeLive = onLive((kind) => {
    if (kind === 'session') leave('ended');
  });
  farewell.value = '';
  session.value = opened;
  void loadParticipants();
}

/* They come in pages; a list that changes meanwhile is asked for again as a whole. */
async function allFacilities(): Promise<Awaited<ReturnType<typeof api.facilities>>> {
  const first = await api.facilities();
  let next = first.next;
  while (next !== null) {
    const page = await api.facilities(next);
    if (page.version !== first.version) return allFacilities();
    first.facilities.push(...page.facilities);
    next = page.next;
  }
  return first;
}

async function loadParticipants(): Promise<void> {
  try {
    const { facilities, version, network } = await allFacilities();
    participants.value = {
      version,
      network,
      list: facilities,
      byId: new Map(facilities.map((facility) => [facility.id, facility])),
    };
  } catch {
    // screens show ids' marks when they come with the calendar; the list is asked again on demand
  }
}

/** Facilities by id, always in the same order; unknown ids are left out. */
export function facilitiesOf(ids: string[]): Facility[] {
  return ids.flatMap((id) => participants.value.byId.get(id) ?? []).sort((a, b) => a.slot - b.slot);
}

/** With several posts and none chosen, the posts come back and nothing is opened. */
export async function login(login: string, password: string, post?: string, changed?: string) {
  const answer = await api.openSession({
    login,
    password,
    ...(changed ? { new_password: changed } : {}),
    ...(post ? { post } : {}),
  });
  if ('posts' in answer) return answer.posts;
  enter(answer);
  return undefined;
}

/** After a reload of the page: the cookie may still hold a session. */
export async function restore(): Promise<void> {
  try {
    if (localStorage.getItem(MARK) === null) return;
    enter(await api.session());
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 401) mark(false);
    else farewell.value = 'gone';
  }
}

export async function logout(): Promise<void> {
  try {
    await api.closeSession();
  } catch {
    // the server ends it by itself when idle; this screen is emptied in any case
  }
  channel?.postMessage('out');
  leave('out');
}

onSessionEnd(() => leave('ended'));

/** Whether the post writes about patients: as the server decides it, so that nobody types in vain. */
export const mayWrite = (): boolean => {
  const post = session.value?.post;
  return post !== undefined && post.role !== 'operator' && post.profession !== 'clerk' && post.profession !== 'office';
};
