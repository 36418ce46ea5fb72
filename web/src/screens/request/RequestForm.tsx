// SPDX-License-Identifier: Apache-2.0
/* 登録依頼: a facility that may not register sends what its own chart says to one that may. */
import { useEffect, useState } from 'preact/hooks';
import { Link, useLocation } from 'wouter-preact';
import type { Channel, Facility } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { participants, session } from '../../session.ts';
import { Choices } from '../../ui/Choices.tsx';
import { NO_DAY, readDay } from '../../ui/DayField.tsx';
import { Field, Need, Wrong } from '../../ui/Field.tsx';
import { ErrorSummary, SubmitButton, stillWrong, type Errors } from '../../ui/Form.tsx';
import { Notice, ProblemNotice } from '../../ui/pieces.tsx';
import { useIntention } from '../../ui/useSubmit.ts';
import { PersonFields } from '../patient/PersonFields.tsx';
import { sendRequest } from './calls.ts';
import { checkRequest, inputOf, newDraft, type Draft } from './draft.ts';

const CHANNELS: Channel[] = ['paper', 'oral', 'device'];

function Picker(props: {
  id: string;
  label: string;
  none: string;
  value: string;
  list: Facility[];
  need?: 'required';
  error?: string | undefined;
  onInput: (value: string) => void;
}) {
  const { id } = props;
  return (
    <div class="field">
      <label for={id}>
        {props.label}
        <Need need={props.need ?? 'optional'} />
      </label>
      <select
        id={id}
        class="input"
        value={props.value}
        aria-invalid={props.error ? true : undefined}
        aria-describedby={props.error ? `${id}-error` : undefined}
        onChange={(event) => props.onInput(event.currentTarget.value)}
      >
        <option value="">{props.none}</option>
        {props.list.map((facility) => (
          <option key={facility.id} value={facility.id}>
            {facility.name}
          </option>
        ))}
      </select>
      <Wrong id={id} error={props.error} />
    </div>
  );
}

function Held(props: { draft: Draft; errors: Errors; onInput: (change: Partial<Draft>) => void }) {
  const { draft, errors } = props;
  return (
    <>
      <Choices
        name="request-channel"
        legend={t('wizard.channel')}
        value={draft.channel}
        options={CHANNELS.map((value) => ({ value, label: t(`channel.${value}`) }))}
        onInput={(channel) => props.onInput({ channel })}
      />
      <div class="pair">
        <Field
          id="request-day"
          label={t('request.consent.day')}
          class="short mono"
          value={draft.day}
          onInput={(day) => props.onInput({ day })}
          error={errors['request-day']}
          need="required"
          maxLength={20}
        />
        <Field
          id="request-explained"
          label={t('request.consent.explained')}
          value={draft.explainedBy}
          onInput={(explainedBy) => props.onInput({ explainedBy })}
          error={errors['request-explained']}
          need="required"
          maxLength={128}
        />
      </div>
    </>
  );
}

export function RequestForm() {
  const [, go] = useLocation();
  const today = session.value?.today ?? '';
  const own = session.value?.post.facility.id;
  const [draft, setDraft] = useState(() => newDraft(today));
  const [birth, setBirth] = useState(NO_DAY);
  const [found, setFound] = useState<Errors>({});
  const [turn, setTurn] = useState(0);
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setIsBusy] = useState(false);
  const run = useIntention();
  const set = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  const others = participants.value.list.filter((facility) => facility.id !== own);
  const able = others.filter((facility) => facility.may_register);

  useEffect(() => {
    document.title = `${t('request.form.title')} - ${t('app.name')}`;
  }, []);

  const checkNow = () => checkRequest(draft, birth, today);
  async function submit(event: Event) {
    event.preventDefault();
    if (isBusy) return;
    const wrong = checkNow();
    setFound(wrong);
    setTurn(turn + 1);
    const parsed = readDay(birth, today);
    if (Object.keys(wrong).length > 0 || !parsed.ok) return;
    setIsBusy(true);
    setProblem(undefined);
    try {
      const request = await run((key) => sendRequest(inputOf(draft, parsed.day), key));
      go(`/requests/${request.id}`, { replace: true });
    } catch (failure) {
      setProblem(failure);
      setIsBusy(false);
    }
  }

  const errors = stillWrong(found, checkNow);
  return (
    <div class="page narrow">
      <div class="page-head">
        <h1>{t('request.form.title')}</h1>
        <p class="small quiet">{t('request.form.lead')}</p>
      </div>
      {participants.value.version > 0 && able.length === 0 && <Notice tone="wait" title={t('request.form.none')} />}
      <form class="card" onSubmit={(event) => void submit(event)} noValidate>
        <div class="card-body stack wizard">
          <ErrorSummary errors={errors} turn={turn} />
          {problem !== undefined && <ProblemNotice problem={problem} writes />}
          <div class="pair">
            <Picker
              id="request-asked"
              label={t('request.asked')}
              none={t('request.choose')}
              value={draft.asked}
              list={able}
              need="required"
              error={errors['request-asked']}
              onInput={(asked) => set({ asked })}
            />
            <Picker
              id="request-wanted"
              label={t('request.wanted')}
              none={t('request.wanted.same')}
              value={draft.wanted}
              list={others.filter((facility) => facility.is_disclosing)}
              onInput={(wanted) => set({ wanted })}
            />
          </div>
          <h2>{t('request.chart')}</h2>
          <Field
            id="request-number"
            label={t('request.number')}
            class="mono short"
            value={draft.number}
            onInput={(number) => set({ number })}
            error={errors['request-number']}
            need="required"
            maxLength={15}
          />
          <PersonFields
            prefix="request" person={draft} birth={birth} today={today} errors={errors} onInput={set} onBirth={setBirth}
          />
          <Choices
            name="request-who"
            legend={t('request.consent')}
            value={draft.who}
            options={(['held', 'ask'] as const).map((value) => ({ value, label: t(`request.consent.${value}`) }))}
            onInput={(who) => set({ who })}
            error={errors['request-who']}
            need="required"
          />
          {draft.who === 'held' && <Held draft={draft} errors={errors} onInput={set} />}
          <Field
            id="request-message"
            label={t('request.message')}
            hint={t('request.message.hint')}
            value={draft.message}
            onInput={(message) => set({ message })}
            need="optional"
            maxLength={500}
          />
          <div class="actions">
            <SubmitButton busy={isBusy}>{t('request.submit')}</SubmitButton>
            <Link href="/" class="btn plain">
              {t('app.cancel')}
            </Link>
            {isBusy && (
              <span role="status" class="small quiet">
                {t('request.sending')}
              </span>
            )}
          </div>
        </div>
      </form>
    </div>
  );
}
