// SPDX-License-Identifier: Apache-2.0
/* 患者登録: 同意 → 個人情報 → 患者番号 (→ アクセス権 under specific consent), then the calendar opens. */
import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Link, useLocation } from 'wouter-preact';
import type { Facility, PersonSummary } from '../../api/client.ts';
import { t, type Key } from '../../i18n/t.ts';
import { facilitiesOf, participants, session } from '../../session.ts';
import { Field } from '../../ui/Field.tsx';
import { ErrorSummary, SubmitButton, stillWrong, type Errors } from '../../ui/Form.tsx';
import { Notice, ProblemNotice } from '../../ui/pieces.tsx';
import { ConsentForm, isSpecific } from '../consent/ConsentForm.tsx';
import { FacilityPicker } from '../consent/FacilityPicker.tsx';
import { accept, answering, heldWords } from '../request/answering.ts';
import { Candidates } from './Candidates.tsx';
import { NumbersStep } from './NumbersStep.tsx';
import { PersonFields } from './PersonFields.tsx';
import { COMPREHENSIVE, SPECIFIC, checkStep, draftOf, registrationOf, type Draft } from './registration.ts';
import { chosen, prefilled } from './searchState.ts';
import { useRegister } from './useRegister.ts';

/* Registering and asking others to: one piece of code, which comes when either is needed. */
export { RequestScreen } from '../request/RequestScreen.tsx';

const ROWS_MAX = 8;

function Steps({ steps, step }: { steps: Key[]; step: number }) {
  return (
    <ol class="steps" aria-label={t('wizard.step', { total: steps.length, n: step + 1 })}>
      {steps.map((label, index) => (
        <li key={label} class={index < step ? 'done' : ''} aria-current={index === step ? 'step' : undefined}>
          <i>{index + 1}</i>
          {t(label)}
        </li>
      ))}
    </ol>
  );
}

/** A facility that may not register is led to where it asks one that may. */
export function Wizard() {
  const [, go] = useLocation();
  const mayRegister = session.value?.post.facility.may_register !== false;
  useEffect(() => {
    if (!mayRegister) go('/requests/new', { replace: true });
  }, [mayRegister]);
  return mayRegister ? <Registering /> : null;
}

/* A new step begins at its top, for eyes and for those who listen. */
function useTopOfStep(form: RefObject<HTMLFormElement | null>, step: number): void {
  const wasShown = useRef(false);
  useEffect(() => {
    if (wasShown.current) form.current?.querySelector<HTMLElement>('h2')?.focus();
    wasShown.current = true;
    scrollTo({ top: 0 });
  }, [step]);
}

