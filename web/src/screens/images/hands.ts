// SPDX-License-Identifier: Apache-2.0
/* The canvas of a pane, as large as its place, and hands on it: mouse, wheel, pen, fingers. */
import type { RefObject, TargetedPointerEvent } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { matrixOf, toImage, zoomAt, type Point } from '../../viewer/geometry.ts';
import { Gestures, type Meaning, type Touch } from '../../viewer/gestures.ts';
import { Stage } from '../../viewer/stage.ts';
import type { PaneProps } from './PaneView.tsx';
import { usedTool } from './Toolbar.tsx';

type Ref<T> = RefObject<T | null>;
/** A pane's props as they are when a hand moves. */
type Latest = { readonly current: PaneProps };

export function useStage() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const stage = useRef<Stage>(null);
  const [size, setSize] = useState('');
  useLayoutEffect(() => {
    if (!canvas.current || !host.current) return undefined;
    const made = new Stage(canvas.current);
    stage.current = made;
    const watcher = new ResizeObserver(([entry]) => {
      if (!entry) return;
      const { width, height } = entry.contentRect;
      made.resize({ width, height });
      setSize(`${width} ${height}`);
    });
    watcher.observe(host.current);
    return () => watcher.disconnect();
  }, []);
  return { canvas, host, stage, isSized: size !== '' };
}

function gesturesOf(stage: Ref<Stage>, latest: Latest): Gestures {
  const now = () => latest.current.pane;
  const onImage = (at: Point): Point => {
    const { image: of, view } = now();
    return of && stage.current ? toImage(matrixOf(view, of, stage.current.box), at) : at;
  };
  const does: Meaning = {
    scroll: (steps) => latest.current.onScroll(steps),
    window: (across, down) => now().turnWindow(across, down),
    pan: (across, down) => now().look({ x: now().view.x + across, y: now().view.y + down }),
    zoom: (by, at) => stage.current && now().look(zoomAt(now().view, stage.current.box, by, at)),
    fit: () => now().look({ zoom: 1, x: 0, y: 0 }),
    tools: () => latest.current.onTools(),
    mark: (phase, at) => {
      const draft = now().measuring;
      const tool = usedTool(now(), latest.current.tool) === 'angle' ? 'angle' : 'length';
      if (phase === 'down') draft.down(tool, onImage(at), at);
      else if (phase === 'move') draft.move(onImage(at));
      else draft.up(onImage(at), at);
      now().look({});
    },
    rest: () => {},
  };
  return new Gestures(
    does,
    () => usedTool(now(), latest.current.tool),
    () => Math.min(Math.max((stage.current?.box.height ?? 400) / now().count, 4), 24),
  );
}

export function useHands(host: Ref<HTMLDivElement>, stage: Ref<Stage>, latest: Latest) {
  const gestures = useMemo(() => gesturesOf(stage, latest), []);
  useEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    // not passive: the page must not scroll or zoom
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      latest.current.onActive();
      const box = element.getBoundingClientRect();
      gestures.wheel(event.deltaY, event.ctrlKey || event.metaKey, [event.clientX - box.left, event.clientY - box.top]);
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, []);

  const touchOf = (event: PointerEvent): Touch => {
    const box = host.current?.getBoundingClientRect();
    return {
      id: event.pointerId, x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0),
      isMouse: event.pointerType === 'mouse', button: Math.max(event.button, 0), time: event.timeStamp,
    };
  };
  return {
    onPointerDown: (event: TargetedPointerEvent<HTMLDivElement>) => {
      latest.current.onActive();
      event.currentTarget.setPointerCapture(event.pointerId);
      gestures.down(touchOf(event));
    },
    onPointerMove: (event: PointerEvent) => gestures.move(touchOf(event)),
    onPointerUp: (event: PointerEvent) => gestures.up(touchOf(event)),
    onPointerCancel: (event: PointerEvent) => gestures.cancel(event.pointerId),
  };
}
