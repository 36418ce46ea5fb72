// SPDX-License-Identifier: Apache-2.0
/* One stream of events per browser, not per tab: over HTTP/1.1 a browser opens six connections
 * per host, and the seventh tab would not load. The tab that holds the lock listens and tells
 * the others; when it closes, the next one takes over from the last event id. */
import type { LiveEvent } from './client.ts';

/** `reload`: something was missed and is no longer known; read again what is shown. */
export type LiveKind = 'entry' | 'freshness' | 'link' | 'consent' | 'request' | 'session' | 'reload';
export type LiveState = 'off' | 'connecting' | 'open' | 'lost';
type Listener = (kind: LiveKind, event: LiveEvent) => void;

const KINDS: LiveKind[] = ['entry', 'freshness', 'link', 'consent', 'request', 'session', 'reload'];
const LOCK = 'tsumugi-live';
/* The server beats every ten seconds: a stream that is silent for longer than two is none, even
 * if nobody closed it (a cable pulled, a server that hangs). */
export const SILENT_MS = 22_000;
const RESTART_MS = 5000;

interface Told {
  kind: LiveKind | 'state' | 'ask' | 'doubt';
  event?: LiveEvent;
  state?: LiveState;
  /** With a state: when something was heard last. */
  heard?: number;
}

const listeners = new Set<Listener>();
const stateListeners = new Set<(state: LiveState, wasLost: boolean) => void>();
let state: LiveState = 'off';
let heardAt = 0;
let freshnessAt = -Infinity;
let silence: ReturnType<typeof setTimeout> | undefined;
let channel: BroadcastChannel | undefined;
let source: EventSource | undefined;
let release: (() => void) | undefined;
let abort: AbortController | undefined;

function become(next: LiveState): void {
  if (next === state) return;
  const wasLost = state === 'lost';
  state = next;
  for (const listener of stateListeners) listener(next, wasLost);
}

function deliver(kind: LiveKind, event: LiveEvent): void {
  if (kind === 'freshness' || kind === 'reload') freshnessAt = Date.now();
  for (const listener of listeners) listener(kind, event);
}

function tell(message: Told): void {
  channel?.postMessage(message);
}

function setState(next: LiveState): void {
  become(next);
  tell({ kind: 'state', state: next, heard: heardAt });
}

function parse(data: string): LiveEvent | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null ? (value as LiveEvent) : undefined;
  } catch {
    return undefined;
  }
}

function heard(): void {
  heardAt = Date.now();
  expect();
}

function expect(): void {
  clearTimeout(silence);
  silence = setTimeout(again, SILENT_MS);
}

/* What is silent or doubted is left for a new stream, without the last event's id: whoever hears
 * that it was lost reads again. */
function again(): void {
  if (!channel || !source) return;
  source.close();
  setState('lost');
  listen();
}

function listen(): void {
  // until a stream is there again it stays lost
  if (state !== 'lost') {
    heardAt = Date.now();
    setState('connecting');
  }
  expect();
  source = new EventSource('/api/v1/live');
  source.onopen = () => {
    heard();
    setState('open');
  };
  source.addEventListener('beat', heard);
  source.onerror = () => {
    setState('lost');
    // the browser gives up after an answer that is no stream (proxy, 503): try again later
    if (source?.readyState === EventSource.CLOSED && channel) setTimeout(restart, RESTART_MS);
  };
  for (const kind of KINDS) {
    source.addEventListener(kind, (message) => {
      heard();
      const event = parse((message as MessageEvent<string>).data);
      if (!event) return;
      tell({ kind, event });
      deliver(kind, event);
    });
  }
}

function restart(): void {
  if (!channel || source?.readyState !== EventSource.CLOSED) return;
  listen();
}

export function startLive(): void {
  if (channel) return;
  channel = new BroadcastChannel(LOCK);
  channel.onmessage = ({ data }: MessageEvent<Told>) => {
    if (data.kind === 'ask') {
      if (source) tell({ kind: 'state', state, heard: heardAt });
    } else if (data.kind === 'doubt') {
      doubtHere();
    } else if (data.kind === 'state') {
      if (source || !data.state) return;
      heardAt = data.heard ?? heardAt;
      become(data.state);
    } else if (data.event) {
      deliver(data.kind, data.event);
    }
  };
  addEventListener('offline', doubtHere);
  addEventListener('online', doubtHere);
  tell({ kind: 'ask' });
  if (!navigator.locks) {
    listen();
    return;
  }
  abort = new AbortController();
  navigator.locks
    .request(LOCK, { signal: abort.signal }, () => {
      if (!channel) return undefined;
      listen();
      return new Promise<void>((done) => {
        release = done;
      });
    })
    .catch(() => {});
}

export function stopLive(): void {
  removeEventListener('offline', doubtHere);
  removeEventListener('online', doubtHere);
  clearTimeout(silence);
  source?.close();
  source = undefined;
  abort?.abort();
  release?.();
  release = undefined;
  channel?.close();
  channel = undefined;
  become('off');
}

export function onLive(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** `wasLost`: events may be missing, so whatever is on the screen should be read again. */
export function onLiveState(listener: (state: LiveState, wasLost: boolean) => void): () => void {
  stateListeners.add(listener);
  return () => stateListeners.delete(listener);
}

export function liveState(): LiveState {
  return state;
}

/** When something was heard of the server last. */
export function liveHeardAt(): number {
  return heardAt;
}

/** When something was heard of a gateway last. */
export function freshnessHeardAt(): number {
  return freshnessAt;
}

/* A stream that is being made already is given its time. */
function doubtHere(): void {
  if (source && source.readyState !== EventSource.CONNECTING) again();
}

/** A request had no answer: whether the stream still lives is found out by a new one. */
export function doubtLive(): void {
  if (source) doubtHere();
  else tell({ kind: 'doubt' });
}
