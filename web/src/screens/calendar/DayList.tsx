// SPDX-License-Identifier: Apache-2.0
/* What is behind "+n": everything of a row on its day (its week, where a week is a column), to
 * choose from. Nothing is opened, and nothing stands in the audit, before it is chosen. */
import type { EntryHead, Facility } from '../../api/client.ts';
import { dayLabel, flagWords } from '../../calendar/words.ts';
import { Flag } from '../../calendar/model.ts';
import { language, t, word } from '../../i18n/t.ts';
import { dayNumber } from '../../i18n/wareki.ts';
import { FacilityMark } from '../../ui/pieces.tsx';

export function daysText(days: [number, number] | undefined): string {
  if (!days) return '';
  const [from, to] = [dayLabel(days[0], language.value), dayLabel(days[1], language.value)];
  return days[0] === days[1] ? from : t('cal.range', { from, to });
}

export function DayList(props: {
  group: EntryHead[];
  days: [number, number] | undefined;
  facilityOf: (id: string) => Facility | undefined;
  onGo: (entry: string) => void;
}) {
  const { group, days } = props;
  const isOneDay = days !== undefined && days[0] === days[1];
  if (group.length === 0) return <p class="empty">{t('panel.of_days.none')}</p>;
  return (
    <>
      <p class="small quiet">{t('panel.of_days', { n: group.length })}</p>
      <ul class="day-list">
        {group.map((head) => {
          const facility = props.facilityOf(head.facility);
          return (
            <li key={head.id}>
              <button type="button" onClick={() => props.onGo(head.id)}>
                {facility ? <FacilityMark facility={facility} /> : <span />}
                <span>
                  <b>{head.title || word('kind', head.kind)}</b>
                  <small>
                    {!isOneDay && head.day && `${dayLabel(dayNumber(head.day), language.value)} `}
                    {head.time.slice(11, 16)} {word('kind', head.kind)} {head.department}
                  </small>
                  {flagWords(head.flags).map((flag) => (
                    <span key={flag} class={`tag ${head.flags & Flag.New && flag === t('flag.1') ? 'new' : ''}`}>
                      {flag}
                    </span>
                  ))}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </>
  );
}
