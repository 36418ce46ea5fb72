// SPDX-License-Identifier: Apache-2.0
/* Entries as they are opened: each by its handle, with a decision and a line of the audit of its
 * own, and closed when nobody looks at it any more. */
import { useEffect, useState } from 'preact/hooks';
import { api, closeOpening, type Content, type EntryHead } from '../../api/client.ts';

const SLOW_MS = 3000;

export interface Opened {
  opening: string;
  entry: EntryHead;
  previous: string | null;
  next: string | null;
}

/** The entry of the panel; the one before stays known while the next one comes. */
export function useOpened(id: string, turn: number) {
  const [opened, setOpened] = useState<Opened>();
  const [content, setContent] = useState<Content>();
  const [problem, setProblem] = useState<unknown>();
  const [isSlow, setIsSlow] = useState(false);
  useEffect(() => {
    setContent(undefined);
    setProblem(undefined);
    setIsSlow(false);
    if (id === '') return;
    const abort = new AbortController();
    let opening: string | undefined;
    const timer = setTimeout(() => setIsSlow(true), SLOW_MS);
    void (async () => {
      try {
        const answer = await api.openEntry(id, abort.signal);
        opening = answer.opening;
        if (abort.signal.aborted) return closeOpening(opening);
        setOpened(answer);
        if (answer.entry.state === 'incomplete') return;
        setContent(await api.content(opening, abort.signal));
      } catch (failure) {
        if (!abort.signal.aborted) setProblem(failure);
      } finally {
        clearTimeout(timer);
        if (!abort.signal.aborted) setIsSlow(false);
      }
    })();
    return () => {
      clearTimeout(timer);
      abort.abort();
      if (opening) closeOpening(opening);
    };
  }, [id, turn]);
  const isCurrent = opened?.entry.id === id;
  return { opened: isCurrent ? opened : undefined, before: opened, content, problem, isSlow };
}

interface Part {
  opened?: Opened;
  content?: Content;
  problem?: unknown;
}

/** Opens the other entries too, each by its own decision and in the audit. */
export function useParts(ids: string[], turn: number): Map<string, Part> {
  const [parts, setParts] = useState(new Map<string, Part>());
  const key = ids.join(' ');
  useEffect(() => {
    const abort = new AbortController();
    const openings: string[] = [];
    setParts(new Map());
    const put = (id: string, part: Part) => {
      if (!abort.signal.aborted) setParts((old) => new Map(old).set(id, part));
    };
    for (const id of ids) {
      void (async () => {
        try {
          const opened = await api.openEntry(id, abort.signal);
          if (abort.signal.aborted) return closeOpening(opened.opening);
          openings.push(opened.opening);
          put(id, { opened, content: await api.content(opened.opening, abort.signal) });
        } catch (problem) {
          put(id, { problem });
        }
      })();
    }
    return () => {
      abort.abort();
      for (const opening of openings) closeOpening(opening);
    };
  }, [key, turn]);
  return parts;
}
