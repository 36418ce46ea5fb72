// SPDX-License-Identifier: Apache-2.0
/* The own facility joined or changed a patient's number: its staff looks at the chart and says under
 * which number the link goes on. The hospital's server compares the person once more. */
import { useState } from 'preact/hooks';
import { api, type Link, type Person } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { Field } from '../../ui/Field.tsx';
import { ErrorSummary, FormActions } from '../../ui/Form.tsx';
import { ProblemNotice } from '../../ui/pieces.tsx';
import { useSubmit } from '../../ui/useSubmit.ts';
import { ownSuspendedWords } from './linkWords.ts';
import { PersonFacts } from './PersonLine.tsx';
import { check, number as numberSchema } from './schema.ts';

export function ConfirmNumber(props: { person: Person; link: Link; onDone: () => void; onClose: () => void }) {
  const { person, link } = props;
  const [number, setNumber] = useState(link.successor ?? '');
  const checked = check(numberSchema, number, '');
  const wrong = checked.errors[''];
  const { errors, turn, problem, isBusy, onSubmit } = useSubmit({
    check: () => (wrong ? { 'confirm-number': wrong } : {}),
    send: (key) => api.confirmLink(link.id, { since: link.since, number: checked.output ?? '' }, key),
    onDone: props.onDone,
  });

  return (
    <Dialog title={t('confirm.title')} onClose={props.onClose}>
      <form class="stack" onSubmit={onSubmit} noValidate>
        <p>{ownSuspendedWords(link)}</p>
        <div class="stack gap-s">
          <p>
            <b>{person.name}</b> <span class="small quiet">{person.kana}</span>
          </p>
          <PersonFacts person={person} />
        </div>
        <p class="small quiet">{t('confirm.text')}</p>
        <ErrorSummary errors={errors} turn={turn} />
        {problem !== undefined && <ProblemNotice problem={problem} writes />}
        <p>
          {t('confirm.old')} <b class="num">{link.number}</b>
        </p>
        <Field
          id="confirm-number"
          label={t('confirm.number')}
          class="mono short"
          value={number}
          onInput={setNumber}
          error={errors['confirm-number']}
          need="required"
          maxLength={15}
          autoFocus
        />
        <FormActions busy={isBusy} words={t('confirm.submit')} onCancel={props.onClose} />
      </form>
    </Dialog>
  );
}
