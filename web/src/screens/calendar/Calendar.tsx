// SPDX-License-Identifier: Apache-2.0
/* The patient's calendar: opening, tools, facilities with their freshness, grid or list, panel. */
import { useSignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { EntryHead, Facility } from '../../api/client.ts';
import { CalendarGrid } from '../../calendar/grid.ts';
import { ROW_IDS, type Mark, type Place } from '../../calendar/model.ts';
import { rowsOf, shownOf, type Rows } from '../../calendar/rows.ts';
import { language, t } from '../../i18n/t.ts';
import { dayNumber } from '../../i18n/wareki.ts';
import { preferences } from '../../preferences.ts';
import { participants, session } from '../../session.ts';
import { Icon } from '../../ui/Icon.tsx';
import { lazy, prepareWhenIdle } from '../../ui/lazy.tsx';
import { ProblemNotice, Skeleton } from '../../ui/pieces.tsx';
import type { TabProps } from '../patient/Patient.tsx';
import { asksToOpen, undated } from '../patient/undated.ts';
import type { BesideProps } from './Beside.tsx';
import { FacilityBar } from './FacilityBar.tsx';
import { PrintLink, Range } from './InView.tsx';
import type { OffGridProps } from './OffGrid.tsx';
import { ZOOMS } from './address.ts';
import { missingOf } from './missing.ts';
import { useAddress } from './useAddress.ts';
import { useCalendar } from './useCalendar.ts';

const Panel = lazy(() => import('./Panel.tsx').then((m) => m.Panel), 'content');
const List = lazy(() => import('./List.tsx').then((m) => m.List));
const Why = lazy(() => import('./Why.tsx').then((m) => m.Why), 'help');
const Find = lazy(() => import('./Find.tsx').then((m) => m.Find), 'help');
const Arrange = lazy(() => import('./Arrange.tsx').then((m) => m.Arrange), 'help');
const Keys = lazy(() => import('./Keys.tsx').then((m) => m.Keys), 'help');


interface Shown {
  /** Empty while the entries behind a mark are asked for. */
  entry: string;
  title: string;
  facility: string;
  row: string;
  group: EntryHead[] | null;
  /** The list of these days is shown until one of it is chosen. */
  days?: [number, number] | undefined;
  /** Why the entries behind the mark did not come, and another try. */
  failed?: { problem: unknown; retry: () => void };
}

export function Calendar({ person, reload }: TabProps) {
  const [jump, setJump] = useState<{ to: number | null }>();
  const { view: chosen, from, choose, correct, note } = useAddress((to) => setJump({ to }));
  const { zoom, hidden, isList, row, onlyNew, othersOnly } = chosen;
  const [dialog, setDialog] = useState<'why' | 'keys' | 'find' | 'rows' | null>(null);
  const account = session.value?.staff.id ?? '';
  const [rows, setRows] = useState(() => rowsOf(localStorage, account));
  const hasHidden = rows.hidden.size > 0;
  const [OffGrid, setOffGrid] = useState<ComponentType<OffGridProps>>();
  useEffect(() => {
    if (hasHidden) import('./OffGrid.tsx').then((module) => setOffGrid(() => module.OffGrid), () => setDialog('rows'));
  }, [hasHidden]);
  const [Beside, setBeside] = useState<ComponentType<BesideProps>>();
  const [shown, setShown] = useState<Shown | null>(null);
  const inView = useSignal<[number, number]>([0, 0]);
  const [isChecking, setIsChecking] = useState(false);
  const [said, setSaid] = useState('');
  const [isBarOpen, setIsBarOpen] = useState(innerWidth >= 768);
  const chooseLatest = useRef(choose);
  chooseLatest.current = choose;
  const host = useRef<HTMLDivElement>(null);
  const grid = useRef<CalendarGrid | undefined>(undefined);
  const drawn = useRef(0);
  const { calendar, problem, version, changed, reopen } = useCalendar(person.id, () => {
    setShown(null);
    undated.value = null;
    reload();
  });
  const model = calendar?.model;
  const facilityOf = (id: string): Facility | undefined =>
    model?.facilities.get(id) ?? participants.value.byId.get(id);

  // what is drawn below asks the model already
  useMemo(
    () => model?.setFilter({ hidden, onlyNew, othersOnly, rows: rows.hidden }),
    [model, hidden, onlyNew, othersOnly, rows],
  );

  // so that the first click waits for the hospital only
  useEffect(() => (calendar ? prepareWhenIdle([Panel, Why, List, Keys, Find, Arrange]) : undefined), [calendar]);
  // what it says concerns what is drawn: until then nobody misses it
  useEffect(() => {
    if (calendar) import('./Beside.tsx').then((module) => setBeside(() => module.Beside), () => {});
  }, [calendar]);
  // an address may name facilities that are not here
  useEffect(() => {
    if (!model || [...hidden].every((id) => model.facilities.has(id))) return;
    correct({ hidden: new Set([...hidden].filter((id) => model.facilities.has(id))) });
  }, [model, hidden]);

  async function openMark(mark: Mark, days: number) {
    const opening: Shown = {
      entry: mark.entry, title: mark.title, facility: mark.facility, row: ROW_IDS[mark.row] ?? '', group: null,
    };
    setShown(opening);
    if (mark.count > 1) await openGroup(mark, days, opening);
  }
  /* The entries behind a mark; the newest one is shown when none is yet. */
  async function openGroup(mark: Mark, days: number, opening?: Shown) {
    if (!calendar) return;
    try {
      const rowId = ROW_IDS[mark.row] ?? 'test';
      const { entries } = await calendar.entries({ row: rowId, from: mark.day, to: mark.day + days - 1, facility: mark.facility });
      const [newest] = entries;
      setShown((old) => {
        if (old === opening && old && old.entry === '' && newest) return { ...old, entry: newest.id, group: entries };
        return old && entries.some((head) => head.id === old.entry) ? { ...old, group: entries } : old;
      });
    } catch (problem) {
      // with the newest entry open, the others stay reachable by ‹ › and in the list
      const retry = () => void openMark(mark, days);
      setShown((old) => (old === opening && old?.entry === '' ? { ...old, failed: { problem, retry } } : old));
    }
  }
  /* Behind "+n": all of the row's day, or of its week, that the filters leave; nothing is opened yet. */
  async function openDay(of: Mark, days: number) {
    if (!calendar) return;
    const { row: index, day } = of;
    const to = day + days - 1;
    const opening: Shown = { entry: '', title: '', facility: '', row: ROW_IDS[index] ?? '', group: null, days: [day, to] };
    setShown(opening);
    let more: Partial<Shown>;
    try {
      const { allOf } = await import('./rowPages.ts');
      const group = await allOf(calendar, ROW_IDS[index] ?? 'test', day, to);
      more = { group: group.filter((head) => calendar.model.isShown(head)) };
    } catch (problem) {
      more = { failed: { problem, retry: () => void openDay(of, days) } };
    }
    setShown((old) => (old === opening ? { ...old, ...more } : old));
  }

  useEffect(() => {
    const element = host.current;
    if (!calendar || !element || isList) return;
    const made = new CalendarGrid(
      element,
      calendar.model,
      {
        open: (mark) => void openMark(mark, made.zoom === 'month' ? 7 : 1),
        more: (place: Place) => void openDay(place.mark, made.zoom === 'month' ? 7 : 1),
        row: (index) => chooseLatest.current({ row: index, isList: true }),
        why: () => setDialog('why'),
        need: (from, to) => void calendar.load(from, to, changed),
        retry: (week) => {
          calendar.model.setState(week, week, 'absent');
          void calendar.load(week, week, changed);
        },
        view: (from, to) => {
          const [first, last] = inView.peek();
          if (first !== from || last !== to) inView.value = [from, to];
          note(made.from);
        },
        facilities: () => {
          setIsBarOpen(true);
          requestAnimationFrame(() => document.querySelector<HTMLElement>('.facility-chip')?.focus());
        },
        help: () => setDialog('keys'),
        find: () => setDialog('find'),
        close: () => setShown(null),
        hasLetters: () => preferences.value.letters,
      },
      t('cal.grid', { name: person.name }),
      language.value,
    );
    made.begin(zoom, from.current);
    grid.current = made;
    made.arrange(shownOf(rows));
    made.update();
    drawn.current = version;
    return () => {
      grid.current = undefined;
      made.destroy();
    };
  }, [calendar, isList]);

  useEffect(() => {
    grid.current?.arrange(shownOf(rows));
    grid.current?.update();
  }, [hidden, onlyNew, othersOnly, rows]);
  useEffect(() => grid.current?.setZoom(zoom), [zoom]);
  useEffect(() => {
    if (jump) grid.current?.moveTo(jump.to);
  }, [jump]);
  useEffect(() => {
    if (drawn.current !== version) grid.current?.update();
    drawn.current = version;
  }, [version]);
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
  function arrange(next: Rows) {
    setRows(next);
    void import('../../calendar/arrange.ts').then(({ keepRows }) => keepRows(localStorage, account, next)).catch(() => {});
  }
  function toggle(facility: string) {
    const next = new Set(hidden);
    if (!next.delete(facility)) next.add(facility);
    choose({ hidden: next });
  }

  if (problem !== undefined) {
    return (
      <div class="page narrow">
        <ProblemNotice problem={problem} retry={reopen} reads />
      </div>
    );
  }
  const missing = model ? missingOf(model, person).length : 0;
  const isFiltered = hidden.size > 0 || onlyNew || othersOnly || rows.hidden.size > 0;
  const count = model?.facilities.size ?? 0;
  return (
    <>
      <div class="cal-tools">
        <div class="seg" role="group" aria-label={t('cal.view')}>
          <button type="button" aria-pressed={!isList} onClick={() => choose({ isList: false })}>
            <span class="view-icon">
              <Icon name="grid" />
            </span>
            <span class="view-words">{t('cal.as_grid')}</span>
          </button>
          <button type="button" aria-pressed={isList} onClick={() => choose({ isList: true })}>
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
                <button key={value} type="button" aria-pressed={zoom === value} onClick={() => choose({ zoom: value })}>
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
            <Range days={inView} />
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
        {!isList && (
          <button type="button" class="btn tool compact" disabled={!calendar} onClick={() => setDialog('rows')}>
            {rows.hidden.size > 0 ? t('cal.arrange.n', { n: shownOf(rows).length, total: rows.order.length }) : t('cal.arrange')}
          </button>
        )}
        <button type="button" class="btn tool compact" aria-pressed={onlyNew} onClick={() => choose({ onlyNew: !onlyNew })}>
          {t('cal.only_new')}
        </button>
        <button
          type="button"
          class="btn tool compact"
          aria-pressed={othersOnly}
          onClick={() => choose({ othersOnly: !othersOnly })}
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
          <PrintLink person={person.id} days={inView} hidden={hidden} />
          <button type="button" class="btn tool compact icon" disabled={!calendar} onClick={() => setDialog('find')}>
            <Icon name="search" />
            <span class="sr">{t('find.title')}</span>
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
      {OffGrid && model && !isList && <OffGrid model={model} rows={rows} days={inView} onChange={arrange} />}
      <div class="cal-body">
        {!calendar && (
          <div class="cal-waiting">
            <Skeleton rows={8} />
          </div>
        )}
        {calendar && isList && (
          <List
            calendar={calendar}
            order={rows.order}
            row={row}
            version={version}
            current={shown?.entry ?? ''}
            facilityOf={facilityOf}
            onRow={(index) => choose({ row: index })}
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
                  choose({ hidden: new Set(), onlyNew: false, othersOnly: false });
                  if (rows.hidden.size > 0) arrange({ ...rows, hidden: new Set() });
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
        {Beside && model && !isList && (
          <Beside
            model={model}
            days={inView}
            onDay={(day) => grid.current?.scrollToDay(day)}
            onMark={(mark) => grid.current?.goToMark(mark)}
          />
        )}
        {shown && (
          <Panel
            person={person.id}
            entry={shown.entry}
            title={shown.title}
            facility={shown.facility}
            row={shown.row}
            group={shown.group}
            days={shown.days}
            failed={shown.failed}
            facilityOf={facilityOf}
            onHead={(head) => {
              if (!head.row || !head.day) return;
              const day = dayNumber(head.day);
              const mark = model?.markAt(ROW_IDS.indexOf(head.row), day, head.facility);
              if (mark && mark.count > 1 && !shown.group) void openGroup(mark, 1);
              grid.current?.select(ROW_IDS.indexOf(head.row), day, head.facility);
            }}
            onGo={(entry) =>
              setShown((old) => ({
                entry,
                title: '',
                facility: '',
                row: old?.row ?? '',
                ...(entry === '' || old?.group?.some((head) => head.id === entry)
                  ? { group: old?.group ?? null, days: old?.days }
                  : { group: null }),
              }))
            }
            onClose={closePanel}
          />
        )}
      </div>
      {dialog === 'why' && model && (
        <Why model={model} person={person} facilityOf={facilityOf} onClose={() => setDialog(null)} />
      )}
      {dialog === 'find' && calendar && (
        <Find
          calendar={calendar}
          facilityOf={facilityOf}
          onLoaded={changed}
          onGo={(mark) => {
            setDialog(null);
            void openMark(mark, 1);
            grid.current?.select(mark.row, mark.day, mark.facility);
          }}
          onClose={() => setDialog(null)}
        />
      )}
      {dialog === 'rows' && model && (
        <Arrange
          rows={rows}
          model={model}
          days={inView}
          onChange={arrange}
          onClose={() => setDialog(null)}
        />
      )}
      {dialog === 'keys' && <Keys onClose={() => setDialog(null)} />}
    </>
  );
}
