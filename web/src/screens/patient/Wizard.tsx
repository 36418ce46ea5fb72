// SPDX-License-Identifier: Apache-2.0
/* 患者登録: 同意 → 個人情報 → 患者番号 (→ アクセス権 under specific consent), then the calendar opens. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Link, useLocation } from 'wouter-preact';
import { api, newKey, type Facility, type PersonSummary, type Registration, type Sex } from '../../api/client.ts';
import { Problem } from '../../api/problem.ts';
import { t, type Key } from '../../i18n/t.ts';
import { longDay } from '../../i18n/wareki.ts';
import { facilitiesOf, participants, session } from '../../session.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { Choices } from '../../ui/Choices.tsx';
import { DayField, NO_DAY, dayError, readDay } from '../../ui/DayField.tsx';
import { Field } from '../../ui/Field.tsx';
import { ErrorSummary, SubmitButton, stillWrong, type Errors } from '../../ui/Form.tsx';
import { FacilityMark, Notice, ProblemNotice } from '../../ui/pieces.tsx';
import { ConsentForm, NEW_CONSENT, checkConsent, checkFacilities, consentInput, isSpecific } from '../consent/ConsentForm.tsx';
import { FacilityPicker } from '../consent/FacilityPicker.tsx';
import { accept, answering, heldWords } from '../request/answering.ts';
import type { RegistrationRequest } from '../request/calls.ts';
import { PersonLine } from './PersonLine.tsx';
import { check, number as numberSchema, personal as personalSchema } from './schema.ts';
import { chosen, prefilled } from './searchState.ts';

/* Registering and asking others to: one piece of code, which comes when either is needed. */
export { RequestScreen } from '../request/RequestScreen.tsx';

const COMPREHENSIVE: Key[] = ['wizard.consent', 'wizard.personal', 'wizard.numbers'];
const SPECIFIC: Key[] = [...COMPREHENSIVE, 'wizard.rights'];
const SEXES: Sex[] = ['M', 'F', 'O', 'U'];
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

export function NumberField(props: {
  facility: Facility;
  value: string;
  error?: string | undefined;
  need?: 'required' | undefined;
  onInput: (value: string) => void;
}) {
  const { facility } = props;
  const id = `number-${facility.id}`;
  return (
    <div class="number-field">
      <FacilityMark facility={facility} />
      <Field
        id={id}
        label={facility.name}
        class="mono short"
        value={props.value}
        onInput={props.onInput}
        error={props.error}
        need={props.need}
        maxLength={15}
      />
    </div>
  );
}

function Candidates(props: {
  people: PersonSummary[];
  onSame: (person: PersonSummary) => void;
  onNew: () => void;
  onClose: () => void;
}) {
  return (
    <Dialog title={t('wizard.candidates')} onClose={props.onClose} wide>
      <p>{t('wizard.candidates.text')}</p>
      <ul class="people card">
        {props.people.map((person) => (
          <li key={person.id}>
            <PersonLine person={person} onClick={() => props.onSame(person)}>
              <span class="btn compact primary">{t('wizard.same')}</span>
            </PersonLine>
          </li>
        ))}
      </ul>
      <div class="actions">
        <button type="button" class="btn" onClick={props.onNew}>
          {t('wizard.different')}
        </button>
        <button type="button" class="btn plain" onClick={props.onClose}>
          {t('app.back')}
        </button>
      </div>
    </Dialog>
  );
}

/** Numbers that need a person's attention lead to the states, everything else to the calendar. */
export function placeAfter(person: { id: string; own_number: string | null; links: { state: string; reason: string | null }[] }): string {
  const needsCare = person.links.some(
    (link) => link.state === 'refused' || ['mismatch', 'not_found', 'held'].includes(link.reason ?? ''),
  );
  return person.own_number === null || needsCare ? `/p/${person.id}/link` : `/p/${person.id}/calendar`;
}

const NOBODY = { name: '', kana: '', sex: '' as Sex | '', phone: '' };