function Registering() {
  const [, go] = useLocation();
  const [request] = useState(answering.value);
  const [step, setStep] = useState(0);
  const [draft, setDraft] = useState(() => draftOf(request));
  const [added, setAdded] = useState<string[]>([]);
  const [found, setFound] = useState<Errors>({});
  const [turn, setTurn] = useState(0);
  const form = useRef<HTMLFormElement>(null);
  const steps = isSpecific() ? SPECIFIC : COMPREHENSIVE;
  const today = session.value?.today ?? '';
  const own = session.value?.post.facility;
  const others = participants.value.list.filter((facility) => facility.is_disclosing && facility.id !== own?.id);
  const isShort = others.length <= ROWS_MAX;
  const isAdded = (facility: Facility) => added.includes(facility.id);
  const rows = isShort ? others : others.filter(isAdded);
  const change = (part: Partial<Draft>) => setDraft((old) => ({ ...old, ...part }));
  const { register, isBusy, problem, candidates, leaveCandidates } = useRegister(
    request,
    (isNew) => registrationOf(draft, today, own ? [own, ...rows] : rows, isNew),
    (place) => go(place, { replace: true }),
  );

  useEffect(() => {
    document.title = `${t('wizard.title')} - ${t('app.name')}`;
    return () => {
      answering.value = null;
    };
  }, []);
  useTopOfStep(form, step);

  const checkShown = () => checkStep(step, draft, today, own, rows);
  function submit(event: Event) {
    event.preventDefault();
    if (isBusy) return;
    const wrong = checkShown();
    setFound(wrong);
    setTurn(turn + 1);
    if (Object.keys(wrong).length > 0) return;
    if (step < steps.length - 1) setStep(step + 1);
    else void register(false);
  }
  /* It is one of them: on to the calendar, or to where the own number is told. */
  function takeSame(person: PersonSummary) {
    chosen.value = person;
    prefilled.value = own ? (draft.numbers[own.id] ?? '') : '';
    if (request && person.own_number) {
      void accept(request, person.id, `/p/${person.id}/calendar`).then((place) => go(place));
      return;
    }
    go(person.own_number ? `/p/${person.id}/calendar` : `/p/${person.id}/link`);
  }

  const errors = stillWrong(found, checkShown);
  return (
    <div class="page narrow">
      <div class="page-head">
        <h1>{t('wizard.title')}</h1>
      </div>
      {request && (
        <div class="page-head">
          <Notice title={t('request.register.notice', { facility: facilitiesOf([request.asker])[0]?.name ?? '' })}>
            <p>{heldWords(request)}</p>
          </Notice>
        </div>
      )}
      <Steps steps={steps} step={step} />
      <form class="card" onSubmit={submit} noValidate ref={form}>
        <div class="card-body stack wizard">
          <h2 tabIndex={-1}>{t(steps[step] ?? 'wizard.consent')}</h2>
          <ErrorSummary errors={errors} turn={turn} />
          {problem !== undefined && <ProblemNotice problem={problem} />}
          {step === 0 && <ConsentForm draft={draft.consent} errors={errors} onInput={(consent) => change({ consent })} />}
          {step === 1 && <PersonalStep draft={draft} today={today} errors={errors} onInput={change} />}
          {step === 2 && (
            <NumbersStep
              own={own} rows={rows} more={isShort ? null : others.filter((facility) => !isAdded(facility))}
              numbers={draft.numbers} errors={errors}
              onNumber={(facility, value) => change({ numbers: { ...draft.numbers, [facility]: value } })}
              onAdd={(facility) => setAdded([...added, facility])}
            />
          )}
          {step === 3 && (
            <FacilityPicker
              draft={draft.consent} errors={errors} numbered={numberedOf(rows, draft)}
              onInput={(consent) => change({ consent })}
            />
          )}
          <Actions step={step} isLast={step >= steps.length - 1} isBusy={isBusy} onBack={() => setStep(step - 1)} />
        </div>
      </form>
      {candidates && (
        <Candidates people={candidates} onSame={takeSame} onNew={() => void register(true)} onClose={leaveCandidates} />
      )}
    </div>
  );
}

/* Whose number is told. */
const numberedOf = (rows: Facility[], { numbers }: Draft): Set<string> =>
  new Set(rows.filter((facility) => (numbers[facility.id] ?? '').trim() !== '').map(({ id }) => id));

function PersonalStep(props: { draft: Draft; today: string; errors: Errors; onInput: (change: Partial<Draft>) => void }) {
  const { draft: { personal, birth }, errors, onInput } = props;
  const set = (change: Partial<Draft['personal']>) => onInput({ personal: { ...personal, ...change } });
  return (
    <>
      <PersonFields
        prefix="person" person={personal} birth={birth} today={props.today} errors={errors} autoFocus
        onInput={set} onBirth={(value) => onInput({ birth: value })}
      />
      <Field
        id="person-phone"
        label={t('person.phone')}
        class="short"
        value={personal.phone}
        onInput={(phone) => set({ phone })}
        error={errors['person-phone']}
        need="optional"
        maxLength={32}
        inputMode="tel"
      />
    </>
  );
}

function Actions({ step, isLast, isBusy, onBack }: { step: number; isLast: boolean; isBusy: boolean; onBack: () => void }) {
  return (
    <div class="actions">
      <SubmitButton busy={isBusy}>{t(isLast ? 'wizard.submit' : 'app.next')}</SubmitButton>
      {step > 0 ? (
        <button type="button" class="btn" onClick={onBack}>
          {t('app.back')}
        </button>
      ) : (
        <Link href="/" class="btn plain">
          {t('app.cancel')}
        </Link>
      )}
      {isBusy && (
        <span role="status" class="small quiet">
          {t('wizard.sending')}
        </span>
      )}
    </div>
  );
}
