// SPDX-License-Identifier: Apache-2.0
/* The dialogs of the calendar, at most one of them open. */
import type { Facility, Person } from '../../api/client.ts';
import type { Mark } from '../../calendar/model.ts';
import type { Rows } from '../../calendar/rows.ts';
import type { Days } from './InView.tsx';
import { Arrange, Find, Keys, Why } from './later.ts';
import type { OpenCalendar } from './opening.ts';

export type CalendarDialog = 'why' | 'keys' | 'find' | 'rows';

export function Dialogs(props: {
  which: CalendarDialog | null;
  calendar: OpenCalendar | undefined;
  person: Person;
  rows: Rows;
  days: Days;
  facilityOf: (id: string) => Facility | undefined;
  /** More of the calendar has come. */
  onLoaded: () => void;
  onFound: (mark: Mark) => void;
  onArrange: (rows: Rows) => void;
  onClose: () => void;
}) {
  const { which, calendar, rows, days, facilityOf, onClose } = props;
  if (which === 'keys') return <Keys onClose={onClose} />;
  if (!calendar) return null;
  const { model } = calendar;
  if (which === 'why') return <Why model={model} person={props.person} facilityOf={facilityOf} onClose={onClose} />;
  if (which === 'find') {
    return <Find calendar={calendar} facilityOf={facilityOf} onLoaded={props.onLoaded} onGo={props.onFound} onClose={onClose} />;
  }
  if (which === 'rows') return <Arrange rows={rows} model={model} days={days} onChange={props.onArrange} onClose={onClose} />;
  return null;
}
