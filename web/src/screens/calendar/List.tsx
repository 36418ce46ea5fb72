// SPDX-License-Identifier: Apache-2.0
/* 一覧表示: a row over time as a plain table, complete without the grid, with its filters. */
import { useEffect, useState } from 'preact/hooks';
import type { EntryHead, Facility } from '../../api/client.ts';
import { WEEKDAYS, flagWords } from '../../calendar/words.ts';
import { Flag, ROW_IDS } from '../../calendar/model.ts';
import { language, t, word } from '../../i18n/t.ts';
import { dayNumber, slashed, weekday } from '../../i18n/wareki.ts';
import { FacilityMark, ProblemNotice, Skeleton } from '../../ui/pieces.tsx';
import type { OpenCalendar } from './opening.ts';
import { pageOf, type RowPlace } from './rowPages.ts';

interface Page {
  key: string;
  entries: EntryHead[];
  next: RowPlace | null;
}

export function List(props: {
  calendar: OpenCalendar;
  order: readonly number[];
  row: number;
  version: number;
  current: string;
  facilityOf: (id: string) => Facility | undefined;
  onRow: (row: number) => void;
  onOpen: (head: EntryHead) => void;
}) {
  const { calendar, row } = props;
  const { model } = calendar;
  const [page, setPage] = useState<Page>();
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setIsBusy] = useState(true);
  const [turn, setTurn] = useState(0);
  const key = `${row} ${props.version}`;

  async function load(place: RowPlace | null, signal: AbortSignal) {
    setIsBusy(true);
    setProblem(undefined);
    try {
      const answer = await pageOf(calendar, ROW_IDS[row] ?? 'test', place, signal);
      if (signal.aborted) return;
      setPage((old) => ({
        key,
        entries: place && old?.key === key ? [...old.entries, ...answer.entries] : answer.entries,
        next: answer.next,
      }));
    } catch (failure) {
      if (!signal.aborted) setProblem(failure);
    } finally {
      if (!signal.aborted) setIsBusy(false);
    }
  }
  useEffect(() => {
    const abort = new AbortController();
    void load(null, abort.signal);
    return () => abort.abort();
  }, [key, turn]);

  const isCurrent = page?.key.startsWith(`${row} `) ?? false;
  const entries = (isCurrent ? page?.entries : undefined)?.filter((entry) => model.isShown(entry));
  return (
    <div class="cal-list">
      <div class="row-chips" role="group" aria-label={t('list.rows')}>
        {props.order.map((index) => (
          <button
            key={index}
            type="button"
            class="btn tool compact"
            aria-pressed={index === row}
            onClick={() => props.onRow(index)}
          >
            {word('row', ROW_IDS[index] ?? '')}
          </button>
        ))}
      </div>
      {problem !== undefined && (
        <div class="card-body">
          <ProblemNotice problem={problem} retry={() => setTurn(turn + 1)} reads />
        </div>
      )}
      {!entries && problem === undefined && <Skeleton rows={6} />}
      {entries?.length === 0 && <p class="empty">{t('list.empty')}</p>}
      {entries && entries.length > 0 && (
        <table class="table list-table">
          <thead>
            <tr>
              <th scope="col">{t('list.day')}</th>
              <th scope="col" class="where">
                {t('list.facility')}
              </th>
              <th scope="col">{t('list.content')}</th>
              <th scope="col" class="hide-small">
                {t('list.kind')}
              </th>
              <th scope="col" class="hide-small">
                {t('list.department')}
              </th>
              <th scope="col">{t('list.state')}</th>
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => (
              <Line key={entry.id} entry={entry} {...props} />
            ))}
          </tbody>
        </table>
      )}
      {page?.next && isCurrent && (
        <p class="card-body">
          <button
            type="button"
            class="btn"
            disabled={isBusy}
            onClick={() => void load(page.next, new AbortController().signal)}
          >
            {t('app.more')}
          </button>
        </p>
      )}
    </div>
  );
}

function Line(props: {
  entry: EntryHead;
  current: string;
  facilityOf: (id: string) => Facility | undefined;
  onOpen: (head: EntryHead) => void;
}) {
  const { entry } = props;
  const facility = props.facilityOf(entry.facility);
  const number = entry.day ? dayNumber(entry.day) : null;
  return (
    <tr class={entry.id === props.current ? 'is-open' : ''}>
      <td class="nowrap">
        {entry.day && slashed(entry.day)}
        {number !== null && <span class="quiet">（{WEEKDAYS[language.value][weekday(number)]}）</span>}
        {entry.end_day && entry.end_day !== entry.day && <span class="until"> – {slashed(entry.end_day)}</span>}
      </td>
      <td class="where">
        {facility && <FacilityMark facility={facility} />}
        <span class="only-wide" aria-hidden="true">
          {facility?.name}
        </span>
      </td>
      <td>
        <button type="button" class="title-button" onClick={() => props.onOpen(entry)}>
          {entry.title || word('kind', entry.kind)}
        </button>
      </td>
      <td class="hide-small nowrap">{word('kind', entry.kind)}</td>
      <td class="hide-small">{[entry.department, entry.author].filter(Boolean).join(' / ')}</td>
      <td>
        <span class="why-kinds">
          {flagWords(entry.flags).map((flag) => (
            <span key={flag} class={`tag ${entry.flags & Flag.New && flag === t('flag.1') ? 'new' : ''}`}>
              {flag}
            </span>
          ))}
        </span>
      </td>
    </tr>
  );
}
