// SPDX-License-Identifier: Apache-2.0
/* The patient's calendar: opening, tools, facilities with their freshness, grid or list, panel. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { EntryHead, Facility, Freshness, Link } from '../../api/client.ts';
import { onLive, onLiveState } from '../../api/live.ts';
import { CalendarGrid } from '../../calendar/grid.ts';
import { dayLabel } from '../../calendar/words.ts';
import { ROW_IDS, weekOf, type CalendarModel, type Mark, type Place, type Zoom } from '../../calendar/model.ts';
import { language, t, type Key } from '../../i18n/t.ts';
import { dayNumber, dayParts, instantText } from '../../i18n/wareki.ts';
import { prefer, preferences } from '../../preferences.ts';
import { participants, session } from '../../session.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { lazy } from '../../ui/lazy.tsx';
import { ProblemNotice, Skeleton } from '../../ui/pieces.tsx';
import { linkWords } from '../patient/linkWords.ts';
import { asksToOpen, undated, type TabProps } from '../patient/Patient.tsx';
import { List } from './List.tsx';
import { OpenCalendar } from './opening.ts';
import type { PanelProps } from './Panel.tsx';
import { Why, missingOf } from './Why.tsx';

const loadPanel = () => import('./Panel.tsx').then((m) => m.Panel);
const Panel = lazy<PanelProps>(loadPanel);

const ZOOMS: Zoom[] = ['day', 'week', 'month'];
const LIVE_WAIT_MS = 250;
const ALIVE_MS = 4 * 60_000;

interface Shown {
  entry: string;
  title: string;
  facility: string;
  row: string;
  group: EntryHead[] | null;
}

/** What the address remembers: ids and numbers, nothing of the patient. */
function readAddress() {
  const query = new URLSearchParams(location.search);
  const zoom = query.get('zoom');
  return {
    zoom: ZOOMS.find((known) => known === zoom) ?? ('week' as Zoom),
    hidden: new Set(query.get('without')?.split(',').filter(Boolean)),
    isList: query.get('view') === 'list',
    row: Math.min(Math.max(Number(query.get('row') ?? 3), 0), ROW_IDS.length - 1),
  };
}
function writeAddress(state: ReturnType<typeof readAddress>): void {
  const query = new URLSearchParams();
  if (state.zoom !== 'week') query.set('zoom', state.zoom);
  if (state.hidden.size > 0) query.set('without', [...state.hidden].join(','));
  if (state.isList) {
    query.set('view', 'list');
    query.set('row', String(state.row));
  }
  const text = query.toString();
  history.replaceState(history.state, '', text ? `?${text}` : location.pathname);
}

/* The opening and everything that arrives while it is open. */
function useCalendar(person: string, onGone: () => void) {
  const [calendar, setCalendar] = useState<OpenCalendar>();
  const [problem, setProblem] = useState<unknown>();
  const [version, setVersion] = useState(0);
  const [turn, setTurn] = useState(0);
  const changed = () => setVersion((old) => old + 1);
  useEffect(() => {
    let current: OpenCalendar | undefined;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let weeks: { from: number; to: number } | null | undefined;
    const own = session.value?.post.facility.id ?? '';
    setCalendar(undefined);
    setProblem(undefined);
    OpenCalendar.open(person, own, session.value?.today ?? '').then(
      (opened) => {
        if (isOver) return opened.close();
        current = opened;
        undated.value = opened.model.undated;
        setCalendar(opened);
        changed();
      },
      (failure: unknown) => {
        if (!isOver) setProblem(failure);
      },
    );
    async function refresh(): Promise<void> {
      const asked = weeks;
      weeks = undefined;
      timer = undefined;
      if (!current || asked === undefined) return;
      try {
        await current.refresh(asked);
        undated.value = current.model.undated;
        changed();
      } catch (failure) {
        if (isOver) return;
        current.close();
        current = undefined;
        setCalendar(undefined);
        setProblem(failure);
      }
    }
    function soon(day: string | null | undefined): void {
      if (!day) weeks = null;
      else if (weeks !== null) {
        const week = weekOf(dayNumber(day));
        weeks = { from: Math.min(weeks?.from ?? week, week), to: Math.max(weeks?.to ?? week, week) };
      }
      timer ??= setTimeout(() => void refresh(), LIVE_WAIT_MS);
    }
    const removeLive = onLive((kind, event) => {
      if (event.person !== undefined && event.person !== person) return;
      if (kind === 'entry') soon(event.day);
      else if (kind === 'reload') soon(null);
      else if (kind === 'freshness') soon(session.value?.today);
      else if (kind === 'consent' || kind === 'link') {
        // what may be seen has changed: nothing of before stays on the screen
        onGone();
        setTurn((old) => old + 1);
      }
    });
    const removeState = onLiveState((state, wasLost) => {
      if (state === 'open' && wasLost) soon(null);
    });
    // an opening that nobody uses ends; this one is looked at
    const alive = setInterval(() => {
      if (document.visibilityState === 'visible') soon(session.value?.today);
    }, ALIVE_MS);
    return () => {
      isOver = true;
      clearTimeout(timer);
      clearInterval(alive);
      removeLive();
      removeState();
      current?.close();
    };
  }, [person, turn]);
  return { calendar, problem, version, changed, reopen: () => setTurn((old) => old + 1) };
}

