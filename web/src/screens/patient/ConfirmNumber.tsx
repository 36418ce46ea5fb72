// SPDX-License-Identifier: Apache-2.0
/* The own facility joined or changed a patient's number: its staff looks at the chart and says under
 * which number the link goes on. The hospital's server compares the person once more. */
import { useState } from 'preact/hooks';
import { api, type Link, type Person } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { Field } from '../../ui/Field.tsx';
import { ErrorSummary, FormActions, type Errors } from '../../ui/Form.tsx';
import { ProblemNotice } from '../../ui/pieces.tsx';
import { useIntention } from './Links.tsx';
import { ownSuspendedWords } from './linkWords.ts';
import { PersonFacts } from './PersonLine.tsx';
import { check, number as numberSchema } from './schema.ts';

export function ConfirmNumber(props: { person: Person; link: Link; onDone: () => void; onClose: () => void }) {
  const { person, link } = props;
  const [number, setNumber] = useState(link.successor ?? '');
  const [errors, setErrors] = useState<Errors>({});
  const [turn, setTurn] = useState(0);
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setIsBusy] = useState(false);
  const run = useIntention();

  async function submit(event: Event) {
    event.preventDefault();
    if (isBusy) return;
    const checked = check(numberSchema, number, '');
    const wrong = checked.errors[''];
    setErrors(wrong ? { 'confirm-number': wrong } : {});
    setTurn(turn + 1);
    if (checked.output === undefined) return;
    const body = { since: link.since, number: checked.output };
    setIsBusy(true);
    setProblem(undefined);
    try {
      await run((key) => api.confirmLink(link.id, body, key));
      props.onDone();
    } catch (failure) {
      setProblem(failure);
      setIsBusy(false);
    }
  }

  return (
    <Dialog title={t('confirm.title')} onClose={props.onClose}>
      <form class="stack" onSubmit={(event) => void submit(event)} noValidate>
        <p>{ownSuspendedWords(link)}</p>
        <div class="stack gap-s">
          <p>
            <b>{person.name}</b> <span class="small quiet">{person.kana}</span>
          </p>
          <PersonFacts person={person} />
        </div>
        <p class="small quiet">{t('confirm.text')}</p>
        <ErrorSummary errors={errors} turn={turn} />
        {problem !== undefined && <ProblemNotice problem={problem} />}
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
