// SPDX-License-Identifier: Apache-2.0
/* One entry beside the calendar: opened (and audited) by its handle, fetched from where it is
 * kept, with the way to the previous and next entry of its row. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Link } from 'wouter-preact';
import { api, type Content as ContentData, type EntryHead, type Facility } from '../../api/client.ts';
import { t, word } from '../../i18n/t.ts';
import { fullInstant, slashed } from '../../i18n/wareki.ts';
import { Icon } from '../../ui/Icon.tsx';
import { FacilityMark, Notice, ProblemNotice } from '../../ui/pieces.tsx';
import { flagWords } from '../../calendar/words.ts';
import { Content, Whole } from './Content.tsx';
import { DayList, daysText } from './DayList.tsx';
import type { Shown } from './shown.ts';
import { timeText } from './times.ts';
import { useOpened, useParts, type Opened } from './useOpened.ts';

/** What lies open is known already: shown while the content comes or when it does not. */
export interface PanelProps extends Shown {
  person: string;
  facilityOf: (id: string) => Facility | undefined;
  onHead: (head: EntryHead) => void;
  onGo: (entry: string) => void;
  onClose: () => void;
}

const WHOLE_MAX = 12;

/** The RPs of one prescription lie in entries of their own; people read them as one. */
function wholeOf(group: EntryHead[] | null, head: EntryHead | undefined): EntryHead[] {
  if (!group || head?.kind !== 'prescription') return [];
  const rps = group.filter(
    (other) =>
      other.kind === head.kind && other.facility === head.facility && other.day === head.day && other.state === head.state,
  );
  return rps.length > 1 && rps.length <= WHOLE_MAX ? [...rps].reverse() : [];
}

export function Facts({ entry }: { entry: EntryHead }) {
  const flags = flagWords(entry.flags);
  return (
    <div class="panel-facts">
      {(entry.time || entry.day) && (
        <span>
          {entry.time ? timeText(entry.time) : slashed(entry.day ?? '')}
          {entry.end_day && entry.end_day !== entry.day && ` – ${slashed(entry.end_day)}`}
        </span>
      )}
      {entry.department && <span>{entry.department}</span>}
      {entry.author && <span>{entry.author}</span>}
      {flags.map((flag) => (
        <span class="tag" key={flag}>
          {flag}
        </span>
      ))}
    </div>
  );
}

export function State({ entry, facility }: { entry: EntryHead; facility: string }) {
  if (entry.state === 'incomplete') {
    return (
      <Notice tone="bad" title={t('panel.incomplete')}>
        <p>{t('panel.incomplete.next', { facility })}</p>
      </Notice>
    );
  }
  if (entry.state === 'deleted') return <Notice tone="bad" title={t('panel.deleted')} />;
  if (entry.state === 'superseded') return <Notice tone="wait" title={t('panel.superseded')} />;
  if (entry.state === 'planned') return <Notice tone="info" title={t('panel.planned')} />;
  return null;
}

function Group(props: Pick<PanelProps, 'group' | 'days' | 'entry' | 'onGo' | 'facilityOf'>) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const current = box.current?.querySelector<HTMLElement>('[aria-current]');
    if (box.current && current) box.current.scrollTop = current.offsetTop - box.current.clientHeight / 3;
  }, [props.entry, props.group]);
  if (!props.group || props.group.length < 2) return null;
  // the mark is said once where all are of one facility
  const isMixed = props.group.some((head) => head.facility !== props.group?.[0]?.facility);
  return (
    <div class="of-day" ref={box} role="group" aria-label={t('panel.of_day', { n: props.group.length })}>
      {props.days && (
        <button type="button" class="all" onClick={() => props.onGo('')}>
          <Icon name="list" />
          {t('panel.to_list')}
        </button>
      )}
      {props.group.map((head) => {
        const facility = props.facilityOf(head.facility);
        return (
          <button
            key={head.id}
            type="button"
            aria-current={head.id === props.entry ? 'true' : undefined}
            onClick={() => props.onGo(head.id)}
          >
            {isMixed && facility && <FacilityMark facility={facility} />}
            {head.time.slice(11, 16)} {head.title}
          </button>
        );
      })}
    </div>
  );
}

