// SPDX-License-Identifier: Apache-2.0
/* The stretch of a recording that is on the screen and somewhat around it: fetched as it is
 * needed, so that a day of ECG is never there as a whole. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Stretch } from '../../waveform/pages.ts';
import { readRecording, type Recording } from '../../waveform/recording.ts';

/** In the words of the contract; left out = from the start, to the end, every sample. */
export interface Wish {
  group: number;
  from_ms?: number;
  to_ms?: number;
  columns?: number;
}
export type LoadWave = (wish: Wish, signal: AbortSignal) => Promise<ArrayBuffer>;

const AROUND = 1.5; // views before and behind
const LEAST_MS = 30_000;
const LONG_MS = 60_000;
const OVERVIEW = 1000;

export const isLong = (recording: Recording): boolean => (recording.groups[recording.group]?.duration_ms ?? 0) > LONG_MS;

const covers = (recording: Recording | undefined, group: number, from: number, to: number): boolean =>
  recording?.group === group && from >= recording.from_ms && Math.min(to, recording.groups[group]?.duration_ms ?? 0) <= recording.to_ms;

export function useWave(load: LoadWave, group: number, start_ms: number, view_ms: number) {
  const [recording, setRecording] = useState<Recording>();
  const [overview, setOverview] = useState<Recording>();
  const [problem, setProblem] = useState<unknown>();
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;

  const isThere = covers(recording, group, start_ms, start_ms + view_ms);
  useEffect(() => {
    if (isThere && problem === undefined) return undefined;
    const stop = new AbortController();
    const from_ms = Math.max(0, Math.floor(start_ms - view_ms * AROUND));
    const to_ms = from_ms + Math.max(LEAST_MS, Math.ceil(view_ms * (1 + 2 * AROUND)));
    latest.current({ group, from_ms, to_ms }, stop.signal).then(readRecording).then(
      (came) => {
        if (stop.signal.aborted) return;
        setRecording(came);
        setProblem(undefined);
      },
      (failure: unknown) => !stop.signal.aborted && setProblem(failure),
    );
    return () => stop.abort();
    // what is on its way stays so while one scrolls inside it
  }, [group, isThere, isThere ? 0 : Math.floor(start_ms / LEAST_MS), turn]);

  const needsOverview = recording !== undefined && recording.group === group && isLong(recording);
  useEffect(() => {
    setOverview(undefined);
    if (!needsOverview) return undefined;
    const stop = new AbortController();
    // without it there is still the paper
    latest.current({ group, columns: OVERVIEW }, stop.signal).then(readRecording).then(
      (came) => !stop.signal.aborted && setOverview(came),
      () => {},
    );
    return () => stop.abort();
  }, [group, needsOverview]);
  /** What is asked for, whole: from here where it is here. */
  const fetchStretch = async ({ from_ms, to_ms }: Stretch): Promise<Recording> =>
    recording && covers(recording, group, from_ms, to_ms)
      ? recording
      : readRecording(await latest.current({ group, from_ms: Math.floor(from_ms), to_ms: Math.ceil(to_ms) }, new AbortController().signal));

  return { recording, overview, problem, retry: () => { setProblem(undefined); setTurn(turn + 1); }, fetchStretch };
}
