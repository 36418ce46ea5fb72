// SPDX-License-Identifier: Apache-2.0
/* 記録 about a person, newest first: who wrote it, where, when; what was corrected or taken back
 * says so. */
import '../../styles/note.css';
import { useEffect, useState } from 'preact/hooks';
import type { Person } from '../../api/client.ts';
import { useResource } from '../../api/resource.ts';
import { t, word } from '../../i18n/t.ts';
import { fullInstant } from '../../i18n/wareki.ts';
import { mayWrite, participants } from '../../session.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { FormActions } from '../../ui/Form.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { FacilityMark, Notice, ProblemNotice, Skeleton } from '../../ui/pieces.tsx';
import { useSubmit } from '../../ui/useSubmit.ts';
import { NoteForm } from './NoteForm.tsx';
import { NoteImage, Pictures, labelOf } from './Pictures.tsx';
import { correctNote, inputOf, listNotes, withdrawNote, writeNote, type Note, type NoteText } from './calls.ts';
import { takeDraft, type Draft } from './drafts.ts';
import { Studies } from './openings.ts';

function Withdraw({ note, onDone, onClose }: { note: Note; onDone: () => void; onClose: () => void }) {
  const { problem, isBusy, onSubmit } = useSubmit({ send: (key) => withdrawNote(note.id, note.version, key), onDone });
  return (
    <Dialog title={t('note.withdraw.title')} onClose={onClose}>
      <form class="stack" onSubmit={onSubmit}>
        <p>{t('note.withdraw.text')}</p>
        {problem !== undefined && <ProblemNotice problem={problem} writes />}
        <FormActions busy={isBusy} tone="danger" words={t('note.withdraw.do')} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

function One({ person, note, studies, onCorrect, onWithdraw }: { person: string; note: Note; studies: Studies; onCorrect: () => void; onWithdraw: () => void }) {
  const facility = participants.value.byId.get(note.facility);
  const isWithdrawn = note.state === 'withdrawn';
  return (
    <article class={`card note ${isWithdrawn ? 'withdrawn' : ''}`}>
      <header>
        <h2>
          <time dateTime={new Date(note.created_at).toISOString()}>{fullInstant(note.created_at)}</time>
        </h2>
        <span class="row">
          {facility && <FacilityMark facility={facility} />}
          <span>{note.facility_name}</span>
        </span>
        <span>
          <b>{note.author}</b> <span class="small quiet">{word('profession', note.profession)}</span>
        </span>
        {isWithdrawn && <span class="tag bad">{t('note.withdrawn')}</span>}
        {!isWithdrawn && note.version > 1 && <span class="tag wait">{t('note.corrected', { n: note.version })}</span>}
      </header>
      <div class="card-body stack">
        {isWithdrawn ? (
          <p class="quiet">{t('note.withdrawn.by', { when: fullInstant(note.written_at), by: note.written_by })}</p>
        ) : (
          <>
            {note.text && <p class="note-words">{note.text}</p>}
            {note.pictures.length > 0 && <Pictures person={person} pictures={note.pictures} studies={studies} />}
            {note.version > 1 && <p class="small quiet">{t('note.corrected.at', { when: fullInstant(note.written_at) })}</p>}
          </>
        )}
        {(note.may_correct || note.may_withdraw) && (
          <div class="actions">
            {note.may_correct && (
              <button type="button" class="btn compact" onClick={onCorrect}>
                {t('note.correct')}
              </button>
            )}
            {note.may_withdraw && (
              <button type="button" class="btn compact" onClick={onWithdraw}>
                {t('note.withdraw')}
              </button>
            )}
          </div>
        )}
      </div>
    </article>
  );
}

type Asked = { does: 'write' } | { does: 'correct' | 'withdraw'; note: Note } | { does: 'resume'; draft: Draft };

function Resume({ draft, studies, onDone, onClose }: { draft: Draft; studies: Studies; onDone: () => void; onClose: () => void }) {
  const { person, corrects } = draft;
  const pictures = draft.pictures.map((one) => ({ ...one, image: <NoteImage picture={{ ...one.input, entry: { id: one.input.entry } }} studies={studies} alt="" /> }));
  const send = (body: NoteText, key: string) => (corrects ? correctNote(corrects.note, { version: corrects.version, ...body }, key) : writeNote(person, body, key));
  return (
    <NoteForm
      title={t(corrects ? 'note.correct' : 'note.write')}
      submit={t(corrects ? 'note.correct.do' : 'note.keep')}
      text=""
      pictures={NONE}
      of={draft}
      draft={{ text: draft.text, pictures }}
      send={send}
      onDone={onDone}
      onClose={onClose}
    />
  );
}

function Ask({ asked, person, studies, onDone, onClose }: { asked: Asked; person: string; studies: Studies; onDone: () => void; onClose: () => void }) {
  if (asked.does === 'write') {
    return <NoteForm title={t('note.write')} submit={t('note.keep')} text="" pictures={NONE} of={{ person }} send={(body, key) => writeNote(person, body, key)} onDone={onDone} onClose={onClose} />;
  }
  if (asked.does === 'resume') return <Resume draft={asked.draft} studies={studies} onDone={onDone} onClose={onClose} />;
  const { note } = asked;
  if (asked.does === 'withdraw') return <Withdraw note={note} onDone={onDone} onClose={onClose} />;
  const pictures = note.pictures.flatMap((picture, at) =>
    inputOf(picture).map((input) => ({ key: String(at), input, image: <NoteImage picture={picture} studies={studies} alt="" />, label: labelOf(picture) })));
  return (
    <NoteForm
      title={t('note.correct')}
      submit={t('note.correct.do')}
      text={note.text}
      pictures={pictures}
      lost={note.pictures.length - pictures.length}
      of={{ person, corrects: { note: note.id, version: note.version } }}
      send={(body, key) => correctNote(note.id, { version: note.version, ...body }, key)}
      onDone={onDone}
      onClose={onClose}
    />
  );
}
const NONE: [] = [];

export function Notes({ person }: { person: Person }) {
  const first = useResource(`notes ${person.id}`, (signal) => listNotes(person.id, undefined, signal));
  const [more, setMore] = useState<{ of: Note[] | undefined; notes: Note[]; next: string | null }>();
  const [problem, setProblem] = useState<unknown>();
  const [isMore, setIsMore] = useState(false);
  const [asked, setAsked] = useState<Asked | undefined>(() => {
    const draft = takeDraft(person.id);
    return draft && { does: 'resume', draft };
  });
  const [said, setSaid] = useState('');
  const [studies] = useState(() => new Studies());
  useEffect(() => () => studies.close(), []);
  useEffect(() => {
    document.title = `${t('note.title')} ${person.name} - ${t('app.name')}`;
  }, [person.name]);
  const added = more && more.of === first.value?.notes ? more : undefined;
  const list = first.value && [...first.value.notes, ...(added?.notes ?? [])];
  const next = added ? added.next : (first.value?.next ?? null);

  async function loadMore() {
    if (next === null || isMore) return;
    setIsMore(true);
    setProblem(undefined);
    try {
      const page = await listNotes(person.id, next);
      setMore({ of: first.value?.notes, notes: [...(added?.notes ?? []), ...page.notes], next: page.next });
    } catch (failure) {
      setProblem(failure);
    }
    setIsMore(false);
  }
  function done() {
    const does = asked?.does === 'resume' ? (asked.draft.corrects ? 'correct' : 'write') : asked?.does;
    setSaid(does ? t(`note.done.${does}`) : '');
    setAsked(undefined);
    first.reload();
  }

  return (
    <div class="page notes">
      <div class="page-head">
        <h1>{t('note.title')}</h1>
        {mayWrite() && (
          <button type="button" class="btn primary" onClick={() => setAsked({ does: 'write' })}>
            <Icon name="plus" />
            {t('note.write')}
          </button>
        )}
      </div>
      <div class="stack">
        {said && <Notice tone="good" title={said} />}
        {first.state === 'failed' && <ProblemNotice problem={first.problem} retry={first.reload} reads />}
        {!list && first.state === 'loading' && (
          <div class="card">
            <Skeleton rows={3} />
          </div>
        )}
        {list?.length === 0 && (
          <div class="card empty">
            <b>{t('note.none')}</b>
            <span>{t('note.none.text')}</span>
          </div>
        )}
        {list?.map((note) => (
          <One
            key={`${note.id} ${note.version}`}
            person={person.id}
            note={note}
            studies={studies}
            onCorrect={() => setAsked({ does: 'correct', note })}
            onWithdraw={() => setAsked({ does: 'withdraw', note })}
          />
        ))}
        {problem !== undefined && <ProblemNotice problem={problem} retry={() => void loadMore()} />}
        {next !== null && problem === undefined && (
          <button type="button" class="btn" disabled={isMore} onClick={() => void loadMore()}>
            {t('note.more')}
          </button>
        )}
      </div>
      {asked && <Ask asked={asked} person={person.id} studies={studies} onDone={done} onClose={() => setAsked(undefined)} />}
    </div>
  );
}