/* Without freshness the reason of the whole refusal says where it stands. */
function refusalWords(reason: string | undefined, link: Link | undefined): { short: string; long: string } {
  if (reason === undefined) return { short: '', long: '' };
  if (reason === 'link_proposed') {
    const isAway = link?.reason === 'gateway_away';
    return {
      short: isAway ? t('fresh.away', { when: instantText(link.since) }) : t('fresh.proposed'),
      long: link ? linkWords(link) : t('why.link_proposed.text'),
    };
  }
  if (reason === 'no_link') return { short: t('fresh.not_linked'), long: t('fresh.not_linked.long') };
  return { short: t('fresh.refused'), long: t('fresh.refused.long') };
}

/* A source that tells nothing by itself is looked at now and then. */
const everyText = (seconds: number | null): string =>
  !seconds ? '' : seconds < 120 ? t('fresh.every_s', { n: seconds }) : t('fresh.every_min', { n: Math.round(seconds / 60) });

function freshWords(fresh: Freshness | undefined, reason: string | undefined, link: Link | undefined): { short: string; long: string } {
  if (!fresh) return refusalWords(reason, link);
  const { state, since } = fresh;
  if (state === 'in_step') {
    const when = since === null ? '' : instantText(since);
    const every = everyText(fresh.every_s);
    return { short: t('fresh.in_step', { when }) + every, long: t('fresh.in_step.long', { when }) + every };
  }
  if (state === 'behind') {
    return since === null
      ? { short: t('fresh.behind.unknown'), long: t('fresh.behind.unknown.long') }
      : { short: t('fresh.behind', { when: instantText(since) }), long: t('fresh.behind.long', { when: instantText(since) }) };
  }
  return { short: t(`fresh.${state}`), long: t(`fresh.${state}.long`) };
}

function FacilityBar(props: {
  model: CalendarModel;
  links: Link[];
  hidden: Set<string>;
  onToggle: (facility: string) => void;
  isOpen: boolean;
}) {
  const own = session.value?.post.facility.id;
  const facilities = [...props.model.facilities.values()].sort(
    (a, b) => Number(b.id === own) - Number(a.id === own) || a.slot - b.slot,
  );
  return (
    <div class="facility-bar" hidden={!props.isOpen} id="facility-bar">
      {facilities.map((facility) => {
        const fresh = props.model.freshness.find((item) => item.facility === facility.id);
        const reason = props.model.refusals.find(
          (item) => item.facility === facility.id && item.kinds.length === 0,
        )?.reason;
        const words = facility.id === own ? { short: t('cal.own'), long: t('cal.own') } : freshWords(fresh, reason, props.links.find((link) => link.facility === facility.id));
        const standing = reason === 'link_proposed' ? 'waiting' : reason === 'no_link' ? 'not-linked' : reason ? 'refused' : '';
        return (
          <button
            key={facility.id}
            type="button"
            class={`facility-chip ${fresh?.state ?? standing}`}
            aria-pressed={!props.hidden.has(facility.id)}
            title={`${facility.name} ${words.long}`}
            onClick={() => props.onToggle(facility.id)}
          >
            <span class={`fm s${facility.slot}`} aria-hidden="true">
              {facility.letter}
            </span>
            <span class="words">
              <span class="who-name">{facility.name}</span>
              <small>{words.short}</small>
            </span>
          </button>
        );
      })}
    </div>
  );
}

const KEY_LINES: [string[], Key][] = [
  [['←', '→'], 'keys.move'], [['↑', '↓'], 'keys.lines'], [['PageUp', 'PageDown'], 'keys.page'], [['Home', 'End'], 'keys.ends'],
  [['1', '…', '0'], 'keys.rows'], [['T'], 'keys.today'], [['F'], 'keys.facilities'], [['Enter'], 'keys.open'],
  [['Esc'], 'keys.close'], [['?'], 'keys.help'],
];

