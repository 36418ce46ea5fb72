// SPDX-License-Identifier: Apache-2.0
/* An ECG (or another waveform) on millimetre paper. */
import '../../styles/waves.css';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { t, type Key } from '../../i18n/t.ts';
import { preferences } from '../../preferences.ts';
import { Icon } from '../../ui/Icon.tsx';
import { Notice, ProblemNotice } from '../../ui/pieces.tsx';
import { clockOf, timeAt } from '../../waveform/clock.ts';
import { draw } from '../../waveform/draw.ts';
import { commandOf, type Command } from '../../waveform/keys.ts';
import { pagesOf, stretchOf } from '../../waveform/pages.ts';
import { BrokenRecording, type Recording } from '../../waveform/recording.ts';
import { topsOf } from '../../waveform/room.ts';
import {
  baselineOf, clampStart, GAINS, gutterPx, heightPx, layoutsFor, LAYOUTS, measure, pxPerMs, rowPx, sheetOf, SPEEDS, widthPx, ZOOM, ZOOMS,
  type Gain, type Layout, type Scale, type Sheet, type Speed,
} from '../../waveform/sheet.ts';
import { Facts } from './Facts.tsx';
import { Jump } from './Jump.tsx';
import { Overview } from './Overview.tsx';
import { claimsOf, durationOf } from './facts.ts';
import type { Printable } from './PrintWave.tsx';
import { elapsed } from './words.ts';
import { isLong, useWave, type LoadWave } from './useWave.ts';

export interface WavesProps {
  load: LoadWave;
  again: (of: { retry: () => void }, why: unknown) => void;
  /** To scale, on as many sheets as it needs. */
  onPrint: (printable: Printable) => void;
}

/** A point on the paper: time of the sheet, height in pixels. */
interface Leg {
  ms: number;
  y: number;
}
type Caliper = [Leg, Leg];

const CALIPER = '#b3261e';
const FIRST_VIEW_MS = 10_000;
/** At most so much for a wave beyond the first row or the last. */
const EDGE_MM = 20;
/** A page, in parts of the view: the last second stays in sight. */
const TURN = 0.9;

function drawCaliper(ctx: CanvasRenderingContext2D, legs: Caliper, xOf: (ms: number) => number, height: number): void {
  ctx.strokeStyle = CALIPER;
  ctx.lineWidth = 1.5;
  const [left, right] = [xOf(legs[0].ms), xOf(legs[1].ms)];
  ctx.beginPath();
  for (const x of [left, right]) {
    ctx.moveTo(x, 0);
    ctx.lineTo(x, height);
  }
  for (const { y } of legs) {
    ctx.moveTo(left, y);
    ctx.lineTo(right, y);
  }
  ctx.stroke();
}

