// SPDX-License-Identifier: Apache-2.0
/* The view and its address: each choice is a step of the browser's history, moving only amends
 * the step. Back, forward, a reload and a copied link lead to the same view. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { queryOf, readAddress, type View } from './address.ts';

const REST_MS = 300;

export function useAddress(onMoved: (from: number | null) => void) {
  const [start] = useState(() => readAddress(location.search));
  const [view, setView] = useState<View>(start);
  const own = useRef(location.pathname);
  /* Where the grid stands, known sooner than the address says it. */
  const from = useRef(start.from);
  const resting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const moved = useRef(onMoved);
  moved.current = onMoved;

  function amend(shown: View): void {
    clearTimeout(resting.current);
    if (location.pathname !== own.current) return;
    const query = queryOf({ ...shown, from: from.current });
    if (query !== location.search) history.replaceState(history.state, '', own.current + query);
  }
  const latest = useRef(amend.bind(null, view));
  latest.current = amend.bind(null, view);

  useEffect(() => {
    latest.current(); // without what nobody knows
    const onBack = () => {
      if (location.pathname !== own.current) return;
      clearTimeout(resting.current);
      const then = readAddress(location.search);
      from.current = then.from;
      setView(then);
      moved.current(then.from);
    };
    addEventListener('popstate', onBack);
    return () => {
      removeEventListener('popstate', onBack);
      latest.current();
    };
  }, []);

  return {
    view,
    from,
    choose(change: Partial<View>): void {
      const next = { ...view, ...change };
      amend(view);
      const query = queryOf({ ...next, from: from.current });
      if (query !== location.search) history.pushState(null, '', own.current + query);
      setView(next);
    },
    /** What was no choice of a person is no step. */
    correct(change: Partial<View>): void {
      setView({ ...view, ...change });
      amend({ ...view, ...change });
    },
    /** After each move of the grid; many at once are one. */
    note(day: number | null): void {
      if (day === from.current) return;
      from.current = day;
      clearTimeout(resting.current);
      resting.current = setTimeout(() => latest.current(), REST_MS);
    },
  };
}
