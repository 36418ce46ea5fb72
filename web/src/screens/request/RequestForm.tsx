// SPDX-License-Identifier: Apache-2.0
/* 登録依頼: a facility that may not register sends what its own chart says to one that may. */
import { useEffect, useState } from 'preact/hooks';
import { Link, useLocation } from 'wouter-preact';
import type { Channel, Facility, Sex } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { parseDay } from '../../i18n/parseDay.ts';
import { participants, session } from '../../session.ts';
import { Choices } from '../../ui/Choices.tsx';
import { DayField, NO_DAY, dayError, readDay } from '../../ui/DayField.tsx';
import { Field, Need, Wrong } from '../../ui/Field.tsx';
import { ErrorSummary, SubmitButton, stillWrong, type Errors } from '../../ui/Form.tsx';
import { Notice, ProblemNotice } from '../../ui/pieces.tsx';
import { useIntention } from '../../ui/useSubmit.ts';
import { check, number as numberSchema, personal as personalSchema } from '../patient/schema.ts';
import { sendRequest, type RequestInput } from './calls.ts';

const SEXES: Sex[] = ['M', 'F', 'O', 'U'];
const CHANNELS: Channel[] = ['paper', 'oral', 'device'];

interface Draft {
  asked: string;
  wanted: string;
  number: string;
  name: string;
  kana: string;
  sex: Sex | '';
  who: 'held' | 'ask' | '';
  channel: Channel;
  day: string;
  explainedBy: string;
  message: string;
}

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

function inputOf(draft: Draft, birth: string): RequestInput {
  const given = parseDay(draft.day, undefined, session.value?.today);
  const person = check(personalSchema, { ...draft, phone: '' }, '').output;
  const message = draft.message.trim();
  return {
    asked: draft.asked,
    ...(draft.wanted ? { wanted: draft.wanted } : {}),
    number: draft.number.trim().normalize('NFKC'),
    name: person?.name ?? draft.name,
    kana: person?.kana ?? draft.kana,
    birth_date: birth,
    sex: draft.sex as Sex,
    ...(draft.who === 'held'
      ? {
          consent: {
            form: session.value?.network.consent_model ?? 'comprehensive',
            channel: draft.channel,
            day: given.ok ? given.day : draft.day,
            explained_by: draft.explainedBy.trim(),
          },
        }
      : {}),
    ...(message ? { message } : {}),
  };
}

function consentErrors(draft: Draft, today: string): Errors {
  const errors: Errors = {};
  if (draft.who === '') errors['request-who'] = t('request.consent.missing');
  if (draft.who !== 'held') return errors;
  if (!parseDay(draft.day, undefined, today).ok) errors['request-day'] = t('request.consent.day.missing');
  if (draft.explainedBy.trim() === '') errors['request-explained'] = t('request.consent.explained.missing');
  return errors;
}

export function RequestForm() {
  const [, go] = useLocation();
  const today = session.value?.today ?? '';
  const own = session.value?.post.facility.id;
  const [draft, setDraft] = useState<Draft>({
    asked: '', wanted: '', number: '', name: '', kana: '', sex: '', who: '', channel: 'paper', day: today,
    explainedBy: session.value?.staff.name ?? '', message: '',
  });
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

  function checkAll(): Errors {
    const number = check(numberSchema, draft.number, '').errors[''];
    const person = check(personalSchema, { ...draft, phone: '' }, 'request-').errors;
    const birthday = dayError(readDay(birth, today), birth);
    const { 'request-name': name, 'request-kana': kana, 'request-sex': sex } = person;
    // in the order of the fields
    return {
      ...(draft.asked ? {} : { 'request-asked': t('request.asked.missing') }),
      ...(number ? { 'request-number': number } : {}),
      ...(name ? { 'request-name': name } : {}),
      ...(kana ? { 'request-kana': kana } : {}),
      ...(birthday ? { 'request-birth': birthday } : {}),
      ...(sex ? { 'request-sex': sex } : {}),
      ...consentErrors(draft, today),
    };
  }

  async function submit(event: Event) {
    event.preventDefault();
    if (isBusy) return;
    const wrong = checkAll();
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

  const errors = stillWrong(found, checkAll);
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
          <div class="pair">
            <Field
              id="request-name"
              label={t('person.name')}
              hint={t('search.name.hint')}
              value={draft.name}
              onInput={(name) => set({ name })}
              error={errors['request-name']}
              need="required"
              maxLength={128}
              lang="ja"
            />
            <Field
              id="request-kana"
              label={t('person.kana')}
              hint={t('search.kana.hint')}
              value={draft.kana}
              onInput={(kana) => set({ kana })}
              error={errors['request-kana']}
              need="required"
              maxLength={128}
              lang="ja"
            />
          </div>
          <DayField
            id="request-birth"
            label={t('person.birth')}
            value={birth}
            today={today}
            onInput={setBirth}
            error={errors['request-birth']}
            need="required"
          />
          <Choices
            name="request-sex"
            legend={t('person.sex')}
            value={draft.sex}
            options={SEXES.map((value) => ({ value, label: t(`sex.${value}`) }))}
            onInput={(sex) => set({ sex })}
            error={errors['request-sex']}
            need="required"
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
