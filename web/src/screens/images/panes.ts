// SPDX-License-Identifier: Apache-2.0
/* The panes: what each shows, how they go along with each other, and the pictures that they and the
 * strip of series ask for together. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { crowdMs } from '../../api/problem.ts';
import { DESK_BYTES, Frames, PHONE_BYTES, type Wish } from '../../viewer/cache.ts';
import { Pane, type Loaded } from '../../viewer/pane.ts';
import { framesOf } from '../../viewer/study.ts';
import { loaderOf } from './calls.ts';
import type { Slot } from './slot.ts';
import type { Opened } from './studies.ts';

const AT_A_TIME = 4; // of the six connections that a browser has
const THUMB = 160;

export function usePanes(draw: () => void) {
  const store = useMemo(() => new Frames<Loaded>(innerWidth < 768 ? PHONE_BYTES : DESK_BYTES, AT_A_TIME, draw, crowdMs), []);
  const slots = useRef<(Slot | undefined)[]>([]);
  const [layout, setLayout] = useState(1);
  const [active, setActive] = useState(0);
  const [isLinked, setIsLinked] = useState(true);
  // there is more than one pane only after it has come
  const together = useRef<typeof import('./together.ts')>(undefined);
  const meet = async () => (together.current ??= await import('./together.ts'));
  useEffect(
    () => () => {
      for (const slot of slots.current) slot?.pane?.close();
      store.close();
    },
    [],
  );

  function anchor(): void {
    for (const slot of slots.current) if (slot) slot.anchor = slot.pane?.depth ?? null;
  }
  function put(at: number, study: Opened, index: number, to = 0): Pane | undefined {
    slots.current[at]?.pane?.close();
    const series = study.study.series[index];
    if (!series) return undefined;
    const isImage = series.kind === 'image' && framesOf(series).length > 0;
    const load = loaderOf(study.opening, study.study);
    const pane = isImage ? new Pane(`pane ${at}`, study.opening, series, index, store, load, draw) : undefined;
    pane?.go(to);
    slots.current[at] = { study, index, pane, anchor: null };
    anchor();
    draw();
    return pane;
  }
  function divide(next: number): void {
    for (const slot of slots.current.splice(next)) slot?.pane?.close();
    setLayout(next);
    setActive((old) => Math.min(old, next - 1));
  }
  /* The others go as far as this one went. */
  function go(at: number, to: number, direction?: 1 | -1): void {
    const leader = slots.current[at];
    if (!leader?.pane) return;
    const before = leader.pane.at;
    leader.pane.go(to, direction);
    if (isLinked) together.current?.follow(slots.current, leader, leader.pane.at - before);
  }
  const link = () => {
    anchor();
    setIsLinked(!isLinked);
  };
  return { store, slots: slots.current, layout, active, isLinked, setActive, put, meet, cutsOn: together.current?.cutsOn, divide, go, link };
}

export function useThumbnails(store: Frames<Loaded>, studies: Opened[]) {
  const keyOf = (opening: string, index: number) => `thumbnail ${opening} ${index}`;
  useEffect(() => {
    const wishes = studies.flatMap(({ opening, study }) => {
      const load = loaderOf(opening, study);
      return study.series.flatMap((series, index): Wish[] => {
        const frames = framesOf(series);
        const middle = frames[frames.length >> 1];
        if (series.kind !== 'image' || !middle || !series.instances[middle.instance]?.is_supported) return [];
        const asked = { q: 'preview', size: THUMB } as const;
        return [{ key: keyOf(opening, index), load: (signal) => load({ series: index, ...middle }, asked, signal) }];
      });
    });
    store.want('strip', wishes);
  }, [studies]);
  return (opening: string, index: number) => store.take(keyOf(opening, index));
}
