// SPDX-License-Identifier: Apache-2.0
/* The bar above the calendar: grid or list, how wide a day is and where the grid stands, what is
 * left out; at its end what is missing, asking now, printing, finding and the keys. */
import type { RefObject } from 'preact';
import type { CalendarGrid } from '../../calendar/grid.ts';
import { shownOf, type Rows } from '../../calendar/rows.ts';
import { t } from '../../i18n/t.ts';
import { Icon } from '../../ui/Icon.tsx';
import type { CalendarDialog } from './Dialogs.tsx';
import { PrintLink, Range, type Days } from './InView.tsx';
import { ZOOMS, type View } from './address.ts';
import type { useCheck } from './useCheck.ts';

interface ToolsProps {
  person: string;
  view: View;
  choose: (change: Partial<View>) => void;
  grid: RefObject<CalendarGrid | undefined>;
  days: Days;
  rows: Rows;
  /** False until the calendar is open. */
  isOpen: boolean;
  /** How many facilities it names. */
  facilities: number;
  /** How much is not shown although it may be there. */
  missing: number;
  isBarOpen: boolean;
  onBar: () => void;
  onDialog: (which: CalendarDialog) => void;
  checking: ReturnType<typeof useCheck>;
}

export function Tools(props: ToolsProps) {
  const { view, choose, rows } = props;
  const { isList, onlyNew, othersOnly } = view;
  return (
    <div class="cal-tools">
      <ViewChoice {...props} />
      {!isList && <GridTools {...props} />}
      <button
        type="button"
        class="btn tool compact"
        aria-expanded={props.isBarOpen}
        aria-controls="facility-bar"
        onClick={props.onBar}
      >
        {t('cal.facilities', { n: props.facilities })}
        <Icon name="down" />
      </button>
      {!isList && (
        <button type="button" class="btn tool compact" disabled={!props.isOpen} onClick={() => props.onDialog('rows')}>
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
      <AtEnd {...props} />
    </div>
  );
}

function ViewChoice({ view: { isList }, choose }: ToolsProps) {
  return (
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
  );
}

function GridTools({ view, choose, grid, days }: ToolsProps) {
  return (
    <>
      <div class="seg" role="group" aria-label={t('cal.zoom')}>
        {ZOOMS.map((zoom) => (
          <button key={zoom} type="button" aria-pressed={view.zoom === zoom} onClick={() => choose({ zoom })}>
            {t(`cal.zoom.${zoom}`)}
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
      <Range days={days} />
    </>
  );
}

function AtEnd({ person, view, days, isOpen, missing, onDialog, checking }: ToolsProps) {
  return (
    <span class="push row nowrap-row">
      <span class="small quiet" role="status">
        {checking.said}
      </span>
      <button type="button" class="btn plain compact why-button" disabled={!isOpen} onClick={() => onDialog('why')}>
        <Icon name={missing > 0 ? 'eye' : 'check'} />
        {missing > 0 ? t('cal.why.n', { n: missing }) : t('cal.why')}
      </button>
      <button type="button" class="btn tool compact" disabled={checking.isChecking || !isOpen} onClick={() => void checking.check()}>
        <Icon name="refresh" />
        {t('cal.check')}
      </button>
      <PrintLink person={person} days={days} hidden={view.hidden} />
      <button type="button" class="btn tool compact icon" disabled={!isOpen} onClick={() => onDialog('find')}>
        <Icon name="search" />
        <span class="sr">{t('find.title')}</span>
      </button>
      <button type="button" class="btn tool compact icon only-wide" onClick={() => onDialog('keys')}>
        <Icon name="keyboard" />
        <span class="sr">{t('cal.help')}</span>
      </button>
    </span>
  );
}