function Keys({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t('keys.title')} onClose={onClose}>
      <div class="keys">
        {KEY_LINES.map(([keys, label]) => (
          <KeyLine key={label} keys={keys} label={t(label)} />
        ))}
      </div>
      <label class="row">
        <input
          type="checkbox"
          checked={preferences.value.letters}
          onChange={(event) => void prefer({ letters: event.currentTarget.checked })}
        />
        {t('keys.letters')}
      </label>
    </Dialog>
  );
}
function KeyLine({ keys, label }: { keys: string[]; label: string }) {
  return (
    <>
      <span class="row">
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </span>
      <span>{label}</span>
    </>
  );
}

function rangeText(from: number, to: number): string {
  const a = dayParts(from);
  const b = dayParts(to);
  const end = a.year === b.year ? `${b.month}/${b.day}` : `${b.year}/${b.month}/${b.day}`;
  return t('cal.range', { from: `${a.year}/${a.month}/${a.day}`, to: end });
}

export function Calendar({ person, reload }: TabProps) {
  const start = useMemo(readAddress, []);
  const [zoom, setZoom] = useState<Zoom>(start.zoom);
  const [hidden, setHidden] = useState(start.hidden);
  const [isList, setIsList] = useState(start.isList);
  const [row, setRow] = useState(start.row);
  const [onlyNew, setOnlyNew] = useState(false);
  const [othersOnly, setOthersOnly] = useState(false);
  const [dialog, setDialog] = useState<'why' | 'keys' | null>(null);
  const [shown, setShown] = useState<Shown | null>(null);
  const [view, setView] = useState<[number, number]>([0, 0]);
  const [isChecking, setIsChecking] = useState(false);
  const [said, setSaid] = useState('');
  const [isBarOpen, setIsBarOpen] = useState(innerWidth >= 768);
  const host = useRef<HTMLDivElement>(null);
  const grid = useRef<CalendarGrid | undefined>(undefined);
  const { calendar, problem, version, changed, reopen } = useCalendar(person.id, () => {
    setShown(null);
    undated.value = null;
    reload();
  });
  const model = calendar?.model;
  const facilityOf = (id: string): Facility | undefined =>
    model?.facilities.get(id) ?? participants.value.byId.get(id);

  useEffect(() => {
    // so that the first click waits for the hospital only
    void loadPanel().catch(() => {});
  }, []);
  useEffect(() => writeAddress({ zoom, hidden, isList, row }), [zoom, hidden, isList, row]);

  async function openMark(mark: Mark, days: number, isWholeDay: boolean) {
    setShown({ entry: mark.entry, title: mark.title, facility: mark.facility, row: ROW_IDS[mark.row] ?? '', group: null });
    if (mark.count > 1 || isWholeDay) await openGroup(mark, days, isWholeDay);
  }
  /* The entries behind a mark, or of the whole day. */
  async function openGroup(mark: Mark, days: number, isWholeDay: boolean) {
    if (!calendar) return;
    try {
      const rowId = ROW_IDS[mark.row] ?? 'test';
      const { entries } = await calendar.entries({
        row: rowId, from: mark.day, to: mark.day + days - 1, ...(isWholeDay ? {} : { facility: mark.facility }),
      });
      setShown((old) => (old && entries.some((head) => head.id === old.entry) ? { ...old, group: entries } : old));
    } catch {
      // the newest entry is open; the others stay reachable by ‹ › and in the list
    }
  }

  useEffect(() => {
    const element = host.current;
    if (!calendar || !element || isList) return;
    const made = new CalendarGrid(
      element,
      calendar.model,
      {
        open: (mark) => void openMark(mark, made.zoom === 'month' ? 7 : 1, false),
        more: (place: Place) => void openMark(place.mark, made.zoom === 'month' ? 7 : 1, true),
        row: (index) => {
          setRow(index);
          setIsList(true);
        },
        why: () => setDialog('why'),
        need: (from, to) => void calendar.load(from, to, changed),
        retry: (week) => {
          calendar.model.setState(week, week, 'absent');
          void calendar.load(week, week, changed);
        },
        view: (from, to) => setView((old) => (old[0] === from && old[1] === to ? old : [from, to])),
        facilities: () => {
          setIsBarOpen(true);
          requestAnimationFrame(() => document.querySelector<HTMLElement>('.facility-chip')?.focus());
        },
        help: () => setDialog('keys'),
        close: () => setShown(null),
        hasLetters: () => preferences.value.letters,
      },
      t('cal.grid', { name: person.name }),
      language.value,
    );
    made.zoom = zoom;
    grid.current = made;
    calendar.model.setFilter({ hidden, onlyNew, othersOnly });
    made.update();
    return () => {
      grid.current = undefined;
      made.destroy();
    };
  }, [calendar, isList]);

  useEffect(() => {
    model?.setFilter({ hidden, onlyNew, othersOnly });
    grid.current?.update();
  }, [hidden, onlyNew, othersOnly]);
  useEffect(() => grid.current?.setZoom(zoom), [zoom]);
  useEffect(() => grid.current?.update(), [version]);
  useEffect(() => {
    if (!shown) grid.current?.unselect();
  }, [shown]);

  // the banner asks for an entry without a day
  const asked = asksToOpen.value;
  useEffect(() => {
    if (!asked) return;
    asksToOpen.value = null;
    const all = undated.value ?? [];
    const group = all.map((item): EntryHead => ({
      id: item.entry, kind: item.kind, row: null, day: null, facility: item.facility, title: item.title,
      state: 'current', flags: 0, department: '', author: '', time: '',
    }));
    setShown({ entry: asked.entry, title: asked.title, facility: asked.facility, row: '', group });
  }, [asked]);

  // on a phone the panel is a page of its own: going back closes it
  const isShown = shown !== null;
  useEffect(() => {
    if (!isShown || innerWidth >= 768) return;
    history.pushState({ panel: true }, '', location.href);
    const onBack = () => setShown(null);
    addEventListener('popstate', onBack);
    return () => {
      removeEventListener('popstate', onBack);
      if ((history.state as { panel?: boolean } | null)?.panel) history.back();
    };
  }, [isShown]);

  function closePanel() {
    setShown(null);
    grid.current?.focusBack();
  }
  async function check() {
    if (!calendar || isChecking) return;
    setIsChecking(true);
    setSaid(t('cal.checking'));
    try {
      await calendar.check();
      await calendar.refresh(null);
      setSaid(t('cal.checked'));
    } catch {
      setSaid('');
    }
    setIsChecking(false);
    changed();
  }
  function toggle(facility: string) {
    const next = new Set(hidden);
    if (!next.delete(facility)) next.add(facility);
    setHidden(next);
  }

  if (problem !== undefined) {
    return (
      <div class="page narrow">
        <ProblemNotice problem={problem} retry={reopen} />
      </div>
    );
  }
  const news = model?.news() ?? [];
  const outside = news.filter((mark) => mark.day < view[0] || mark.day > view[1]);
  const hint = view[1] > 0 ? (model?.nearestBefore(view[0], view[1]) ?? null) : null;
  const missing = model ? missingOf(model, person).length : 0;
  const isFiltered = hidden.size > 0 || onlyNew || othersOnly;
  const count = model?.facilities.size ?? 0;
  return (
    <>
      <div class="cal-tools">
        <div class="seg" role="group" aria-label={t('cal.view')}>
          <button type="button" aria-pressed={!isList} onClick={() => setIsList(false)}>
            <span class="view-icon">
              <Icon name="grid" />
            </span>
            <span class="view-words">{t('cal.as_grid')}</span>
          </button>
          <button type="button" aria-pressed={isList} onClick={() => setIsList(true)}>
            <span class="view-icon">
              <Icon name="list" />
            </span>
            <span class="view-words">{t('cal.as_list')}</span>
          </button>
        </div>
        {!isList && (
          <>
            <div class="seg" role="group" aria-label={t('cal.zoom')}>
              {ZOOMS.map((value) => (
                <button key={value} type="button" aria-pressed={zoom === value} onClick={() => setZoom(value)}>
                  {t(`cal.zoom.${value}`)}
                </button>
              ))}
            </div>
            <div class="row nowrap-row move">
              <button type="button" class="btn tool compact icon only-wide" onClick={() => grid.current?.scrollByWeeks(-4)}>
                <Icon name="left" />
                <span class="sr">{t('cal.older')}</span>
              </button>
              <button type="button" class="btn tool compact" onClick={() => grid.current?.goToday()}>
                {t('cal.today')}
              </button>
              <button type="button" class="btn tool compact icon only-wide" onClick={() => grid.current?.scrollByWeeks(4)}>
                <Icon name="right" />
                <span class="sr">{t('cal.newer')}</span>
              </button>
            </div>
            {view[1] > 0 && <span class="range">{rangeText(view[0], view[1])}</span>}
          </>
        )}
        <button
          type="button"
          class="btn tool compact"
          aria-expanded={isBarOpen}
          aria-controls="facility-bar"
          onClick={() => setIsBarOpen(!isBarOpen)}
        >
          {t('cal.facilities', { n: count })}
          <Icon name="down" />
        </button>
        <button type="button" class="btn tool compact" aria-pressed={onlyNew} onClick={() => setOnlyNew(!onlyNew)}>
          {t('cal.only_new')}
        </button>
        <button
          type="button"
          class="btn tool compact"
          aria-pressed={othersOnly}
          onClick={() => setOthersOnly(!othersOnly)}
        >
          {t('cal.others_only')}
        </button>
        <span class="push row nowrap-row">
          <span class="small quiet" role="status">
            {said}
          </span>
          <button type="button" class="btn plain compact why-button" disabled={!model} onClick={() => setDialog('why')}>
            <Icon name={missing > 0 ? 'eye' : 'check'} />
            {missing > 0 ? t('cal.why.n', { n: missing }) : t('cal.why')}
          </button>
          <button type="button" class="btn tool compact" disabled={isChecking || !calendar} onClick={() => void check()}>
            <Icon name="refresh" />
            {t('cal.check')}
          </button>
          <button type="button" class="btn tool compact icon only-wide" onClick={() => setDialog('keys')}>
            <Icon name="keyboard" />
            <span class="sr">{t('cal.help')}</span>
          </button>
        </span>
      </div>
      {model && (
        <FacilityBar
          model={model}
          links={person.links}
          hidden={hidden}
          onToggle={toggle}
          isOpen={isBarOpen}
        />
      )}
      <div class="cal-body">
        {!calendar && (
          <div class="cal-waiting">
            <Skeleton rows={8} />
          </div>
        )}
        {calendar && isList && (
          <List
            calendar={calendar}
            row={row}
            version={version}
            current={shown?.entry ?? ''}
            facilityOf={facilityOf}
            onRow={setRow}
            onOpen={(head) => setShown({ entry: head.id, title: head.title, facility: head.facility, row: head.row ?? '', group: null })}
          />
        )}
        {calendar && !isList && <div class="cal" ref={host} />}
        {model && !isList && model.isEmpty() && (
          <div class="cal-empty" role="status">
            <b>{t(isFiltered && model.hasAnything() ? 'cal.empty.filter' : 'cal.empty')}</b>
            {isFiltered && model.hasAnything() ? (
              <button
                type="button"
                class="btn compact"
                onClick={() => {
                  setHidden(new Set());
                  setOnlyNew(false);
                  setOthersOnly(false);
                }}
              >
                {t('cal.empty.clear')}
              </button>
            ) : (
              <button type="button" class="btn compact" onClick={() => setDialog('why')}>
                {t('cal.why')}
              </button>
            )}
          </div>
        )}
        {model && !isList && hint && (
          <button
            type="button"
            class="btn compact cal-hint"
            onClick={() => grid.current?.scrollToDay(hint.day)}
          >
            <Icon name="left" />
            {hint.isKnown ? t('cal.hint', { day: dayLabel(hint.day, language.value) }) : t('cal.hint.older')}
          </button>
        )}
        {!isList && outside.length > 0 && (
          <button
            type="button"
            class="btn compact primary cal-hint cal-news"
            aria-label={t('cal.news_outside.label', { n: outside.length })}
            onClick={() => {
              const target = outside.at(-1);
              if (target) grid.current?.goToMark(target);
            }}
          >
            {t('cal.news_outside', { n: outside.length })}
          </button>
        )}
        {shown && (
          <Panel
            entry={shown.entry}
            title={shown.title}
            facility={shown.facility}
            row={shown.row}
            group={shown.group}
            facilityOf={facilityOf}
            onHead={(head) => {
              if (!head.row || !head.day) return;
              const day = dayNumber(head.day);
              const mark = model?.markAt(ROW_IDS.indexOf(head.row), day, head.facility);
              if (mark && mark.count > 1 && !shown.group) void openGroup(mark, 1, false);
              grid.current?.select(ROW_IDS.indexOf(head.row), day, head.facility);
            }}
            onGo={(entry) =>
              setShown((old) => ({
                entry,
                title: '',
                facility: '',
                row: old?.row ?? '',
                group: old?.group?.some((head) => head.id === entry) ? old.group : null,
              }))
            }
            onClose={closePanel}
          />
        )}
      </div>
      {dialog === 'why' && model && (
        <Why model={model} person={person} facilityOf={facilityOf} onClose={() => setDialog(null)} />
      )}
      {dialog === 'keys' && <Keys onClose={() => setDialog(null)} />}
    </>
  );
}
