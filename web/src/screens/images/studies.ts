// SPDX-License-Identifier: Apache-2.0
/* The studies on the screen: each opened (and audited) by its entry, given back with the screen. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { api, closeOpening, type EntryHead } from '../../api/client.ts';
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
    return { opening, head, study: await readStudy(opening, signal) };
  } catch (problem) {
    closeOpening(opening);
    throw problem;
  }
}

export function useStudies(entry: string, turn: number) {
  const [studies, setStudies] = useState<Opened[]>([]);
  const [problem, setProblem] = useState<unknown>();
  const open = useRef<{ stop: AbortController; openings: string[] }>({ stop: new AbortController(), openings: [] });

  async function add(id: string): Promise<Opened> {
    const mine = open.current;
    const opened = await openStudy(id, mine.stop.signal);
    if (mine.stop.signal.aborted) closeOpening(opened.opening);
    else {
      mine.openings.push(opened.opening);
      setStudies((old) => [...old, opened]);
    }
    return opened;
  }

  useEffect(() => {
    const mine = { stop: new AbortController(), openings: [] as string[] };
    open.current = mine;
    setStudies([]);
    setProblem(undefined);
    add(entry).catch((failure: unknown) => {
      if (!mine.stop.signal.aborted) setProblem(failure);
    });
    return () => {
      mine.stop.abort();
      for (const opening of mine.openings) closeOpening(opening);
    };
  }, [entry, turn]);
  return { studies, problem, add };
}