const SEEN = 64 | 128; // pictures, waveforms

/** There are pictures: the index says so, or the study that is named has come. */
const hasImages = (head: EntryHead | undefined, content: ContentData | undefined): boolean =>
  head !== undefined && head.state !== 'deleted' &&
  ((head.flags & SEEN) !== 0 || (content?.items.some((item) => item.type === 'study' && Number(item.instances) > 0) ?? false));

interface Way {
  previous: string | null;
  next: string | null;
}

/** Of the entry and of those that it is read as one with, where the row goes on outside of them. */
function wayOut(ways: (Opened | undefined)[], whole: EntryHead[]): Way {
  const shownIds = new Set(whole.map((other) => other.id));
  const outside = (side: keyof Way) =>
    ways.map((one) => one?.[side] ?? null).find((id) => id !== null && !shownIds.has(id)) ?? null;
  return { previous: outside('previous'), next: outside('next') };
}

/* Wherever the focus went meanwhile, Esc closes; a dialog above takes it first. */
function useEscape(onClose: () => void): void {
  useEffect(() => {
    const onEscape = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented || document.querySelector('dialog[open]')) return;
      event.preventDefault();
      onClose();
    };
    addEventListener('keydown', onEscape);
    return () => removeEventListener('keydown', onEscape);
  }, []);
}

function PanelBar(props: {
  facility: Facility | undefined;
  rowWord: string;
  way: Way;
  onGo: (entry: string | null) => void;
  isFull: boolean;
  onFull: () => void;
  onClose: () => void;
}) {
  const { facility, rowWord, way, onGo, isFull, onFull, onClose } = props;
  return (
    <div class="panel-bar">
      <span class="where">
        {facility && <FacilityMark facility={facility} />}
        <span class="who-name">{facility?.name ?? ''}</span>
      </span>
      <button
        type="button"
        class="btn plain icon"
        aria-disabled={way.previous ? undefined : true}
        onClick={() => onGo(way.previous)}
      >
        <Icon name="left" />
        <span class="sr">{t('panel.previous', { row: rowWord })}</span>
      </button>
      <button
        type="button"
        class="btn plain icon"
        aria-disabled={way.next ? undefined : true}
        onClick={() => onGo(way.next)}
      >
        <Icon name="right" />
        <span class="sr">{t('panel.next', { row: rowWord })}</span>
      </button>
      <button type="button" class="btn plain icon only-small" onClick={onFull}>
        <Icon name={isFull ? 'down' : 'up'} />
        <span class="sr">{t('panel.full')}</span>
      </button>
      <button type="button" class="btn plain icon" onClick={onClose}>
        <Icon name="close" />
        <span class="sr">{t('panel.close')}</span>
      </button>
    </div>
  );
}

function Waiting({ words }: { words: string }) {
  return (
    <div role="status" class="stack">
      <span class="small quiet">{words}</span>
      <div class="skel" />
      <div class="skel w70" />
      <div class="skel w40" />
    </div>
  );
}

function Warnings({ of }: { of: ContentData }) {
  return (
    <details class="small">
      <summary>{t('panel.warnings', { n: of.warnings.length })}</summary>
      <ul>
        {of.warnings.map((warning, index) => (
          <li key={index}>{warning.text}</li>
        ))}
      </ul>
    </details>
  );
}

function Foot({ person, content, opening, printed }: { person: string; content: ContentData; opening: string; printed: string[] }) {
  return (
    <div class="panel-foot">
      <span>{t('panel.fetched', { when: fullInstant(content.fetched_at) })}</span>
      <Link class="btn plain compact push" href={`/print/entry/${person}/${printed.join(',')}`}>
        <Icon name="print" />
        {t('panel.print')}
      </Link>
      <a class="btn plain compact" href={api.originalUrl(opening)} download>
        <Icon name="download" />
        {t('panel.original')}
      </a>
    </div>
  );
}

