// SPDX-License-Identifier: Apache-2.0
/* The opening and everything that arrives while it is open. */
import { useEffect, useState } from 'preact/hooks';
import { liveState, onLive, onLiveState } from '../../api/live.ts';
import { Due, type Weeks } from '../../calendar/due.ts';
import { weekOf } from '../../calendar/model.ts';
import { Problem } from '../../api/problem.ts';
import { dayNumber } from '../../i18n/wareki.ts';
import { session } from '../../session.ts';
import { undated } from '../patient/undated.ts';
import { takeOpening } from './ahead.ts';
import type { OpenCalendar } from './opening.ts';

const LIVE_WAIT_MS = 250;
const ALIVE_MS = 4 * 60_000;

export function useCalendar(person: string, onGone: () => void) {
  const [calendar, setCalendar] = useState<OpenCalendar>();
  const [problem, setProblem] = useState<unknown>();
  const [version, setVersion] = useState(0);
  const [turn, setTurn] = useState(0);
  const changed = () => setVersion((old) => old + 1);
  useEffect(() => {
    let current: OpenCalendar | undefined;
    let isOver = false;
    const due = new Due((weeks) => void refresh(weeks), LIVE_WAIT_MS);
    setCalendar(undefined);
    setProblem(undefined);
    takeOpening(person).then(
      (opened) => {
        if (isOver) return opened.close();
        current = opened;
        undated.value = opened.model.undated;
        setCalendar(opened);
        changed();
        due.ready();
      },
      (failure: unknown) => {
        if (!isOver) setProblem(failure);
      },
    );
    async function refresh(weeks: Weeks | null): Promise<void> {
      if (!current) return;
      try {
        await current.refresh(weeks);
        undated.value = current.model.undated;
        changed();
      } catch (failure) {
        // what was seen stays under a line that says since when: it is read again on the way back
        if (isOver || (failure instanceof Problem && failure.status === 0)) return;
        current.close();
        current = undefined;
        setCalendar(undefined);
        setProblem(failure);
      }
    }
    const soon = (day: string | null | undefined) => due.add(day ? weekOf(dayNumber(day)) : null);
    const removeLive = onLive((kind, event) => {
      if (event.person !== undefined && event.person !== person) return;
      if (kind === 'entry') soon(event.day);
      else if (kind === 'reload') soon(null);
      else if (kind === 'freshness') soon(session.value?.today);
      else if (kind === 'consent' || kind === 'link') {
        // what may be seen has changed: nothing of before stays on the screen
        onGone();
        setTurn((old) => old + 1);
      }
    });
    // right after the page was loaded nobody listens yet
    let isUnheard = liveState() !== 'open';
    const removeState = onLiveState((state, wasLost) => {
      if (state !== 'open') return;
      if (wasLost) soon(null);
      else if (isUnheard) soon(session.value?.today);
      isUnheard = false;
    });
    // an opening that nobody uses ends; this one is looked at
    const alive = setInterval(() => {
      if (document.visibilityState === 'visible') soon(session.value?.today);
    }, ALIVE_MS);
    return () => {
      isOver = true;
      due.stop();
      clearInterval(alive);
      removeLive();
      removeState();
      current?.close();
    };
  }, [person, turn]);
  return { calendar, problem, version, changed, reopen: () => setTurn((old) => old + 1) };
}
