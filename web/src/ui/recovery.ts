// SPDX-License-Identifier: Apache-2.0
/* Reading again by itself what failed for a while only: nobody reloads a page to learn that a
 * hospital or the server is back. */
import { useEffect, useRef } from 'preact/hooks';
import { freshnessHeardAt, onLive, onLiveState } from '../api/live.ts';
import { crowdMs, Problem } from '../api/problem.ts';

export const AGAIN_MS = 15_000;
/** A gateway that comes back is heard of several times; what failed in between has one more try. */
export const SOON_MS = 2_000;
const JUST_HEARD_MS = 5_000;

/** `centre`: nothing was done and nothing written, so asking often costs little. `hospital`: each
 * try is one more opening in the audit, so it is asked when its gateway is heard of. */
export function whatFailed(problem: unknown): 'centre' | 'hospital' | 'other' {
  if (!(problem instanceof Problem)) return 'other';
  const { code, status } = problem;
  if (/^gateway_(away|silent|cut)$/.test(code) || code === 'deadline_passed' || code === 'peer_gone') return 'hospital';
  if (code === 'offline' || code === 'silent') return 'centre';
  if (/^(audit_unwritable|epoch_stale|memory_short|server_busy|store_(busy|unreadable|full))$/.test(code)) return 'centre';
  // a balancer's answers
  return /^http_50[234]$/.test(code) && status >= 502 ? 'centre' : 'other';
}

/** Calls `retry` when it is time to; what is to be stopped later is returned. */
export function recover(problem: unknown, retry: () => void): () => void {
  const what = whatFailed(problem);
  if (what === 'other') return () => {};
  const removeState = onLiveState((state, wasLost) => {
    if (state === 'open' && wasLost) retry();
  });
  const removeLive = what === 'hospital' ? onLive((kind) => (kind === 'freshness' || kind === 'reload') && retry()) : () => {};
  const timer = setInterval(() => {
    if (what === 'centre' && document.visibilityState === 'visible') retry();
  }, AGAIN_MS);
  const isJustHeard = what === 'hospital' && Date.now() - freshnessHeardAt() < JUST_HEARD_MS;
  const crowd = what === 'centre' ? crowdMs(problem) : undefined;
  // not by all who were turned away at once
  const soonMs = crowd !== undefined ? crowd * (1 + Math.random()) : isJustHeard ? SOON_MS : undefined;
  const soon = soonMs === undefined ? undefined : setTimeout(retry, soonMs);
  return () => {
    removeState();
    removeLive();
    clearInterval(timer);
    clearTimeout(soon);
  };
}

export function useRecovery(problem: unknown, retry: (() => void) | undefined): void {
  const latest = useRef(retry);
  latest.current = retry;
  useEffect(() => (problem === undefined ? undefined : recover(problem, () => latest.current?.())), [problem]);
}
