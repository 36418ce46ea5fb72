// SPDX-License-Identifier: Apache-2.0
/* The viewer of one entry's images: panes, tools, series, what to compare with. */
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Link, useLocation } from 'wouter-preact';
import '../../styles/images.css';
import type { Facility, Person } from '../../api/client.ts';
import { crowdMs, isRefused } from '../../api/problem.ts';
import { t } from '../../i18n/t.ts';
import { slashed } from '../../i18n/wareki.ts';
import { preferences } from '../../preferences.ts';
import { participants } from '../../session.ts';
import { Icon } from '../../ui/Icon.tsx';
import { useDraw } from '../../ui/draw.ts';
import { lazy } from '../../ui/lazy.tsx';
import { FacilityMark, ProblemNotice } from '../../ui/pieces.tsx';
import { DESK_BYTES, Frames, PHONE_BYTES, type Wish } from '../../viewer/cache.ts';
import type { Tool } from '../../viewer/gestures.ts';
import { commandOf, type Command } from '../../viewer/keys.ts';
import { Pane, type Loaded } from '../../viewer/pane.ts';
import { firstImage, framesOf } from '../../viewer/study.ts';
import { PaneView, sayOf } from './PaneView.tsx';
import { isOf, markOf, type Mark } from './mark.ts';
import { Strip, seriesName } from './Strip.tsx';
import { Toolbar, isOff, usedTool } from './Toolbar.tsx';
import { formatOf, hasRunOut, instanceUrl, loaderOf, zipUrl } from './calls.ts';
import type { Slot } from './slot.ts';
import { useStudies, type Opened } from './studies.ts';

const Compare = lazy(() => import('./Compare.tsx').then((m) => m.Compare));
const SeriesPaper = lazy(() => import('./Paper.tsx').then((m) => m.SeriesPaper));
const ImageKeys = lazy(() => import('./Keys.tsx').then((m) => m.ImageKeys), 'help');
const KeyStrip = lazy(() => import('./KeyStrip.tsx').then((m) => m.KeyStrip), 'key');
const KeySheet = lazy(() => import('./KeySheet.tsx').then((m) => m.KeySheet), 'key', 'print');
const LeaveMarks = lazy(() => import('./KeyStrip.tsx').then((m) => m.LeaveMarks), 'key');
const PrintImage = lazy(() => import('./KeySheet.tsx').then((m) => m.PrintImage), 'print');

const AT_A_TIME = 4; // of the six connections that a browser has
const THUMB = 160;
const SAY_MS = 1000;
/* Opened again by itself at most so often: each time is a decision in the audit. */
const REOPEN_MS = 60_000;
const RATE = 15;

export interface ImagesProps {
  person: Person;
  entry: string;
}

/** At most one sentence a second for those who listen, the last one always. */
function useSaid(text: string): string {
  const [said, setSaid] = useState('');
  const at = useRef(0);
  useEffect(() => {
    const wait = Math.max(0, at.current + SAY_MS - Date.now());
    const timer = setTimeout(() => {
      at.current = Date.now();
      setSaid(text);
    }, wait);
    return () => clearTimeout(timer);
  }, [text]);
  return said;
}

