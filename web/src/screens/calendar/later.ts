// SPDX-License-Identifier: Apache-2.0
/* The parts of the screen whose code is not needed for the first picture of it. */
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { lazy, prepareWhenIdle } from '../../ui/lazy.tsx';

export const Panel = lazy(() => import('./Panel.tsx').then((m) => m.Panel), 'content');
export const List = lazy(() => import('./List.tsx').then((m) => m.List));
export const Why = lazy(() => import('./Why.tsx').then((m) => m.Why), 'help');
export const Find = lazy(() => import('./Find.tsx').then((m) => m.Find), 'help');
export const Arrange = lazy(() => import('./Arrange.tsx').then((m) => m.Arrange), 'help');
export const Keys = lazy(() => import('./Keys.tsx').then((m) => m.Keys), 'help');

/** So that the first click waits for the hospital only. */
export function usePrepared(isDrawn: unknown): void {
  useEffect(() => (isDrawn ? prepareWhenIdle([Panel, Why, List, Keys, Find, Arrange]) : undefined), [isDrawn]);
}

/** A part that nobody misses until it is there: asked for when it is wanted, once for each change of that. */
export function useLater<P>(isWanted: unknown, load: () => Promise<ComponentType<P>>, onLost: () => void): ComponentType<P> | undefined {
  const [Part, setPart] = useState<ComponentType<P>>();
  useEffect(() => {
    if (isWanted) load().then((loaded) => setPart(() => loaded), onLost);
  }, [isWanted]);
  return Part;
}