export function Panel(props: PanelProps) {
  const [turn, setTurn] = useState(0);
  const [isFull, setIsFull] = useState(false);
  const { opened, before, content, isSlow, ...fetched } = useOpened(props.entry, turn);
  const problem = props.failed?.problem ?? fetched.problem;
  const retry = props.failed?.retry ?? (() => setTurn(turn + 1));
  const heading = useRef<HTMLHeadingElement>(null);
  // the list of a day and an entry of it take each other's place
  const isList = props.days !== undefined && props.entry === '';
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
  }, [isList]);
  useEffect(() => {
    if (opened) props.onHead(opened.entry);
  }, [opened?.opening]);
  const head = opened?.entry;
  const whole = wholeOf(props.group, head);
  const parts = useParts(whole.map((other) => other.id).filter((id) => id !== props.entry), turn);
  const contents = whole.flatMap(
    (other) => (other.id === props.entry ? content : parts.get(other.id)?.content) ?? [],
  );
  const lost = [...parts.values()].find((part) => part.problem !== undefined);
  const printed = whole.length > 0 ? whole.map(({ id }) => id) : [props.entry];
  const facility = props.facilityOf(head?.facility ?? props.facility);
  const kind = head ? word('kind', head.kind) : props.row && word('row', props.row);
  const rowWord = head?.row ? word('row', head.row) : kind || t('panel.title');
  // while the next one comes, the way on stays where it is; a whole is left as a whole
  const ways = isList ? [] : [opened ?? before, ...[...parts.values()].map((part) => part.opened)];
  const way = wayOut(ways, whole);
  const go = (id: string | null) => {
    if (id !== null && opened) props.onGo(id);
  };

  useEscape(props.onClose);
  function onKey(event: KeyboardEvent) {
    if (event.key === 'ArrowLeft') go(way.previous);
    else if (event.key === 'ArrowRight') go(way.next);
  }

  return (
    <aside class={`panel ${isFull ? 'full' : ''}`} aria-label={t('panel.title')} onKeyDown={onKey}>
      <div class="panel-head">
        <PanelBar
          facility={facility} rowWord={rowWord} way={way} onGo={go} isFull={isFull}
          onFull={() => setIsFull(!isFull)} onClose={props.onClose}
        />
        <h2 ref={heading} tabIndex={-1}>
          {kind && <span class="kind">{kind}</span>}
          {whole.length > 0 ? t('panel.whole', { n: whole.length }) : isList ? daysText(props.days) : (head?.title ?? props.title)}
        </h2>
        {head && <Facts entry={head} />}
      </div>
      {!isList && (props.days || whole.length !== props.group?.length) && <Group {...props} />}
      <div class="panel-body" tabIndex={0} aria-busy={!content && problem === undefined && !(isList && props.group)}>
        {head && <State entry={head} facility={facility?.name ?? ''} />}
        {hasImages(head, content) && (
          <Link class="btn primary see-images" href={`/p/${props.person}/images/${head?.id}`} state={{ isFromCalendar: true }}>
            {t('panel.images')}
          </Link>
        )}
        {problem !== undefined && <ProblemNotice problem={problem} retry={retry} reads />}
        {isList && props.group && <DayList group={props.group} days={props.days} facilityOf={props.facilityOf} onGo={props.onGo} />}
        {whole.length > 0 && content && (
          <>
            {contents.length < whole.length && (
              <Notice tone={lost ? 'bad' : 'wait'} title={t('panel.whole.partly', { n: contents.length, total: whole.length })}>
                {lost && (
                  <button type="button" class="btn compact" onClick={() => setTurn(turn + 1)}>
                    {t('app.retry')}
                  </button>
                )}
              </Notice>
            )}
            <Whole contents={contents} />
          </>
        )}
        {whole.length === 0 && content && content.entry.id === props.entry && (
          <Content content={content} opening={opened?.opening} onChanged={() => setTurn(turn + 1)} />
        )}
        {!content && problem === undefined && head?.state !== 'incomplete' && !(isList && props.group) && (
          <Waiting words={isList ? t('app.loading') : isSlow ? t('panel.slow') : t('panel.loading', { facility: facility?.name ?? '' })} />
        )}
        {content && content.warnings.length > 0 && <Warnings of={content} />}
      </div>
      {content && opened && <Foot person={props.person} content={content} opening={opened.opening} printed={printed} />}
    </aside>
  );
}
