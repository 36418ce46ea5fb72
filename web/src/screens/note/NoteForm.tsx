// SPDX-License-Identifier: Apache-2.0
/* Words and pictures that become a note, or its next version. Sent once; what was typed stays
 * until it is kept, and is not thrown away unasked. */
import '../../styles/note.css';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../../i18n/t.ts';
import { session } from '../../session.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { ErrorSummary, FormActions, type Errors } from '../../ui/Form.tsx';
import { Wrong } from '../../ui/Field.tsx';
import { Notice, ProblemNotice } from '../../ui/pieces.tsx';
import { useSubmit } from '../../ui/useSubmit.ts';
import { COMMENT_MAX, PICTURES_MAX, TEXT_MAX, type NotePictureInput, type NoteText } from './calls.ts';
import { holdDraft, type Draft } from './drafts.ts';

export interface FormPicture {
  key: string;
  input: NotePictureInput;
  /** Which it is, for the eye. */
  image: ComponentChildren;
  label: string;
}

interface NoteFormProps {
  title: string;
  submit: string;
  text: string;
  pictures: FormPicture[];
  /** Pictures that cannot be taken along. */
  lost?: number;
  /** Whose note it becomes, or which version it corrects. */
  of: Pick<Draft, 'person' | 'corrects'>;
  /** What is there already of an earlier session. */
  draft?: { text: string; pictures: FormPicture[] };
  send: (note: NoteText, key: string) => Promise<unknown>;
  onDone: () => void;
  onClose: () => void;
}

export function NoteForm(props: NoteFormProps) {
  const [text, setText] = useState(props.draft?.text ?? props.text);
  const [initial] = useState(props.pictures);
  const [kept, setKept] = useState(props.draft?.pictures ?? initial);
  const [isLeaving, setIsLeaving] = useState(false);
  const isDirty = text !== props.text || kept !== initial;
  const facility = session.value?.post.facility;
  useEffect(() => {
    if (!isDirty) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [isDirty]);
  const [opened] = useState(session.value);
  const last = useRef<Draft | undefined>(undefined);
  last.current = isDirty ? { ...props.of, text, pictures: kept.map(({ key, input, label }) => ({ key, input, label })) } : undefined;
  useEffect(() => () => {
    if (opened && last.current) holdDraft(opened, last.current);
  }, []);
  const check = (): Errors => {
    if (kept.length > PICTURES_MAX) return { 'note-text': t('note.pictures.many', { n: PICTURES_MAX }) };
    return text.trim() === '' && kept.length === 0 ? { 'note-text': t('note.text.missing') } : {};
  };
  const { errors, turn, problem, isBusy, onSubmit } = useSubmit({
    check,
    send: (key) => props.send({ text: text.trim(), pictures: kept.map(({ input }) => input) }, key),
    onDone: props.onDone,
  });
  const close = () => {
    if (isBusy) return;
    if (isDirty && !isLeaving) setIsLeaving(true);
    else props.onClose();
  };
  const comment = (at: number, words: string) =>
    setKept(kept.map((one, place) => (place === at ? { ...one, input: { ...one.input, comment: words } } : one)));
  return (
    <Dialog title={props.title} onClose={close} wide>
      <form class="stack note-form" onSubmit={onSubmit} noValidate>
        <ErrorSummary errors={errors} turn={turn} />
        {problem !== undefined && <ProblemNotice problem={problem} writes />}
        <p class="note-who">{t(facility?.has_policy ? 'note.seen' : 'note.seen.own', { facility: facility?.name ?? '' })}</p>
        <div class="field">
          <label for="note-text">{t('note.text')}</label>
          <textarea id="note-text" rows={5} maxLength={TEXT_MAX} value={text} aria-describedby={errors['note-text'] ? 'note-text-error' : undefined} onInput={(event) => setText(event.currentTarget.value)} />
          <Wrong id="note-text" error={errors['note-text']} />
        </div>
        {props.draft && <Notice tone="wait" title={t('note.resumed')} />}
        {props.lost ? <Notice tone="wait" title={t('note.lost', { n: props.lost })} /> : null}
        {kept.length > 0 && <p class="small quiet">{t('note.look')}</p>}
        {kept.length > 0 && (
          <ul class="note-pictures">
            {kept.map(({ key, input, image, label }, at) => (
              <li key={key}>
                {image}
                <div>
                  <label for={`note-comment-${at}`}>{t('note.comment', { n: at + 1 })}</label>
                  <span class="small quiet">{label}</span>
                  <textarea id={`note-comment-${at}`} rows={2} maxLength={COMMENT_MAX} value={input.comment ?? ''} onInput={(event) => comment(at, event.currentTarget.value)} />
                  <button type="button" class="btn compact" onClick={() => setKept(kept.filter((_, place) => place !== at))}>
                    {t('note.picture.drop', { n: at + 1 })}
                  </button>
                </div>
              </li>
            ))}
          </ul>
        )}
        {isLeaving && (
          <Notice tone="wait" title={t('note.leave')}>
            <div class="row">
              <button type="button" class="btn" onClick={() => setIsLeaving(false)}>
                {t('note.leave.stay')}
              </button>
              <button type="button" class="btn danger" onClick={props.onClose}>
                {t('note.leave.do')}
              </button>
            </div>
          </Notice>
        )}
        <FormActions busy={isBusy} words={props.submit} onCancel={close} />
      </form>
    </Dialog>
  );
}
