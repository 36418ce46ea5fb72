// SPDX-License-Identifier: Apache-2.0
/* One entry, or the RPs of one prescription, on paper. Each is opened by its own decision. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import '../../styles/calendar.css';
import { api, closeOpening, type Content as ContentData, type EntryHead, type Person } from '../../api/client.ts';
import { t, word } from '../../i18n/t.ts';
import { fullInstant } from '../../i18n/wareki.ts';
import { participants } from '../../session.ts';
import { FacilityMark, ProblemNotice, Skeleton } from '../../ui/pieces.tsx';
import { Content, Whole } from '../calendar/Content.tsx';
import { Facts, State } from '../calendar/Panel.tsx';
import type { Fields } from '../calendar/blocks.ts';
import { countPictures } from '../calendar/parts.ts';
import { Paper } from './Paper.tsx';

const ENTRIES_MAX = 12;

interface Loaded {
  person: Person;
  openings: string[];
  heads: EntryHead[];
  contents: ContentData[];
}

function useEntries(id: string, entries: string[], turn: number) {
  const [loaded, setLoaded] = useState<Loaded>();
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => {
    const abort = new AbortController();
    const openings: string[] = [];
    setProblem(undefined);
    void (async () => {
      try {
        const person = await api.person(id);
        const heads: EntryHead[] = [];
        const contents: ContentData[] = [];
        for (const entry of entries.slice(0, ENTRIES_MAX)) {
          const opened = await api.openEntry(entry, abort.signal);
          openings.push(opened.opening);
          heads.push(opened.entry);
          if (opened.entry.state !== 'incomplete') contents.push(await api.content(opened.opening, abort.signal));
        }
        if (!abort.signal.aborted) setLoaded({ person, openings, heads, contents });
      } catch (failure) {
        if (!abort.signal.aborted) setProblem(failure);
      }
    })();
    return () => {
      abort.abort();
      openings.forEach(closeOpening);
    };
  }, [id, turn]);
  return { loaded, problem };
}

/** Pictures of the text that are drawn, or known to be lost: the paper waits for all of them. */
function usePictures() {
  const [settled, setSettled] = useState<ReadonlySet<string>>(new Set());
  const onSettled = useCallback((picture: string, isSettled: boolean) => {
    setSettled((old) => {
      if (old.has(picture) === isSettled) return old;
      const next = new Set(old);
      if (isSettled) next.add(picture);
      else next.delete(picture);
      return next;
    });
  }, []);
  return { count: settled.size, onSettled };
}

export function PrintEntry({ id, entries }: { id: string; entries: string[] }) {
  const [turn, setTurn] = useState(0);
  const { loaded, problem } = useEntries(id, entries, turn);
  const pictures = usePictures();
  if (problem !== undefined) {
    return (
      <div class="page narrow">
        <ProblemNotice problem={problem} retry={() => setTurn(turn + 1)} />
      </div>
    );
  }
  const [head] = loaded?.heads ?? [];
  if (!loaded || !head) return <div class="page"><Skeleton rows={6} /></div>;
  const { contents } = loaded;
  const [content] = contents;
  const facility = participants.value.byId.get(head.facility);
  const isOne = contents.length === 1;
  const wanted = isOne && content ? countPictures(content.items as Fields[], content.list) : 0;
  return (
    <Paper title={t('print.entry')} person={loaded.person} openings={loaded.openings} waitsFor={wanted - pictures.count} back={`/p/${id}/calendar`}>
      <div class="paper-title">
        <h2>
          <span class="kind">{word('kind', head.kind)}</span>
          {loaded.heads.length > 1 ? t('panel.whole', { n: loaded.heads.length }) : head.title}
        </h2>
        <p class="row">
          {facility && <FacilityMark facility={facility} />}
          {facility?.name}
        </p>
        <Facts entry={head} />
      </div>
      <State entry={head} facility={facility?.name ?? ''} />
      {contents.length > 1 ? <Whole contents={contents} /> : content && (
        <Content content={content} opening={loaded.openings[0]} onChanged={() => setTurn(turn + 1)} onSettled={pictures.onSettled} />
      )}
      {content && <p class="small quiet">{t('panel.fetched', { when: fullInstant(content.fetched_at) })}</p>}
    </Paper>
  );
}