function usePanes(draw: () => void) {
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

function useThumbnails(store: Frames<Loaded>, studies: Opened[]) {
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

function useCine(pane: Pane | undefined, rate: number, go: (to: number) => void): void {
  const latest = useRef(go);
  latest.current = go;
  const isPlaying = pane?.isPlaying ?? false;
  useEffect(() => {
    if (!pane || !isPlaying) return undefined;
    let handle = 0;
    let last = 0;
    const tick = (now: number) => {
      handle = requestAnimationFrame(tick);
      const next = (pane.at + 1) % pane.count;
      // a film waits for what has not come; what was shown before has
      if (now - last < 1000 / rate - 4 || (next > 0 && !pane.isThere(next))) return;
      last = now;
      latest.current(next);
    };
    handle = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(handle);
  }, [pane, isPlaying, rate]);
}

function Save({ slot }: { slot: Slot }) {
  const { opening } = slot.study;
  const instance = slot.pane?.frames[slot.pane.at]?.instance ?? 0;
  return (
    <details class="v-menu">
      <summary class="btn compact">
        <Icon name="download" />
        <span class="v-word">{t('image.save')}</span>
      </summary>
      <div>
        <a href={instanceUrl({ opening, series: slot.index, instance })} download>
          {slot.pane ? t('image.save.one') : t('image.save.this', { format: formatOf(slot.study.study.series[slot.index]) })}
        </a>
        <a href={zipUrl(opening, slot.index)} download>
          {t('image.save.series')}
        </a>
        <a href={zipUrl(opening)} download>
          {t('image.save.study')}
        </a>
        <p class="small">{t('image.save.note')}</p>
      </div>
    </details>
  );
}

function Waiting({ person, problem, retry }: { person: string; problem: unknown; retry: () => void }) {
  return (
    <div class="page narrow stack">
      {problem !== undefined ? (
        <>
          <ProblemNotice problem={problem} retry={retry} reads />
          <p>
            <Link class="btn" href={`/p/${person}/calendar`}>
              {t('image.back')}
            </Link>
          </p>
        </>
      ) : (
        <div class="v-opening" role="status">
          <span>{t('image.opening')}</span>
          <div class="skel" />
        </div>
      )}
    </div>
  );
}

export function Images({ person, entry }: ImagesProps) {
  const [, navigate] = useLocation();
  const draw = useDraw();
  const { studies, problem, add, renew } = useStudies(entry);
  const { store, slots, layout, active, isLinked, setActive, put, meet, cutsOn, divide, go, link } = usePanes(draw);
  const thumbnail = useThumbnails(store, studies);
  const [tool, setTool] = useState<Tool>('scroll');
  const [isOpen, setIsOpen] = useState(false);
  const [dialog, setDialog] = useState<'compare' | 'keys' | 'sheet' | 'leave' | null>(null);
  const [paper, setPaper] = useState<Blob>();
  const [sheets, setSheets] = useState<JSX.Element>();
  const [marks, setMarks] = useState<Mark[]>([]);
  const [isLost, setIsLost] = useState(false);
  const [rate, setRate] = useState(RATE);
  const panes = useRef<HTMLDivElement>(null);
  const reopenedAt = useRef(0);
  const [renewed, setRenewed] = useState<Opened>();
  const later = useRef<(() => void)[]>([]);
  const first = studies[0];
  const slot = slots[active];
  const pane = slot?.pane;
  const facilityOf = (id: string): Facility | undefined => participants.value.byId.get(id);
  const back = `/p/${person.id}/calendar`;

  useEffect(() => {
    const isNew = first && !slots[0];
    if (isNew) show(0, first, firstImage(first.study));
    // now: a server that knows no opening any more may have been renewed, and this file with it
    if (first) import('./renew.ts').then((m) => void (isNew && m.toNoted(first, put, setIsLost))).catch(() => {});
  }, [first]);
  const now = useRef(marks);
  now.current = marks;
  /* Each is a decision of its own; what is looked at and what was marked stays. */
  async function openAnew(): Promise<void> {
    const [came, { carry }] = await Promise.all([renew(), import('./renew.ts')]);
    if (!came?.[0]) return;
    const { kept, isLost: isAnyLost } = carry(came, slots, now.current, put);
    setMarks(kept);
    setIsLost(isAnyLost);
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
  useCine(pane, rate, (to) => go(active, to, 1));
  const said = useSaid(pane ? sayOf(pane) : '');

  function show(at: number, study: Opened, index: number): void {
    put(at, study, index);
    const ms = slots[at]?.pane?.image?.frame_time_ms;
    if (ms) setRate(Math.min(Math.max(Math.round(1000 / ms), 1), 60));
  }
  /* An opening that has run out is a new decision, not another try. */
  function again(of: { retry: () => void }, why: unknown): void {
    if (hasRunOut(why) || isRefused(why, 'study_changed')) {
      later.current.push(() => of.retry());
      void openAnew();
    } else of.retry();
  }
  function leave(): void {
    // where one came from, as it was left
    if ((history.state as { isFromCalendar?: boolean } | null)?.isFromCalendar) history.back();
    else navigate(back);
  }
  const hasMark = (of: Slot | undefined) => marks.some((one) => isOf(one, of && markOf(of.study, of.pane)));
  function mark(): void {
    const one = slot && markOf(slot.study, pane);
    if (!one) return;
    const without = (all: Mark[]) => all.filter((old) => !isOf(old, one));
    if (hasMark(slot)) setMarks(without);
    else shot((blob) => setMarks((old) => [...without(old), { ...one, blob }]));
  }
  function askLeave(): void {
    if (marks.some(({ isKept }) => !isKept)) setDialog('leave');
    else leave();
  }
  function play(): void {
    if (!pane || pane.count < 2) return;
    pane.isPlaying = !pane.isPlaying;
    pane.ask();
    draw();
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
  function run(command: Command): void {
    if (paper || dialog) {
      if (command.does !== 'back') return;
      setPaper(undefined);
      setDialog(null);
    } else if (command.does === 'back') {
      if (isOpen) setIsOpen(false);
      else if (pane?.measuring.draft) pane.clear();
      else askLeave();
    } else if (command.does === 'help') setDialog('keys');
    else if (command.does === 'series') toSeries(command.by);
    else if (!pane) return;
    else if (command.does === 'frames') go(active, pane.at + command.by);
    else if (command.does === 'first') go(active, 0);
    else if (command.does === 'last') go(active, pane.count - 1);
    else if (command.does === 'tool') setTool((old) => (isOff(pane, command.tool) ? old : command.tool));
    else if (command.does === 'preset') {
      const preset = pane.presets[command.at];
      if (preset) pane.choose(preset);
    } else if (command.does === 'reset') pane.reset();
    else if (command.does === 'invert') pane.invert();
    else if (command.does === 'mark') mark();
    else play();
  }
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || document.querySelector('dialog[open]')) return;
      const target = event.target instanceof Element ? event.target : null;
      const on = target?.closest('input, select, textarea, .v-paper') ? 'field' : target?.closest('button, a, summary') ? 'button' : 'other';
      const isModified = event.ctrlKey || event.metaKey || event.altKey;
      const command = commandOf({ key: event.key, isModified, on }, preferences.value.letters);
      if (!command) return;
      event.preventDefault();
      latest.current(command);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);

  /* As it is on the screen; nothing while there is nothing on it. */
  function shot(take: (blob: Blob) => void): void {
    const shown = '.v-host:not([data-ready="no"]) canvas';
    const canvas = panes.current?.querySelector<HTMLCanvasElement>(layout > 1 ? `.v-pane.active ${shown}` : shown);
    canvas?.toBlob((blob) => blob && take(blob), 'image/png');
  }

  if (!first) return <Waiting person={person.id} problem={problem} retry={openAnew} />;
  const facility = facilityOf(first.head.facility);
  if (sheets) return sheets;
  if (paper && slot?.pane) {
    return <PrintImage person={person} of={slot.study} pane={slot.pane} facility={facilityOf(slot.study.head.facility)} blob={paper} onBack={() => setPaper(undefined)} />;
  }
  if (dialog === 'sheet') {
    return <KeySheet person={person} marks={marks} facilityOf={facilityOf} onMarks={setMarks} onBack={() => setDialog(null)} />;
  }
  const isAlone = studies.length === 1 && first.study.series.length === 1;
  const cut = (slot?.study ?? first).study;
  return (
    <div class={`v ${isAlone ? 'alone' : ''}`}>
      <header class="v-head">
        <a
          class="btn compact"
          href={back}
          onClick={(event) => {
            event.preventDefault();
            askLeave();
          }}
        >
          <Icon name="left" />
          <span class="v-word">{t('image.back')}</span>
        </a>
        <h2>
          {facility && <FacilityMark facility={facility} />}
          <span class="v-title">
            <b>{first.study.date ? slashed(first.study.date) : ''}</b> {first.study.description || first.head.title}
          </span>
        </h2>
        <span class="v-acts">
          <button type="button" class="btn compact" onClick={() => setDialog('compare')}>
            <Icon name="plus" />
            <span class="v-word">{t('image.compare')}</span>
          </button>
          {slot && <Save slot={slot} />}
          {pane && (
            <button type="button" class="btn compact" onClick={() => shot(setPaper)}>
              <Icon name="print" />
              <span class="v-word">{t('image.print')}</span>
            </button>
          )}
          <button type="button" class="btn compact icon only-wide" onClick={() => setDialog('keys')}>
            <Icon name="keyboard" />
            <span class="sr">{t('image.keys')}</span>
          </button>
        </span>
        {cut.is_cut && (
          <p class="v-cut">
            {t('image.cut', {
              n: cut.series.reduce((sum, { instances }) => sum + instances.length, 0),
              all: cut.instance_total ? t('image.cut.all', { n: cut.instance_total }) : '',
            })}
          </p>
        )}
        {isLost && (
          <p class="v-cut" role="status">
            {t('image.lost')}
          </p>
        )}
      </header>
      {(pane || !isAlone) && (
        <Toolbar
          pane={pane}
          tool={usedTool(pane, tool)}
          layout={layout}
          isLinked={isLinked}
          isOpen={isOpen}
          rate={rate}
          onTool={(next) => {
            setTool(next);
            setIsOpen(false);
          }}
          onLayout={spread}
          onLink={link}
          onOpen={() => setIsOpen(!isOpen)}
          onPlay={play}
          onRate={setRate}
          isMarked={hasMark(slot)}
          onKey={pane?.image?.is_supported ? mark : undefined}
        />
      )}
      <Strip
        studies={studies}
        current={slot ? { opening: slot.study.opening, index: slot.index } : undefined}
        thumbnail={thumbnail}
        facilityOf={facilityOf}
        onChoose={(study, index) => show(active, study, index)}
      >
        {marks.length > 0 && (
          <KeyStrip
            marks={marks}
            onGo={toMark}
            onDrop={(one) => setMarks(marks.filter((old) => old !== one))}
            onSheet={() => setDialog('sheet')}
          />
        )}
      </Strip>
      <div class={`v-panes n${layout}`} ref={panes}>
        {Array.from({ length: layout }, (_, at) => {
          const one = slots[at];
          const series = one?.study.study.series[one.index];
          if (!one || !series) return <div key={at} class="v-pane empty" onClick={() => setActive(at)} />;
          const name = t('image.pane', { n: at + 1, name: seriesName(series) });
          const key = `${at} ${one.study.head.id} ${one.index}`;
          return one.pane ? (
            <PaneView
              key={key}
              pane={one.pane}
              of={one.study}
              facility={facilityOf(one.study.head.facility)}
              name={name}
              isActive={layout > 1 && at === active}
              isMarked={hasMark(one)}
              tool={tool}
              cuts={cutsOn?.(slots, at, active) ?? []}
              onActive={() => setActive(at)}
              onScroll={(steps) => go(at, (one.pane?.at ?? 0) + steps)}
              onGo={(to) => go(at, to)}
              onTools={() => setIsOpen(true)}
              onRetry={(problem) => one.pane && again(one.pane, problem)}
            />
          ) : (
            <div class={`v-pane written ${layout > 1 && at === active ? 'active' : ''}`} key={key} onFocusIn={() => setActive(at)}>
              <SeriesPaper
                person={person}
                opening={one.study.opening}
                index={one.index}
                series={series}
                instance={0}
                facility={facilityOf(one.study.head.facility)?.name ?? ''}
                again={again}
                onSheets={setSheets}
              />
            </div>
          );
        })}
      </div>
      <p class="sr" aria-live="polite">
        {said}
      </p>
      {dialog === 'compare' && (
        <Compare
          person={person.id}
          shown={new Set(studies.map(({ head }) => head.id))}
          facilityOf={facilityOf}
          onChoose={compare}
          onClose={() => setDialog(null)}
        />
      )}
      {dialog === 'leave' && <LeaveMarks marks={marks} onLeave={leave} onSheet={() => setDialog('sheet')} onClose={() => setDialog(null)} />}
      {dialog === 'keys' && <ImageKeys onClose={() => setDialog(null)} />}
    </div>
  );
}
