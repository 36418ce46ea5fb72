// SPDX-License-Identifier: Apache-2.0
/* A whole long recording in one line: what is loud, what is missing, where the view is. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { columnsOf } from '../../waveform/columns.ts';
import type { Recording } from '../../waveform/recording.ts';

const HEIGHT = 44;

interface OverviewProps {
  overview: Recording;
  start_ms: number;
  view_ms: number;
  onGo: (ms: number) => void;
}

export function Overview({ overview, start_ms, view_ms, onGo }: OverviewProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const lead = overview.leads[0];
  const duration = overview.groups[overview.group]?.duration_ms ?? 1;
  useEffect(() => {
    const box = canvas.current;
    if (!box) return undefined;
    const watch = new ResizeObserver(() => setWidth(box.clientWidth));
    watch.observe(box);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    const made = canvas.current;
    const ctx = made?.getContext('2d');
    if (!made || !ctx || !lead || width === 0) return;
    made.width = width;
    made.height = HEIGHT;
    const { low, high } = columnsOf(lead, 0, lead.span / width, width);
    const least = Math.min(...low.filter((one) => !Number.isNaN(one)));
    const most = Math.max(...high.filter((one) => !Number.isNaN(one)));
    const yOf = (value: number) => HEIGHT - 4 - ((value - least) / Math.max(most - least, 1)) * (HEIGHT - 12);
    ctx.fillStyle = '#fff';
    ctx.fillRect(0, 0, width, HEIGHT);
    ctx.fillStyle = '#5b5f6b';
    for (let x = 0; x < width; x += 1) {
      const top = yOf(high[x] as number);
      if (!Number.isNaN(top)) ctx.fillRect(x, top, 1, Math.max(1, yOf(low[x] as number) - top));
    }
    ctx.fillStyle = '#1d3fb8';
    for (const note of overview.annotations) {
      ctx.fillRect((note.start_ms / duration) * width, 0, Math.max(2, (note.duration_ms / duration) * width), 3);
    }
    ctx.strokeStyle = '#b3261e';
    ctx.lineWidth = 2;
    ctx.strokeRect((start_ms / duration) * width, 1, Math.max(3, (view_ms / duration) * width), HEIGHT - 2);
  }, [overview, start_ms, view_ms, width]);
  return (
    <canvas
      ref={canvas}
      class="w-all"
      aria-hidden="true"
      onClick={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        onGo(((event.clientX - box.left) / box.width) * duration);
      }}
    />
  );
}