function Pick<T extends string | number>(props: {
  label: Key; value: T; options: readonly T[]; say: (value: T) => string; onChange: (value: T) => void;
}) {
  return (
    <label class="w-pick">
      <span>{t(props.label)}</span>
      <select
        value={String(props.value)}
        onChange={(event) => props.onChange(props.options[event.currentTarget.selectedIndex] as T)}
      >
        {props.options.map((option) => (
          <option key={option} value={String(option)}>
            {props.say(option)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** What the paper cannot claim, in words. */
function Claims({ recording }: { recording: Recording }) {
  const { hasTime, unscaled, unsupported } = claimsOf(recording);
  return (
    <>
      {!hasTime && (
        <Notice tone="wait" title={t('wave.no_time')}>
          <p>{t('wave.no_time.text')}</p>
        </Notice>
      )}
      {unscaled && (
        <Notice title={t('wave.no_scale')}>
          <p>{t('wave.no_scale.text', { leads: unscaled })}</p>
        </Notice>
      )}
      {unsupported && (
        <Notice tone="wait" title={t('wave.unsupported')}>
          <p>{t('wave.unsupported.text', { leads: unsupported })}</p>
        </Notice>
      )}
    </>
  );
}

function next<T>(list: readonly T[], value: T, by: number): T {
  const at = list.indexOf(value) + by;
  return list[Math.max(0, Math.min(at, list.length - 1))] as T;
}

interface PaperProps {
  recording: Recording;
  sheet: Sheet;
  scale: Scale;
  start_ms: number;
  legs: Caliper | undefined;
  isMeasuring: boolean;
  onScroll: (by_ms: number) => void;
  onLegs: (legs: Caliper) => void;
  onWidth: (px: number) => void;
}

function Canvas({ recording, sheet, scale, start_ms, legs, isMeasuring, onScroll, onLegs, onWidth }: PaperProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const from = useRef<{ x: number; leg: Leg } | null>(null);
  const height = heightPx(sheet, scale);
  const shown = Math.min(width, Math.ceil(widthPx(sheet, scale) + gutterPx(scale)));
  const perMs = pxPerMs(scale);
  const notes = useMemo(() => {
    const start = recording.groups[recording.group]?.start_ms ?? 0;
    return recording.annotations.map((note) => ({ ...note, start_ms: note.start_ms - start }));
  }, [recording]);

  // measured and drawn before the frame is shown: waiting for one of each costs three
  useLayoutEffect(() => {
    const box = canvas.current?.parentElement;
    if (!box) return undefined;
    const take = () => {
      setWidth(box.clientWidth);
      onWidth(box.clientWidth);
    };
    const watch = new ResizeObserver(take);
    take();
    watch.observe(box);
    return () => watch.disconnect();
  }, []);
  useLayoutEffect(() => {
    const made = canvas.current;
    const ctx = made?.getContext('2d');
    if (!made || !ctx || shown === 0) return;
    const ratio = devicePixelRatio || 1;
    made.width = Math.round(shown * ratio);
    made.height = Math.round(height * ratio);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw(ctx, { scale, width: shown, height, start_ms }, sheet, recording.leads, notes);
    if (legs) drawCaliper(ctx, legs, (ms) => gutterPx(scale) + (ms - start_ms) * perMs, height);
  }, [recording, sheet, scale, start_ms, shown, height, legs, notes]);
  useEffect(() => {
    const made = canvas.current;
    if (!made) return undefined;
    // a page that scrolls down must go on doing so
    const onWheel = (event: WheelEvent) => {
      const along = event.deltaX || (event.shiftKey ? event.deltaY : 0);
      if (along === 0) return;
      event.preventDefault();
      onScroll(along / perMs);
    };
    made.addEventListener('wheel', onWheel, { passive: false });
    return () => made.removeEventListener('wheel', onWheel);
  }, [perMs, onScroll]);

  const legAt = (event: PointerEvent): Leg => {
    const box = canvas.current?.getBoundingClientRect();
    const x = event.clientX - (box?.left ?? 0);
    return { ms: start_ms + (x - gutterPx(scale)) / perMs, y: event.clientY - (box?.top ?? 0) };
  };
  return (
    <canvas
      ref={canvas}
      class={isMeasuring ? 'is-measuring' : ''}
      style={{ width: `${shown}px`, height: `${height}px` }}
      aria-hidden="true"
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        const leg = legAt(event);
        from.current = { x: event.clientX, leg };
        event.currentTarget.setPointerCapture(event.pointerId);
        if (isMeasuring) onLegs([leg, leg]);
      }}
      onPointerMove={(event) => {
        const held = from.current;
        if (!held) return;
        if (isMeasuring) onLegs([held.leg, legAt(event)]);
        else {
          onScroll((held.x - event.clientX) / perMs);
          from.current = { ...held, x: event.clientX };
        }
      }}
      onPointerUp={() => (from.current = null)}
      onPointerCancel={() => (from.current = null)}
    />
  );
}

function Reading({ legs, scale }: { legs: Caliper; scale: Scale }) {
  const px = (leg: Leg) => ({ x: leg.ms * pxPerMs(scale), y: leg.y });
  const { ms, bpm, mv } = measure(px(legs[0]), px(legs[1]), scale);
  const said = [
    t('wave.caliper.ms', { ms }), bpm !== null && t('wave.caliper.bpm', { bpm }), t('wave.caliper.mv', { mv: mv.toFixed(2) }),
  ];
  return <b class="num">{said.filter(Boolean).join('　')}</b>;
}

export function Waves({ load, again, onPrint }: WavesProps) {
  const [group, setGroup] = useState(0);
  const [wanted, setLayout] = useState<Layout>(innerWidth < 768 ? '12x1' : '3x4');
  const [speed, setSpeed] = useState<Speed>(25);
  const [gain, setGain] = useState<Gain>(10);
  const [zoom, setZoom] = useState<number>(ZOOM);
  const [start, setStart] = useState(0);
  const [width, setWidth] = useState(0);
  const [isPrinting, setIsPrinting] = useState(false);
  const [printProblem, setPrintProblem] = useState<unknown>();
  const field = useRef<HTMLInputElement>(null);
  const [isMeasuring, setIsMeasuring] = useState(false);
  const [legs, setLegs] = useState<Caliper>();
  const plain = useMemo<Scale>(() => ({ mm: ZOOMS[zoom] ?? 4, speed, gain }), [zoom, speed, gain]);
  const view_ms = width > 0 ? Math.max(0, width - gutterPx(plain)) / pxPerMs(plain) : FIRST_VIEW_MS;
  const { recording, overview, problem, retry, fetchStretch } = useWave(load, group, start, view_ms);
  const retryIt = () => again({ retry }, problem);
  const layouts = recording ? layoutsFor(recording.leads) : LAYOUTS;
  const layout = recording && isLong(recording) ? '12x1' : layouts.includes(wanted) ? wanted : '12x1';
  const sheet = useMemo(
    () => (recording ? sheetOf(recording.leads, layout, durationOf(recording)) : undefined),
    [recording, layout],
  );
  // rows that move while one scrolls would be worse than rows that meet: only what is here as a whole
  const isWhole = recording !== undefined && !isLong(recording) && recording.from_ms <= 0 && recording.to_ms >= durationOf(recording);
  const scale = useMemo<Scale>(
    () => (isWhole && sheet ? { ...plain, tops_mm: topsOf(sheet, recording.leads, gain, { edge_mm: EDGE_MM }) } : plain),
    [plain, isWhole && sheet],
  );
  const most = sheet ? clampStart(sheet, scale, Infinity, width) : 0;

  const to = (ms: number) => setStart(Math.max(0, Math.min(ms, most)));
  const scroll = (by_ms: number) => setStart((old) => Math.max(0, Math.min(old + by_ms, most)));
  useEffect(() => {
    if (start > most) setStart(most);
  }, [most]);
  useEffect(() => {
    setStart(0);
    setLegs(undefined);
  }, [group]);
  // heights mean something else on another paper
  useEffect(() => setLegs(undefined), [scale, layout]);

  function toggle(): void {
    setIsMeasuring(!isMeasuring);
    if (!isMeasuring && sheet) {
      const y = baselineOf(0, scale) - rowPx(scale) / 4;
      const ms = start + view_ms / 4;
      setLegs([{ ms, y }, { ms: ms + 800, y }]);
    } else setLegs(undefined);
  }
  function run(command: Command): void {
    if (command.does === 'scroll') scroll(command.by * view_ms);
    else if (command.does === 'end') to(command.to === 'start' ? 0 : most);
    else if (command.does === 'time') field.current?.focus();
    else if (command.does === 'caliper') toggle();
    else if (command.does === 'leg' && legs) {
      const far = legs[1];
      setLegs([legs[0], { ms: far.ms + (command.x * scale.mm) / pxPerMs(scale), y: far.y + command.y * scale.mm }]);
    } else if (command.does === 'gain') setGain(next(GAINS, gain, command.by));
    else if (command.does === 'speed') setSpeed(next(SPEEDS, speed, command.by));
    else if (command.does === 'layout') setLayout(next(layouts, layout, command.by));
    else if (command.does === 'zoom') setZoom((old) => Math.max(0, Math.min(old + command.by, ZOOMS.length - 1)));
    else if (command.does === 'back') {
      setIsMeasuring(false);
      setLegs(undefined);
    }
  }

  async function print(): Promise<void> {
    if (!recording) return;
    const duration = durationOf(recording);
    setIsPrinting(true);
    try {
      const whole = await fetchStretch(stretchOf(duration, { speed, start_ms: start }));
      const pages = pagesOf(whole, duration, { layout, speed, gain, start_ms: start });
      onPrint({ recording: whole, pages, speed, gain });
      setPrintProblem(undefined);
    } catch (failure) {
      setPrintProblem(failure);
    }
    setIsPrinting(false);
  }
  // under the opening that there is then
  const printing = useRef(print);
  printing.current = print;

  if (!recording || !sheet) {
    if (problem instanceof BrokenRecording || problem instanceof SyntaxError) {
      return (
        <Notice tone="bad" title={t('wave.broken')}>
          <p>{t('wave.broken.next')}</p>
          <button type="button" class="btn compact" onClick={retryIt}>
            <Icon name="refresh" />
            {t('app.retry')}
          </button>
        </Notice>
      );
    }
    if (problem !== undefined) return <ProblemNotice problem={problem} retry={retryIt} reads />;
    return (
      <div class="w-wait" role="status">
        <span class="sr">{t('wave.loading')}</span>
        <div class="skel" />
      </div>
    );
  }
  const label = recording.groups[group]?.label ?? '';
  const clock = clockOf(recording);
  const whenAt = (ms: number) => (clock === undefined ? elapsed(ms) : `${timeAt(clock + ms)}　${elapsed(ms)}`);
  return (
    <div class="w">
      <div class="w-tools">
        {recording.groups.length > 1 && (
          <Pick
            label="wave.group"
            value={group}
            options={recording.groups.map((_, at) => at)}
            say={(at) => recording.groups[at]?.label ?? ''}
            onChange={setGroup}
          />
        )}
        {layouts.length > 1 && !isLong(recording) && (
          <Pick label="wave.layout" value={layout} options={layouts} say={(one) => t(`wave.layout.${one}`)} onChange={setLayout} />
        )}
        <Pick label="wave.speed" value={speed} options={SPEEDS} say={(n) => t('wave.speed.mm', { n })} onChange={setSpeed} />
        <Pick label="wave.gain" value={gain} options={GAINS} say={(n) => t('wave.gain.mm', { n })} onChange={setGain} />
        <span class="w-pair">
          <button type="button" class="btn compact icon" disabled={zoom === 0} onClick={() => setZoom(zoom - 1)}>
            <span aria-hidden="true">−</span>
            <span class="sr">{t('wave.smaller')}</span>
          </button>
          <button type="button" class="btn compact icon" disabled={zoom === ZOOMS.length - 1} onClick={() => setZoom(zoom + 1)}>
            <Icon name="plus" />
            <span class="sr">{t('wave.larger')}</span>
          </button>
        </span>
        <button type="button" class="btn compact" aria-pressed={isMeasuring} onClick={toggle}>
          {t('wave.caliper')}
        </button>
        <button type="button" class="btn compact" disabled={isPrinting} onClick={() => void print()}>
          <Icon name="print" />
          {t('wave.print')}
        </button>
        <output class="w-said" aria-live="polite">
          {legs ? <Reading legs={legs} scale={scale} /> : isMeasuring && t('wave.caliper.how')}
        </output>
      </div>
      <Claims recording={recording} />
      <div
        class="w-paper"
        role="group"
        tabIndex={0}
        aria-label={t('wave.paper', { name: label })}
        onKeyDown={(event) => {
          const isModified = event.ctrlKey || event.metaKey || event.altKey;
          const command = commandOf({ key: event.key, shiftKey: event.shiftKey, isModified }, isMeasuring, preferences.value.letters);
          if (!command || (command.does === 'back' && !isMeasuring)) return;
          event.preventDefault();
          run(command);
        }}
      >
        <Canvas
          recording={recording}
          sheet={sheet}
          scale={scale}
          start_ms={start}
          legs={legs}
          isMeasuring={isMeasuring}
          onScroll={scroll}
          onLegs={setLegs}
          onWidth={setWidth}
        />
        {problem !== undefined && (
          <div class="w-over">
            <ProblemNotice problem={problem} retry={retryIt} reads />
          </div>
        )}
      </div>
      {most > 0 && (
        <div class="w-where">
          {overview && <Overview overview={overview} start_ms={start} view_ms={view_ms} onGo={(ms) => to(ms - view_ms / 2)} />}
          <input
            type="range"
            min={0}
            max={Math.ceil(most)}
            step={Math.max(1, Math.round(view_ms / 10))}
            value={start}
            aria-label={t('wave.position')}
            aria-valuetext={t('wave.at', { at: whenAt(start) })}
            onInput={(event) => to(Number(event.currentTarget.value))}
          />
          <Jump
            field={field}
            clock={clock}
            start_ms={start}
            duration_ms={durationOf(recording)}
            onTurn={(by) => scroll(by * TURN * view_ms)}
            onGo={to}
          />
        </div>
      )}
      {printProblem !== undefined && <ProblemNotice problem={printProblem} retry={() => again({ retry: () => void printing.current() }, printProblem)} />}
      <p class="small quiet">
        <b>{t('wave.not_diagnostic')}</b> {t('wave.reference')}
      </p>
      <Facts recording={overview ? { ...recording, annotations: overview.annotations, annotations_left_off: overview.annotations_left_off } : recording} onGo={(ms) => to(ms - view_ms / 3)} />
    </div>
  );
}
