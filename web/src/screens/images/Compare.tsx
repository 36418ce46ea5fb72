// SPDX-License-Identifier: Apache-2.0
/* Which other images of the same person there are, as the calendar's index knows them; the one
 * that is chosen becomes an opening of its own. */
import { useEffect, useState } from 'preact/hooks';
import { api, closeOpening, type Calendar, type EntryHead, type Facility, type Row } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { dayNumber, dayText, slashed } from '../../i18n/wareki.ts';
import { session } from '../../session.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { FacilityMark, ProblemNotice, Skeleton } from '../../ui/pieces.tsx';

const RANGE_DAYS = 104 * 7 - 1;
const IMAGE = 64;

export interface CompareProps {
  person: string;
  /** Entries that are on the screen already. */
  shown: Set<string>;
  facilityOf: (id: string) => Facility | undefined;
  onChoose: (entry: string) => Promise<void>;
  onClose: () => void;
}

interface Mark {
  row: Row;
  day: string;
  facility: string;
  count: number;
  entry: string;
  title: string;
}

function marksOf({ marks, rows, facilities, titles }: Calendar): Mark[] {
  return marks.row
    .flatMap((row, at): Mark[] => {
      const facility = facilities[marks.facility[at] ?? -1];
      const name = rows[row];
      if (!facility || !name || ((marks.flags[at] ?? 0) & IMAGE) === 0) return [];
      return [{
        row: name, day: dayText(marks.day[at] ?? 0), facility: facility.id, count: marks.count[at] ?? 1,
        entry: marks.entry[at] ?? '', title: titles[marks.title[at] ?? 0] ?? '',
      }];
    })
    .sort((a, b) => (a.day < b.day ? 1 : -1));
}

type Line = Pick<EntryHead, 'id' | 'title' | 'facility'> & { day: string };

/* Behind a mark of one lies one entry; behind the others a list is asked for. */
async function read(person: string, from: string, to: string): Promise<Line[]> {
  const calendar = await api.openCalendar(person, from, to);
  try {
    const lists = await Promise.all(
      marksOf(calendar).map(async ({ row, day, facility, count, entry, title }): Promise<Line[]> => {
        if (count === 1) return [{ id: entry, title, facility, day }];
        const { entries } = await api.entries(calendar.opening, { row, from: day, to: day, facility });
        return entries.filter(({ flags }) => (flags & IMAGE) !== 0).map((head) => ({ ...head, day }));
      }),
    );
    return lists.flat();
  } finally {
    closeOpening(calendar.opening);
  }
}

export function Compare({ person, shown, facilityOf, onChoose, onClose }: CompareProps) {
  const [to, setTo] = useState(session.value?.today ?? '');
  const [lines, setLines] = useState<Line[]>();
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState('');
  const [turn, setTurn] = useState(0);
  const from = dayText(dayNumber(to) - RANGE_DAYS);
  useEffect(() => {
    let isOver = false;
    setProblem(undefined);
    read(person, from, to).then(
      (found) => !isOver && setLines((old) => [...(old ?? []), ...found]),
      (failure: unknown) => !isOver && setProblem(failure),
    );
    return () => {
      isOver = true;
    };
  }, [to, turn]);

  async function choose(id: string) {
    if (busy) return;
    setBusy(id);
    setProblem(undefined);
    try {
      await onChoose(id);
      onClose();
    } catch (failure) {
      setProblem(failure);
      setBusy('');
    }
  }

  const others = lines?.filter(({ id }) => !shown.has(id));
  return (
    <Dialog title={t('image.compare.title')} onClose={onClose} wide>
      <p class="small quiet">{t('image.compare.text')}</p>
      {problem !== undefined && <ProblemNotice problem={problem} {...(lines ? {} : { retry: () => setTurn(turn + 1) })} />}
      {!lines && problem === undefined && <Skeleton rows={3} />}
      {others?.length === 0 && <p class="empty">{t('image.compare.none')}</p>}
      {others && others.length > 0 && (
        <ul class="v-others">
          {others.map((line) => {
            const facility = facilityOf(line.facility);
            return (
              <li key={line.id}>
                <button type="button" aria-busy={busy === line.id} onClick={() => void choose(line.id)}>
                  <b class="num">{slashed(line.day)}</b>
                  <span>
                    {facility && <FacilityMark facility={facility} />} {facility?.name}
                  </span>
                  <span>{busy === line.id ? t('image.compare.opening') : line.title}</span>
                </button>
              </li>
            );
          })}
        </ul>
      )}
      {lines && (
        <div class="row">
          <span class="small quiet">{t('image.compare.range', { from: slashed(from), to: slashed(session.value?.today ?? to) })}</span>
          <button type="button" class="btn compact push" onClick={() => setTo(dayText(dayNumber(from) - 1))}>
            {t('image.compare.older')}
          </button>
        </div>
      )}
    </Dialog>
  );
}
