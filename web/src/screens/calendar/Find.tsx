// SPDX-License-Identifier: Apache-2.0
/* Search within the patient: the browser's own sees only the weeks in view. */
import { useState } from 'preact/hooks';
import type { Facility } from '../../api/client.ts';
import { findMarks } from '../../calendar/find.ts';
import { ROW_IDS, firstDayOf, weekOf, type Mark } from '../../calendar/model.ts';
import { WEEKDAYS } from '../../calendar/words.ts';
import { language, t, word } from '../../i18n/t.ts';
import { dayText, slashed, weekday } from '../../i18n/wareki.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { Field } from '../../ui/Field.tsx';
import { FacilityMark } from '../../ui/pieces.tsx';
import type { OpenCalendar } from './opening.ts';

const FOUND_MAX = 100;

export function Find(props: {
  calendar: OpenCalendar;
  facilityOf: (id: string) => Facility | undefined;
  onLoaded: () => void;
  onGo: (mark: Mark) => void;
  onClose: () => void;
}) {
  const { model } = props.calendar;
  const [words, setWords] = useState('');
  const [isBusy, setIsBusy] = useState(false);
  const found = findMarks(model, words, FOUND_MAX);
  const from = model.loadedRange()?.from ?? weekOf(model.today);
  const oldest = model.firstDay === null ? from : weekOf(model.firstDay);
  async function loadAll() {
    setIsBusy(true);
    await props.calendar.load(oldest, from - 1, props.onLoaded);
    setIsBusy(false);
  }
  return (
    <Dialog title={t('find.title')} onClose={props.onClose} wide>
      <Field id="find-words" label={t('find.words')} hint={t('find.hint')} value={words} onInput={setWords} autoFocus />
      <p class="small quiet" role="status">
        {words.trim() !== '' && t(found.length < FOUND_MAX ? 'find.count' : 'find.many', { n: found.length })}{' '}
        {oldest < from && t('find.since', { day: slashed(dayText(firstDayOf(from))) })}
      </p>
      {oldest < from && (
        <p>
          <button type="button" class="btn compact" disabled={isBusy} onClick={() => void loadAll()}>
            {t('find.all')}
          </button>
        </p>
      )}
      <ul class="found-list">
        {found.map((mark) => {
          const facility = props.facilityOf(mark.facility);
          return (
            <li key={`${mark.row} ${mark.day} ${mark.facility}`}>
              <button type="button" onClick={() => props.onGo(mark)}>
                <span class="num">
                  {slashed(dayText(mark.day))}（{WEEKDAYS[language.value][weekday(mark.day)]}）
                </span>
                {facility ? <FacilityMark facility={facility} /> : <span />}
                <span>
                  <span class="kind">{word('row', ROW_IDS[mark.row] ?? '')}</span>
                  {mark.title}
                  {mark.count > 1 && <span class="tag">{t('cal.count', { n: mark.count })}</span>}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </Dialog>
  );
}
