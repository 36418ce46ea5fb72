// SPDX-License-Identifier: Apache-2.0
/* The studies on the screen: each opened (and audited) by its entry, given back with the screen. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { api, closeOpening, type EntryHead } from '../../api/client.ts';
import { Problem, isRefused } from '../../api/problem.ts';
import type { Study } from '../../viewer/study.ts';
import { readStudy } from './calls.ts';

export interface Opened {
  opening: string;
  head: EntryHead;
  study: Study;
}

async function openStudy(entry: string, signal: AbortSignal): Promise<Opened> {
  const { opening, entry: head } = await api.openEntry(entry, signal);
  try {
    signal.throwIfAborted();
    const study = await readStudy(opening, signal);
    if (study.series.length > 0) return { opening, head, study };
    throw new Problem({ code: 'not_found', status: 404 });
  } catch (problem) {
    closeOpening(opening);
    // the entry is there: its order names a study that the hospital's archive does not have
    throw isRefused(problem, 'not_found') ? new Problem({ code: 'study_absent', status: 404 }) : problem;
  }
}

interface Openings {
  stop: AbortController;
  openings: string[];
}
const none = (): Openings => ({ stop: new AbortController(), openings: [] });

/** `entry` is the first one, and stays so: the screen is made anew for another. */
export function useStudies(entry: string) {
  const [studies, setStudies] = useState<Opened[]>([]);
  const [problem, setProblem] = useState<unknown>();
  const open = useRef(none());
  const ids = useRef([entry]);
  const isBusy = useRef(false);

  async function openOne(id: string): Promise<Opened> {
    const mine = open.current;
    const opened = await openStudy(id, mine.stop.signal);
    if (mine.stop.signal.aborted) closeOpening(opened.opening);
    else mine.openings.push(opened.opening);
    return opened;
  }
  async function add(id: string): Promise<Opened> {
    const { stop } = open.current;
    const opened = await openOne(id);
    if (!stop.signal.aborted) {
      ids.current.push(id);
      setStudies((old) => [...old, opened]);
    }
    return opened;
  }
  function close(): void {
    open.current.stop.abort();
    for (const opening of open.current.openings) closeOpening(opening);
    open.current = none();
  }
  /** All that is on the screen once more, each a decision of its own. What was there stays until
   * they have come; without the first one nothing does. */
  async function renew(): Promise<Opened[] | undefined> {
    if (isBusy.current) return undefined;
    isBusy.current = true;
    close();
    const { stop } = open.current;
    setProblem(undefined);
    const answers = await Promise.allSettled(ids.current.map(openOne));
    if (stop.signal.aborted) return undefined;
    isBusy.current = false;
    const [first] = answers;
    if (first?.status === 'rejected') {
      setStudies([]);
      setProblem(first.reason);
      return undefined;
    }
    const came = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    ids.current = came.map(({ head }) => head.id);
    setStudies(came);
    return came;
  }

  useEffect(() => {
    void renew();
    return close;
  }, []);
  return { studies, problem, add, renew };
}
