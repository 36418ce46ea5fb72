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

interface Told {
  kind: LiveKind | 'state' | 'ask';
  event?: LiveEvent;
  state?: LiveState;
}

const listeners = new Set<Listener>();
const stateListeners = new Set<(state: LiveState, wasLost: boolean) => void>();
let state: LiveState = 'off';
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
  for (const listener of listeners) listener(kind, event);
}

function tell(message: Told): void {
  channel?.postMessage(message);
}

function setState(next: LiveState): void {
  become(next);
  tell({ kind: 'state', state: next });
}

function parse(data: string): LiveEvent | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null ? (value as LiveEvent) : undefined;
  } catch {
    return undefined;
  }
}

function listen(): void {
  setState('connecting');
  source = new EventSource('/api/v1/live');
  source.onopen = () => setState('open');
  source.onerror = () => {
    setState('lost');
    // the browser gives up after an answer that is no stream (proxy, 503): try again later
    if (source?.readyState === EventSource.CLOSED && channel) setTimeout(restart, 5000);
  };
  for (const kind of KINDS) {
    source.addEventListener(kind, (message) => {
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
      if (source) tell({ kind: 'state', state });
    } else if (data.kind === 'state') {
      if (!source && data.state) become(data.state);
    } else if (data.event) {
      deliver(data.kind, data.event);
    }
  };
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
