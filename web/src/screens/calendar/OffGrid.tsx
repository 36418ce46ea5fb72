// SPDX-License-Identifier: Apache-2.0
/* Above the grid: what hidden rows hold, and the way back to them. */
import { ROW_IDS, type CalendarModel } from '../../calendar/model.ts';
import { offGrid, type Held } from '../../calendar/offGrid.ts';
import type { Rows } from '../../calendar/rows.ts';
import { t, word } from '../../i18n/t.ts';
import { Icon } from '../../ui/Icon.tsx';
import type { Days } from './InView.tsx';

export interface OffGridProps {
  model: CalendarModel;
  rows: Rows;
  days: Days;
  onChange: (rows: Rows) => void;
}

export function heldText({ fresh, abnormal }: Held): string {
  const held = [fresh > 0 && t('cal.offgrid.new', { n: fresh }), abnormal > 0 && t('cal.offgrid.abnormal', { n: abnormal })];
  return held.filter(Boolean).join(' ');
}

export function OffGrid({ model, rows, days, onChange }: OffGridProps) {
  const held = offGrid(model, rows.hidden, days.value);
  if (held.length === 0) return null;
  return (
    <div class="cal-offgrid" role="status">
      <Icon name="eye" />
      <span>{t('cal.offgrid')}</span>
      {held.map((one) => (
        <button
          key={one.row}
          type="button"
          class="btn compact"
          onClick={() => onChange({ ...rows, hidden: new Set([...rows.hidden].filter((row) => row !== one.row)) })}
        >
          {t('cal.offgrid.row', { row: word('row', ROW_IDS[one.row] ?? ''), held: heldText(one) })}
          <span class="sr">{t('cal.offgrid.show')}</span>
        </button>
      ))}
    </div>
  );
}
