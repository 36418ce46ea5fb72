// SPDX-License-Identifier: Apache-2.0
/* The patient's calendar: opening, tools, facilities with their freshness, grid or list, panel. */
import { useSignal } from '@preact/signals';
import { useState } from 'preact/hooks';
import type { EntryHead, Facility } from '../../api/client.ts';
import { ROW_IDS, type Mark } from '../../calendar/model.ts';
import { dayNumber } from '../../i18n/wareki.ts';
import { participants } from '../../session.ts';
import { ProblemNotice, Skeleton } from '../../ui/pieces.tsx';
import type { TabProps } from '../patient/Patient.tsx';
import { undated } from '../patient/undated.ts';
import { Dialogs, type CalendarDialog } from './Dialogs.tsx';
import { Empty } from './Empty.tsx';
import { FacilityBar } from './FacilityBar.tsx';
import { Tools } from './Tools.tsx';
import { List, Panel, useLater, usePrepared } from './later.ts';
import { missingOf } from './missing.ts';
import { goneTo, ofHead, type Shown } from './shown.ts';
import { useAddress } from './useAddress.ts';
import { useCalendar } from './useCalendar.ts';
import { useCheck } from './useCheck.ts';
import { isFiltered, toggled, useFilter, useRows } from './useFilter.ts';
import { useGrid } from './useGrid.ts';
import { useBackCloses, useOpenings, useUndated } from './useShown.ts';

export function Calendar({ person, reload }: TabProps) {
  const [jump, setJump] = useState<{ to: number | null }>();
  const { view, from, choose, correct, note } = useAddress((to) => setJump({ to }));
  const { hidden, isList } = view;
  const [dialog, setDialog] = useState<CalendarDialog | null>(null);
  const { rows, arrange } = useRows();
  const OffGrid = useLater(rows.hidden.size > 0, () => import('./OffGrid.tsx').then((m) => m.OffGrid), () => setDialog('rows'));
  const [shown, setShown] = useState<Shown | null>(null);
  const inView = useSignal<[number, number]>([0, 0]);
  const [isBarOpen, setIsBarOpen] = useState(innerWidth >= 768);
  const { calendar, problem, version, changed, reopen } = useCalendar(person.id, () => {
    setShown(null);
    undated.value = null;
    reload();
  });
  const model = calendar?.model;
  useFilter(model, view, rows, correct);
  usePrepared(calendar);
  // what it says concerns what is drawn: until then nobody misses it
  const Beside = useLater(calendar, () => import('./Beside.tsx').then((m) => m.Beside), () => {});
  const { openMark, openGroup, openDay } = useOpenings(calendar, setShown);
  const { host, grid } = useGrid({
    calendar, version, changed, name: person.name, view, from, jump, rows, days: inView, shown, choose,
    actions: {
      openMark, openDay, note,
      openBar: () => setIsBarOpen(true),
      why: () => setDialog('why'),
      help: () => setDialog('keys'),
      find: () => setDialog('find'),
      close: () => setShown(null),
    },
  });
  useUndated(setShown);
  useBackCloses(shown !== null, setShown);
  const checking = useCheck(calendar, changed);

  const facilityOf = (id: string): Facility | undefined => model?.facilities.get(id) ?? participants.value.byId.get(id);
  /* The mark of the entry in the panel, and what else lies behind it. */
  function point({ row, day, facility }: EntryHead) {
    if (!row || !day) return;
    const place = [ROW_IDS.indexOf(row), dayNumber(day), facility] as const;
    const mark = model?.markAt(...place);
    if (mark && mark.count > 1 && !shown?.group) void openGroup(mark, 1);
    grid.current?.select(...place);
  }
  function goToFound(mark: Mark) {
    setDialog(null);
    void openMark(mark, 1);
    grid.current?.select(mark.row, mark.day, mark.facility);
  }
  function clear() {
    choose({ hidden: new Set(), onlyNew: false, othersOnly: false });
    if (rows.hidden.size > 0) arrange({ ...rows, hidden: new Set() });
  }
  function closePanel() {
    setShown(null);
    grid.current?.focusBack();
  }

  if (problem !== undefined) {
    return (
      <div class="page narrow">
        <ProblemNotice problem={problem} retry={reopen} reads />
      </div>
    );
  }
  return (
    <>
      <Tools
        person={person.id} view={view} choose={choose} grid={grid} days={inView} rows={rows} isOpen={calendar !== undefined}
        facilities={model?.facilities.size ?? 0} missing={model ? missingOf(model, person).length : 0}
        isBarOpen={isBarOpen} onBar={() => setIsBarOpen(!isBarOpen)} onDialog={setDialog} checking={checking}
      />
      {model && (
        <FacilityBar
          model={model} links={person.links} hidden={hidden} isOpen={isBarOpen}
          onToggle={(facility) => choose({ hidden: toggled(hidden, facility) })}
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
            calendar={calendar} order={rows.order} row={view.row} version={version} current={shown?.entry ?? ''}
            facilityOf={facilityOf} onRow={(row) => choose({ row })} onOpen={(head) => setShown(ofHead(head))}
          />
        )}
        {calendar && !isList && <div class="cal" ref={host} />}
        {model && !isList && model.isEmpty() && (
          <Empty isByChoice={isFiltered(view, rows) && model.hasAnything()} onClear={clear} onWhy={() => setDialog('why')} />
        )}
        {Beside && model && !isList && (
          <Beside
            model={model} days={inView}
            onDay={(day) => grid.current?.scrollToDay(day)} onMark={(mark) => grid.current?.goToMark(mark)}
          />
        )}
        {shown && (
          <Panel
            person={person.id} {...shown} facilityOf={facilityOf}
            onHead={point} onGo={(entry) => setShown((old) => goneTo(old, entry))} onClose={closePanel}
          />
        )}
      </div>
      <Dialogs
        which={dialog} calendar={calendar} person={person} rows={rows} days={inView} facilityOf={facilityOf}
        onLoaded={changed} onFound={goToFound} onArrange={arrange} onClose={() => setDialog(null)}
      />
    </>
  );
}