/* What a request says is filled in; that it was explained is still for the person here to confirm. */
function consentOf(request: RegistrationRequest | null) {
  if (!request) return NEW_CONSENT;
  const facilities = [request.asker, request.wanted].filter((id) => id !== session.value?.post.facility.id);
  const held = request.consent;
  if (!held) return { ...NEW_CONSENT, facilities };
  const facility = facilitiesOf([request.asker])[0]?.name ?? '';
  const note = t('request.register.note', { facility, day: longDay(held.day), name: held.explained_by });
  return { ...NEW_CONSENT, facilities, channel: held.channel, note };
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

function Registering() {
  const [, go] = useLocation();
  const [request] = useState(answering.value);
  const [step, setStep] = useState(0);
  const [consent, setConsent] = useState(() => consentOf(request));
  const [personal, setPersonal] = useState(request ? { ...NOBODY, name: request.name, kana: request.kana, sex: request.sex } : NOBODY);
  const [birth, setBirth] = useState(request ? { ...NO_DAY, text: request.birth_date } : NO_DAY);
  const [numbers, setNumbers] = useState<Record<string, string>>({});
  const [added, setAdded] = useState<string[]>([]);
  const [found, setFound] = useState<Errors>({});
  const [turn, setTurn] = useState(0);
  const [problem, setProblem] = useState<unknown>();
  const [candidates, setCandidates] = useState<PersonSummary[]>();
  const [isBusy, setIsBusy] = useState(false);
  const key = useRef(newKey());
  const form = useRef<HTMLFormElement>(null);
  const steps = isSpecific() ? SPECIFIC : COMPREHENSIVE;
  const today = session.value?.today ?? '';
  const own = session.value?.post.facility;
  const others = participants.value.list.filter((facility) => facility.is_disclosing && facility.id !== own?.id);
  const isShort = others.length <= ROWS_MAX;
  const rows = isShort ? others : others.filter((facility) => added.includes(facility.id));

  useEffect(() => {
    document.title = `${t('wizard.title')} - ${t('app.name')}`;
    return () => {
      answering.value = null;
    };
  }, []);
  const wasShown = useRef(false);
  useEffect(() => {
    // a new step begins at its top, for eyes and for those who listen
    if (wasShown.current) form.current?.querySelector<HTMLElement>('h2')?.focus();
    wasShown.current = true;
    scrollTo({ top: 0 });
  }, [step]);

  function checkStep(): Errors {
    if (step === 0) return checkConsent(consent);
    if (step === 1) {
      const { 'person-name': name, 'person-kana': kana, ...rest } = check(personalSchema, personal, 'person-').errors;
      const birthday = dayError(readDay(birth, today), birth);
      // in the order of the fields
      return {
        ...(name ? { 'person-name': name } : {}),
        ...(kana ? { 'person-kana': kana } : {}),
        ...(birthday ? { 'person-birth': birthday } : {}),
        ...rest,
      };
    }
    if (step === 3) return checkFacilities(consent);
    const found: Errors = {};
    for (const facility of own ? [own, ...rows] : rows) {
      const value = numbers[facility.id] ?? '';
      if (value.trim() === '' && facility.id !== own?.id) continue;
      const wrong = check(numberSchema, value, '').errors[''];
      if (wrong) found[`number-${facility.id}`] = wrong;
    }
    return found;
  }

  function body(isNew: boolean): Registration | undefined {
    const checked = check(personalSchema, personal, 'person-').output;
    const parsed = readDay(birth, today);
    if (!checked || !parsed.ok) return undefined;
    const { phone, ...rest } = checked;
    return {
      ...rest,
      ...(phone ? { phone } : {}),
      birth_date: parsed.day,
      consent: consentInput(consent),
      numbers: (own ? [own, ...rows] : rows)
        .map((facility) => ({ facility: facility.id, number: (numbers[facility.id] ?? '').trim().normalize('NFKC') }))
        .filter((line) => line.number !== ''),
      ...(isNew ? { is_new_person: true } : {}),
    };
  }

  async function register(isNew: boolean) {
    const registration = body(isNew);
    if (!registration) return;
    setIsBusy(true);
    setProblem(undefined);
    setCandidates(undefined);
    try {
      const person = await api.register(registration, key.current);
      const place = placeAfter(person);
      go(request ? await accept(request, person.id, place) : place, { replace: true });
    } catch (failure) {
      // a lost answer is asked for again under the same key; an answer ends the intention
      if (!(failure instanceof Problem) || failure.status !== 0) key.current = newKey();
      const found = failure instanceof Problem ? failure.body.candidates : undefined;
      if (Array.isArray(found)) setCandidates(found as PersonSummary[]);
      else setProblem(failure);
    } finally {
      setIsBusy(false);
    }
  }

  function submit(event: Event) {
    event.preventDefault();
    if (isBusy) return;
    const wrong = checkStep();
    setFound(wrong);
    setTurn(turn + 1);
    if (Object.keys(wrong).length > 0) return;
    if (step < steps.length - 1) setStep(step + 1);
    else void register(false);
  }

  const errors = stillWrong(found, checkStep);
  const numbered = new Set(rows.filter((facility) => (numbers[facility.id] ?? '').trim() !== '').map(({ id }) => id));
  const set = (change: Partial<typeof personal>) => setPersonal({ ...personal, ...change });
  const setNumber = (facility: string, value: string) => setNumbers({ ...numbers, [facility]: value });
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
          {step === 0 && <ConsentForm draft={consent} errors={errors} onInput={setConsent} />}
          {step === 1 && (
            <>
              <div class="pair">
                <Field
                  id="person-name"
                  label={t('person.name')}
                  hint={t('search.name.hint')}
                  value={personal.name}
                  onInput={(name) => set({ name })}
                  error={errors['person-name']}
                  need="required"
                  maxLength={128}
                  lang="ja"
                  autoFocus
                />
                <Field
                  id="person-kana"
                  label={t('person.kana')}
                  hint={t('search.kana.hint')}
                  value={personal.kana}
                  onInput={(kana) => set({ kana })}
                  error={errors['person-kana']}
                  need="required"
                  maxLength={128}
                  lang="ja"
                />
              </div>
              <DayField
                id="person-birth"
                label={t('person.birth')}
                value={birth}
                today={today}
                onInput={setBirth}
                error={errors['person-birth']}
                need="required"
              />
              <Choices
                name="person-sex"
                legend={t('person.sex')}
                value={personal.sex}
                options={SEXES.map((value) => ({ value, label: t(`sex.${value}`) }))}
                onInput={(sex) => set({ sex })}
                error={errors['person-sex']}
                need="required"
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
          )}
          {step === 2 && (
            <>
              {own && (
                <section class="stack gap-s">
                  <h3>{t('wizard.own')}</h3>
                  <p class="small quiet">{t('wizard.own.text')}</p>
                  <NumberField
                    facility={own}
                    value={numbers[own.id] ?? ''}
                    onInput={(value) => setNumber(own.id, value)}
                    error={errors[`number-${own.id}`]}
                    need="required"
                  />
                </section>
              )}
              <section class="stack gap-s">
                <h3>{t('wizard.others')}</h3>
                <p class="small quiet">{t('wizard.others.text')}</p>
                {rows.map((facility) => (
                  <NumberField
                    key={facility.id}
                    facility={facility}
                    value={numbers[facility.id] ?? ''}
                    onInput={(value) => setNumber(facility.id, value)}
                    error={errors[`number-${facility.id}`]}
                  />
                ))}
                {!isShort && (
                  <select
                    class="input short"
                    aria-label={t('wizard.add_number')}
                    value=""
                    onChange={(event) => {
                      const { value } = event.currentTarget;
                      if (value) setAdded([...added, value]);
                    }}
                  >
                    <option value="">{t('wizard.add_number')}</option>
                    {others
                      .filter((facility) => !added.includes(facility.id))
                      .map((facility) => (
                        <option key={facility.id} value={facility.id}>
                          {facility.name}
                        </option>
                      ))}
                  </select>
                )}
              </section>
            </>
          )}
          {step === 3 && <FacilityPicker draft={consent} errors={errors} numbered={numbered} onInput={setConsent} />}
          <div class="actions">
            <SubmitButton busy={isBusy}>{t(step < steps.length - 1 ? 'app.next' : 'wizard.submit')}</SubmitButton>
            {step > 0 ? (
              <button type="button" class="btn" onClick={() => setStep(step - 1)}>
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
        </div>
      </form>
      {candidates && (
        <Candidates
          people={candidates}
          onSame={(person) => {
            chosen.value = person;
            prefilled.value = own ? (numbers[own.id] ?? '') : '';
            if (request && person.own_number) {
              void accept(request, person.id, `/p/${person.id}/calendar`).then((place) => go(place));
              return;
            }
            go(person.own_number ? `/p/${person.id}/calendar` : `/p/${person.id}/link`);
          }}
          onNew={() => void register(true)}
          onClose={() => setCandidates(undefined)}
        />
      )}
    </div>
  );
}
