// SPDX-License-Identifier: Apache-2.0
/* What is looked at: the studies, the panes that show them, the marks on them, and all of it once
 * more when an opening has run out. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { isRefused } from '../../api/problem.ts';
import { useDraw } from '../../ui/draw.ts';
import type { Command } from '../../viewer/keys.ts';
import { firstImage } from '../../viewer/study.ts';
import { useCine } from './cine.ts';
import { hasRunOut } from './calls.ts';
import type { Mark } from './mark.ts';
import { usePanes, useThumbnails } from './panes.ts';
import type { Slots } from './slot.ts';
import { useStudies, type Opened } from './studies.ts';

/* Opened again by itself at most so often: each time is a decision in the audit. */
const REOPEN_MS = 60_000;
const RATE = 15;

interface Shown {
  slots: Slots;
  marks: Mark[];
  renew: () => Promise<Opened[] | undefined>;
  show: (at: number, study: Opened, index: number) => void;
  put: (at: number, study: Opened, index: number, to: number) => void;
  onCarried: (marks: Mark[], isLost: boolean) => void;
}

/** An opening that has run out is a new decision, not another try. */
function useRenewal({ slots, marks, renew, show, put, onCarried }: Shown) {
  const reopenedAt = useRef(0);
  const [renewed, setRenewed] = useState<Opened>();
  const later = useRef<(() => void)[]>([]);
  const now = useRef(marks);
  now.current = marks;
  /* Each is a decision of its own; what is looked at and what was marked stays. */
  async function openAnew(): Promise<void> {
    const [came, { carry }] = await Promise.all([renew(), import('./renew.ts')]);
    if (!came?.[0]) return;
    const { kept, isLost } = carry(came, slots, now.current, put);
    onCarried(kept, isLost);
    if (!slots[0]) show(0, came[0], firstImage(came[0].study));
    setRenewed(came[0]);
  }
  // when all that is on the screen knows its new opening
  useEffect(() => later.current.splice(0).forEach((retry) => retry()), [renewed]);
  const lost = slots.map((one) => one?.pane?.valuesFailure).find(hasRunOut);
  useEffect(() => {
    if (!lost || Date.now() - reopenedAt.current < REOPEN_MS) return;
    reopenedAt.current = Date.now();
    void openAnew();
  }, [lost]);
  function again(of: { retry: () => void }, why: unknown): void {
    if (hasRunOut(why) || isRefused(why, 'study_changed')) {
      later.current.push(() => of.retry());
      void openAnew();
    } else of.retry();
  }
  return { openAnew, again };
}

export type Viewing = ReturnType<typeof useViewing>;

/** `entry` is the first one that is opened; others come beside it. */
export function useViewing(entry: string) {
  const draw = useDraw();
  const { studies, problem, add, renew } = useStudies(entry);
  const panes = usePanes(draw);
  const { store, slots, layout, active, put, meet, divide, go } = panes;
  const thumbnail = useThumbnails(store, studies);
  const [marks, setMarks] = useState<Mark[]>([]);
  const [isLost, setIsLost] = useState(false);
  const [rate, setRate] = useState(RATE);
  const first = studies[0];
  const slot = slots[active];
  const pane = slot?.pane;

  function show(at: number, study: Opened, index: number): void {
    put(at, study, index);
    const ms = slots[at]?.pane?.image?.frame_time_ms;
    if (ms) setRate(Math.min(Math.max(Math.round(1000 / ms), 1), 60));
  }
  useEffect(() => {
    const isNew = first && !slots[0];
    if (isNew) show(0, first, firstImage(first.study));
    // now: a server that knows no opening any more may have been renewed, and this file with it
    if (first) import('./renew.ts').then((m) => void (isNew && m.toNoted(first, put, setIsLost))).catch(() => {});
  }, [first]);
  const onCarried = (kept: Mark[], isAnyLost: boolean) => {
    setMarks(kept);
    setIsLost(isAnyLost);
  };
  const { openAnew, again } = useRenewal({ slots, marks, renew, show, put, onCarried });
  useCine(pane, rate, (to) => go(active, to, 1));

  function play(): void {
    if (!pane || pane.count < 2) return;
    pane.isPlaying = !pane.isPlaying;
    pane.ask();
    draw();
  }
  /* What a key says of the picture that is looked at. */
  function obey(command: Command): void {
    if (!pane) return;
    if (command.does === 'frames') go(active, pane.at + command.by);
    else if (command.does === 'first') go(active, 0);
    else if (command.does === 'last') go(active, pane.count - 1);
    else if (command.does === 'preset') {
      const preset = pane.presets[command.at];
      if (preset) pane.choose(preset);
    } else if (command.does === 'reset') pane.reset();
    else if (command.does === 'invert') pane.invert();
    else if (command.does === 'play') play();
  }
  async function spread(next: number): Promise<void> {
    const { unshown } = await meet();
    divide(next);
    const free = unshown(studies, slots);
    for (let at = 0; at < next; at += 1) {
      const one = slots[at] ? undefined : free.shift();
      if (one) put(at, one.study, one.index);
    }
  }
  async function compare(id: string): Promise<void> {
    const [opened, { likeOf }] = await Promise.all([add(id), meet()]);
    const at = layout === 1 ? 1 : (active + 1) % layout;
    if (layout === 1) divide(2);
    put(at, opened, likeOf(opened.study, slot?.study.study.series[slot.index]));
    setIsLost(false);
  }
  function toMark({ study, index, at }: Mark): void {
    if (slot?.study !== study || slot.index !== index) show(active, study, index);
    go(active, at);
  }
  function toSeries(by: number): void {
    if (!slot) return;
    const next = slot.index + by;
    if (slot.study.study.series[next]) show(active, slot.study, next);
  }
  return { ...panes, studies, problem, first, slot, pane, thumbnail, marks, setMarks, isLost, rate, setRate, openAnew, again, show, play, obey, spread, compare, toMark, toSeries };
}
