// SPDX-License-Identifier: Apache-2.0
/* A range of the calendar on paper, whole: four weeks a table, every mark of a day and what is
 * behind it by name, and what is missing. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import '../../styles/calendar.css';
import { api, closeOpening, type Facility, type Person } from '../../api/client.ts';
import { CalendarModel, firstDayOf, weekOf } from '../../calendar/model.ts';
import { language, t } from '../../i18n/t.ts';
import { dayNumber, dayText, slashed } from '../../i18n/wareki.ts';
import { participants, session } from '../../session.ts';
import { FacilityMark, ProblemNotice, Skeleton } from '../../ui/pieces.tsx';
import { readDay, readFacilities } from '../calendar/address.ts';
import { missingOf } from '../calendar/missing.ts';
import { whyWords } from '../calendar/whyWords.ts';
import { Paper } from './Paper.tsx';
import { BLOCK_DAYS, Block, Titles, type Dated } from './blocks.tsx';

const WEEKS_MAX = 53;

interface Loaded {
  person: Person;
  opening: string;
  model: CalendarModel;
}

/* A new range is a new decision: the paper's opening is about what stands on it. */
function useRange(id: string, from: number, to: number, turn: number) {
  const [loaded, setLoaded] = useState<Loaded>();
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => {
    let opening: string | undefined;
    let isOver = false;
    setLoaded(undefined);
    setProblem(undefined);
    if (to < from || to - from >= WEEKS_MAX * 7) return;
    void (async () => {
      try {
        const person = await api.person(id);
        const answer = await api.openCalendar(id, dayText(firstDayOf(weekOf(from))), dayText(firstDayOf(weekOf(to)) + 6));
        opening = answer.opening;
        if (isOver) return closeOpening(opening);
        const model = new CalendarModel(session.value?.post.facility.id ?? '');
        model.merge(answer);
        setLoaded({ person, opening, model });
      } catch (failure) {
        if (!isOver) setProblem(failure);
      }
    })();
    return () => {
      isOver = true;
      if (opening) closeOpening(opening);
    };
  }, [id, from, to, turn]);
  return { loaded, problem };
}

/* Marks, and bars on each day that they cover, within the range. */
function datedOf(model: CalendarModel, hidden: Set<string>, from: number, to: number): Dated[] {
  model.setFilter({ hidden, onlyNew: false, othersOnly: false });
  const bars = model.spans().flatMap((span): Dated[] => {
    const first = Math.max(span.from, from);
    const last = Math.min(span.end, to);
    const mark = { ...span, day: span.from, count: 1 };
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => ({
      day: first + at, mark, isFirst: at === 0, until: span.to,
    }));
  });
  const marks = model.marks().map((mark): Dated => ({ day: mark.day, mark, isFirst: true, until: null }));
  return [...bars, ...marks].filter(({ day }) => day >= from && day <= to);
}

function Legend({ facilities }: { facilities: Facility[] }) {
  return (
    <p class="paper-legend">
      <b>{t('print.legend')}</b>
      {facilities.map((facility) => (
        <span key={facility.id}>
          <FacilityMark facility={facility} /> {facility.name}
        </span>
      ))}
      <span>{t('print.signs')}</span>
    </p>
  );
}

function NotHere({ model, person, hidden }: { model: CalendarModel; person: Person; hidden: Set<string> }) {
  const missing = missingOf(model, person);
  const name = (id: string) => model.facilities.get(id)?.name ?? participants.value.byId.get(id)?.name ?? t('why.others');
  return (
    <section class="paper-missing">
      <h3>{t('print.missing')}</h3>
      {hidden.size > 0 && <p>{t('print.hidden', { names: [...hidden].map(name).join('、') })}</p>}
      {missing.length === 0 && hidden.size === 0 && <p>{t('print.missing.none')}</p>}
      <ul>
        {missing.map((item, index) => (
          <li key={index}>
            <b>{name(item.facility)}</b> {whyWords(item).text}
          </li>
        ))}
      </ul>
    </section>
  );
}

function DayInput(props: { id: string; label: string; value: string; onInput: (value: string) => void }) {
  return (
    <div class="field">
      <label for={props.id}>{props.label}</label>
      <input
        id={props.id}
        class="input short"
        type="date"
        value={props.value}
        onChange={(event) => event.currentTarget.value && props.onInput(event.currentTarget.value)}
      />
    </div>
  );
}

/** The address says the range: days, and facilities that the filter leaves out. */
function readRange(): { from: string; to: string; hidden: Set<string> } {
  const query = new URLSearchParams(location.search);
  const today = session.value?.today ?? dayText(0);
  const to = readDay(query.get('to'));
  const from = readDay(query.get('from'));
  return {
    from: dayText(from ?? firstDayOf(weekOf(dayNumber(today)) - 11)),
    to: to === null ? today : dayText(to),
    hidden: readFacilities(query),
  };
}

export function PrintCalendar({ id }: { id: string }) {
  const start = useMemo(readRange, []);
  const [from, setFrom] = useState(start.from);
  const [to, setTo] = useState(start.to);
  const [hasTitles, setHasTitles] = useState(true);
  const [turn, setTurn] = useState(0);
  const [first, last] = [dayNumber(from), dayNumber(to)];
  const { loaded, problem } = useRange(id, first, last, turn);
  const isBad = last < first || last - first >= WEEKS_MAX * 7;
  const tools = (
    <>
      <div class="row">
        <DayInput id="print-from" label={t('print.from')} value={from} onInput={setFrom} />
        <DayInput id="print-to" label={t('print.to')} value={to} onInput={setTo} />
      </div>
      <label class="row">
        <input type="checkbox" checked={hasTitles} onChange={(event) => setHasTitles(event.currentTarget.checked)} />
        {t('print.list')}
      </label>
      {isBad && <p class="wrong" role="alert">{t('print.range.bad')}</p>}
    </>
  );
  if (problem !== undefined || !loaded) {
    return (
      <div class="page narrow stack">
        <h1>{t('print.calendar')}</h1>
        {tools}
        {problem !== undefined && <ProblemNotice problem={problem} retry={() => setTurn(turn + 1)} />}
        {problem === undefined && !isBad && <Skeleton rows={6} />}
      </div>
    );
  }
  const { model, person } = loaded;
  const dated = datedOf(model, start.hidden, first, last);
  const used = new Set(dated.map(({ mark }) => mark.facility));
  const facilities = [...model.facilities.values()].filter(({ id: one }) => used.has(one)).sort((a, b) => a.slot - b.slot);
  const blocks: number[] = [];
  for (let day = firstDayOf(weekOf(first)); day <= last; day += BLOCK_DAYS) blocks.push(day);
  return (
    <Paper title={t('print.calendar')} person={person} openings={[loaded.opening]} isWide back={`/p/${id}/calendar`} tools={tools}>
      <div class="paper-title">
        <h2>{t('print.range', { from: slashed(from), to: slashed(to) })}</h2>
        <Legend facilities={facilities} />
      </div>
      {dated.length === 0 && <p>{t('print.none')}</p>}
      {dated.length > 0 && blocks.map((begin) => (
        <Block key={begin} begin={begin} from={first} to={last} dated={dated} model={model} language={language.value} />
      ))}
      {hasTitles && dated.length > 0 && <Titles dated={dated} model={model} language={language.value} />}
      <NotHere model={model} person={person} hidden={start.hidden} />
    </Paper>
  );
}
