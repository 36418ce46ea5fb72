// SPDX-License-Identifier: Apache-2.0
/* A stack as a film, and what of all that moves is told to those who listen. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Pane } from '../../viewer/pane.ts';

const SAY_MS = 1000;

export function useCine(pane: Pane | undefined, rate: number, go: (to: number) => void): void {
  const latest = useRef(go);
  latest.current = go;
  const isPlaying = pane?.isPlaying ?? false;
  useEffect(() => {
    if (!pane || !isPlaying) return undefined;
    let handle = 0;
    let last = 0;
    const tick = (now: number) => {
      handle = requestAnimationFrame(tick);
      const next = (pane.at + 1) % pane.count;
      // a film waits for what has not come; what was shown before has
      if (now - last < 1000 / rate - 4 || (next > 0 && !pane.isThere(next))) return;
      last = now;
      latest.current(next);
    };
    handle = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(handle);
  }, [pane, isPlaying, rate]);
}

/** At most one sentence a second for those who listen, the last one always. */
export function useSaid(text: string): string {
  const [said, setSaid] = useState('');
  const at = useRef(0);
  useEffect(() => {
    const wait = Math.max(0, at.current + SAY_MS - Date.now());
    const timer = setTimeout(() => {
      at.current = Date.now();
      setSaid(text);
    }, wait);
    return () => clearTimeout(timer);
  }, [text]);
  return said;
}
