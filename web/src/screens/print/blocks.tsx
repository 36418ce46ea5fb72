// SPDX-License-Identifier: Apache-2.0
/* The tables of a printed calendar: days across with marks, and what is behind them by name. */
import { holidayOn } from '../../calendar/holidays.ts';
import { ABNORMAL, Flag, ROW_IDS, type CalendarModel, type Mark } from '../../calendar/model.ts';
import { HOLIDAY, WEEKDAYS, flagWords } from '../../calendar/words.ts';
import { t, word } from '../../i18n/t.ts';
import { dayParts, dayText, slashed, weekday } from '../../i18n/wareki.ts';

export const BLOCK_DAYS = 28;

/** A mark or a bar on a day that it covers. */
export interface Dated {
  day: number;
  mark: Mark;
  isFirst: boolean;
  until: number | null;
}

/* Shapes and words, since paper is often black and white. */
function signsOf(flags: number): string {
  return [
    flags & Flag.High && '▲', flags & Flag.Low && '▼', (flags & ABNORMAL) === Flag.Abnormal && '◆',
    flags & Flag.Urgent && t('print.sign.urgent'), flags & Flag.New && t('print.sign.new'),
    flags & Flag.Cancelled && t('print.sign.cancelled'), flags & (Flag.Planned | Flag.Ordered) && t('print.sign.planned'),
    flags & Flag.Incomplete && t('print.sign.incomplete'),
  ].filter(Boolean).join('');
}

function MarkOnPaper({ item, model }: { item: Dated; model: CalendarModel }) {
  const { mark } = item;
  const facility = model.facilities.get(mark.facility);
  return (
    <span class={`pm s${facility?.slot ?? 10} ${mark.flags & Flag.Cancelled ? 'can' : ''} ${item.isFirst ? '' : 'goes-on'}`}>
      {facility?.letter ?? '?'}
      {mark.count > 1 && <i>{mark.count}</i>}
      {signsOf(mark.flags) && <small>{signsOf(mark.flags)}</small>}
    </span>
  );
}

/** Four weeks from a Monday; days outside the range say nothing and look so. */
export function Block(props: {
  begin: number; from: number; to: number; dated: Dated[]; model: CalendarModel; language: 'ja' | 'en';
}) {
  const days = Array.from({ length: BLOCK_DAYS }, (_, at) => props.begin + at);
  const isOut = (day: number) => day < props.from || day > props.to;
  const cells = new Map<string, Dated[]>();
  for (const item of props.dated) {
    const key = `${item.mark.row} ${item.day}`;
    cells.set(key, [...(cells.get(key) ?? []), item]);
  }
  return (
    <table class="paper-block">
      <thead>
        <tr>
          <th scope="col">{slashed(dayText(props.begin)).slice(0, 7)}</th>
          {days.map((day) => {
            const { year, month, day: date } = dayParts(day);
            const isHoliday = holidayOn(day, year) !== undefined;
            const kind = isHoliday || weekday(day) === 6 ? 'sun' : weekday(day) === 5 ? 'sat' : '';
            return (
              <th key={day} scope="col" class={kind}>
                {date === 1 ? `${month}/${date}` : date}
                <small>{isHoliday ? HOLIDAY[props.language] : WEEKDAYS[props.language][weekday(day)]}</small>
              </th>
            );
          })}
        </tr>
      </thead>
      <tbody>
        {ROW_IDS.map((id, row) => (
          <tr key={id}>
            <th scope="row">{word('row', id)}</th>
            {days.map((day) => (
              <td key={day} class={isOut(day) ? 'out' : weekday(day) >= 5 ? 'off' : ''}>
                {cells.get(`${row} ${day}`)?.map((item, index) => <MarkOnPaper key={index} item={item} model={props.model} />)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** New to old, a line for each mark; a bar once, with its days. */
export function Titles({ dated, model, language }: { dated: Dated[]; model: CalendarModel; language: 'ja' | 'en' }) {
  const once = dated.filter(({ isFirst }) => isFirst).sort((a, b) => b.day - a.day || a.mark.row - b.mark.row);
  return (
    <section class="paper-titles">
      <h3>{t('print.titles')}</h3>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('list.day')}</th>
            <th scope="col">{t('list.kind')}</th>
            <th scope="col">{t('list.facility')}</th>
            <th scope="col">{t('print.newest')}</th>
            <th scope="col">{t('print.count')}</th>
            <th scope="col">{t('list.state')}</th>
          </tr>
        </thead>
        <tbody>
          {once.map(({ mark, until }, index) => {
            const facility = model.facilities.get(mark.facility);
            return (
              <tr key={index} class={mark.flags & Flag.Cancelled ? 'can' : ''}>
                <td class="nowrap">
                  {slashed(dayText(mark.day))}（{WEEKDAYS[language][weekday(mark.day)]}）
                  {until !== null && until !== mark.day && ` – ${slashed(dayText(until))}`}
                </td>
                <td class="nowrap">{word('row', ROW_IDS[mark.row] ?? '')}</td>
                <td>
                  <b>{facility?.letter}</b> {facility?.name}
                </td>
                <td>
                  <span class="what">{mark.title}</span>
                </td>
                <td class="num">{mark.count > 1 ? t('cal.count', { n: mark.count }) : ''}</td>
                <td>{flagWords(mark.flags, mark.count).join(' ')}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
