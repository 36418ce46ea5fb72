// SPDX-License-Identifier: Apache-2.0
/* 施設追加: a person's numbers with their states in words, another facility's number, and the own
 * number of a facility that has none yet. The owner's match decides; nothing is shown before. */
import { useEffect, useState } from 'preact/hooks';
import { Link as Anchor, useLocation } from 'wouter-preact';
import { api, type Link, type Person, type PersonSummary } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { instantText } from '../../i18n/wareki.ts';
import { participants, session } from '../../session.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { DayField, NO_DAY, dayError, readDay } from '../../ui/DayField.tsx';
import { Field, Wrong } from '../../ui/Field.tsx';
import { ErrorSummary, SubmitButton, type Errors } from '../../ui/Form.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { FacilityMark, Notice, ProblemNotice } from '../../ui/pieces.tsx';
import { useIntention } from '../../ui/useSubmit.ts';
import { ConfirmNumber } from './ConfirmNumber.tsx';
import { canRetry, linkTone, linkWords } from './linkWords.ts';
import { ConsentForm, NEW_CONSENT, checkConsent, checkFacilities, consentInput, isSpecific } from '../consent/ConsentForm.tsx';
import { FacilityPicker } from '../consent/FacilityPicker.tsx';
import { PersonFacts } from './PersonLine.tsx';
import { check, number as numberSchema } from './schema.ts';
import { chosen, prefilled } from './searchState.ts';

/* The own number first, then as the list of participants has them. */
function inOrder(links: Link[]): Link[] {
  const own = session.value?.post.facility.id;
  const place = (link: Link) =>
    link.facility === own ? -1 : participants.value.list.findIndex((item) => item.id === link.facility);
  return [...links].sort((a, b) => place(a) - place(b));
}

function LinkLine({ person, link, onChange }: { person: Person; link: Link; onChange: () => void }) {
  const [problem, setProblem] = useState<unknown>();
  const [isAsking, setIsAsking] = useState(false);
  const [isEnding, setIsEnding] = useState(false);
  const [isConfirming, setIsConfirming] = useState(false);
  const run = useIntention();
  const facility = participants.value.byId.get(link.facility);
  const isOver = link.state === 'ended';
  const isOwn = link.facility === session.value?.post.facility.id;
  // its facility and who entered it see the number, and only they may end it
  const mayEnd = !isOver && link.number !== null;
  const name = facility?.name ?? '';

  async function act(work: (key: string) => Promise<unknown>) {
    setIsAsking(true);
    setProblem(undefined);
    try {
      await run(work);
      onChange();
    } catch (failure) {
      setProblem(failure);
    } finally {
      setIsAsking(false);
      setIsEnding(false);
    }
  }

  return (
    <li class={`link ${isOver ? 'over' : ''}`}>
      <div class="row">
        {facility && <FacilityMark facility={facility} />}
        <b>{facility?.name}</b>
        <span class={`tag ${linkTone(link)}`}>
          {link.state === 'confirmed' && <Icon name="check" />}
          {t(link.reason === 'mismatch' ? 'link.state.refused' : `link.state.${link.state}`)}
        </span>
        {link.number !== null && <span class="num">{link.number}</span>}
        <span class="small quiet push num">{t('link.since', { when: instantText(link.since) })}</span>
      </div>
      {(isOwn || mayEnd || link.state !== 'confirmed') && (
        <div class="link-words">
          <p class="small">{linkWords(link)}</p>
          <div class="row">
            {canRetry(link) && (
              <button
                type="button"
                class="btn compact"
                disabled={isAsking}
                onClick={() => void act((key) => api.retryLink(link.id, key))}
              >
                <Icon name="refresh" />
                {t('link.retry')}
              </button>
            )}
            {isOwn && link.state === 'suspended' && (
              <button type="button" class="btn compact primary" onClick={() => setIsConfirming(true)}>
                {t('confirm.open')}
              </button>
            )}
            {mayEnd && (
              <button type="button" class="btn plain compact danger" onClick={() => setIsEnding(true)}>
                {t(isOwn ? 'link.end.own' : 'link.end')}
              </button>
            )}
          </div>
        </div>
      )}
      {problem !== undefined && <ProblemNotice problem={problem} writes />}
      {isConfirming && (
        <ConfirmNumber
          person={person}
          link={link}
          onClose={() => setIsConfirming(false)}
          onDone={() => {
            setIsConfirming(false);
            onChange();
          }}
        />
      )}
      {isEnding && (
        <Dialog title={isOwn ? t('link.end.own.title') : t('link.end.title', { name })} onClose={() => setIsEnding(false)}>
          <p>{t(isOwn ? 'link.end.own.text' : 'link.end.text')}</p>
          <div class="actions">
            <button
              type="button"
              class="btn primary danger"
              disabled={isAsking}
              onClick={() => void act((key) => api.endLink(link.id, key))}
            >
              {t('link.end.do')}
            </button>
            <button type="button" class="btn" onClick={() => setIsEnding(false)}>
              {t('app.cancel')}
            </button>
          </div>
        </Dialog>
      )}
    </li>
  );
}

function AddForm({ person, onDone }: { person: Person; onDone: () => void }) {
  const [facility, setFacility] = useState('');
  const [number, setNumber] = useState('');
  const [errors, setErrors] = useState<Errors>({});
  const [turn, setTurn] = useState(0);
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setIsBusy] = useState(false);
  const run = useIntention();
  const isLinked = (id: string) =>
    person.links.some((link) => link.facility === id && (link.state === 'confirmed' || link.state === 'suspended' || (link.state === 'proposed' && link.reason !== 'mismatch')));
  const own = session.value?.post.facility.id;
  const open = participants.value.list.filter(
    (item) => (item.is_disclosing || item.id === own) && !isLinked(item.id),
  );
  if (open.length === 0) return <p class="quiet card-body">{t('link.all_linked')}</p>;

  async function submit(event: Event) {
    event.preventDefault();
    if (isBusy) return;
    const found: Errors = {};
    if (facility === '') found['link-facility'] = t('link.facility.missing');
    const checked = check(numberSchema, number, '');
    const wrong = checked.errors[''];
    if (wrong) found['link-number'] = wrong;
    setErrors(found);
    setTurn(turn + 1);
    if (Object.keys(found).length > 0 || checked.output === undefined) return;
    const body = { facility, number: checked.output };
    setIsBusy(true);
    setProblem(undefined);
    try {
      await run((key) => api.addLink(person.id, body, key));
      setFacility('');
      setNumber('');
      onDone();
    } catch (failure) {
      setProblem(failure);
    } finally {
      setIsBusy(false);
    }
  }

  return (
    <form class="card-body stack" onSubmit={(event) => void submit(event)} noValidate>
      <p class="small quiet">{t('link.lead')}</p>
      <ErrorSummary errors={errors} turn={turn} />
      {problem !== undefined && <ProblemNotice problem={problem} writes />}
      <div class="field">
        <label for="link-facility">{t('link.facility')}</label>
        <select
          id="link-facility"
          class="input"
          value={facility}
          aria-invalid={errors['link-facility'] ? true : undefined}
          onChange={(event) => setFacility(event.currentTarget.value)}
        >
          <option value="">{t('link.facility.choose')}</option>
          {open.map((item) => (
            <option key={item.id} value={item.id}>
              {item.name}
            </option>
          ))}
        </select>
        <Wrong id="link-facility" error={errors['link-facility']} />
      </div>
      <Field
        id="link-number"
        label={t('link.number')}
        class="mono"
        value={number}
        onInput={setNumber}
        error={errors['link-number']}
        maxLength={15}
      />
      <SubmitButton busy={isBusy}>{t('link.submit')}</SubmitButton>
    </form>
  );
}

/* The own facility has no number yet: the person comes from a search, in memory only. */
function JoinForm({ person, onDone }: { person: PersonSummary; onDone: (link: Link) => void }) {
  const [number, setNumber] = useState(prefilled.value);
  const [birth, setBirth] = useState(NO_DAY);
  const [consent, setConsent] = useState(NEW_CONSENT);
  const [errors, setErrors] = useState<Errors>({});
  const [turn, setTurn] = useState(0);
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setIsBusy] = useState(false);
  const run = useIntention();
  const today = session.value?.today ?? '';
  const own = session.value?.post.facility;

  async function submit(event: Event) {
    event.preventDefault();
    if (isBusy || !own) return;
    const found: Errors = {};
    const checked = check(numberSchema, number, '');
    const wrong = checked.errors[''];
    if (wrong) found['link-number'] = wrong;
    const parsed = readDay(birth, today);
    const wrongDay = dayError(parsed, birth);
    if (wrongDay) found['link-birth'] = wrongDay;
    if (isSpecific()) Object.assign(found, checkConsent(consent), checkFacilities(consent));
    setErrors(found);
    setTurn(turn + 1);
    if (Object.keys(found).length > 0 || checked.output === undefined || !parsed.ok) return;
    const body = {
      facility: own.id,
      number: checked.output,
      birth_date: parsed.day,
      ...(isSpecific() ? { consent: consentInput(consent) } : {}),
    };
    setIsBusy(true);
    setProblem(undefined);
    try {
      onDone(await run((key) => api.addLink(person.id, body, key)));
    } catch (failure) {
      setProblem(failure);
    } finally {
      setIsBusy(false);
    }
  }

  return (
    <div class="page narrow">
      <div class="page-head">
        <h1>{t('link.join')}</h1>
      </div>
      <form class="card" onSubmit={(event) => void submit(event)} noValidate>
        <header>
          <h2>{person.name}</h2>
          <span class="small quiet">{person.kana}</span>
          <PersonFacts person={person} />
        </header>
        <div class="card-body stack">
          <p>{t(isSpecific() ? 'link.join.specific' : 'link.join.lead', { name: person.name })}</p>
          <ErrorSummary errors={errors} turn={turn} />
          {problem !== undefined && <ProblemNotice problem={problem} writes />}
          <Field
            id="link-number"
            label={t('wizard.own')}
            class="mono short"
            value={number}
            onInput={setNumber}
            error={errors['link-number']}
            need="required"
            maxLength={15}
            autoFocus
          />
          <DayField
            id="link-birth"
            label={t('link.birth.again')}
            value={birth}
            today={today}
            onInput={setBirth}
            error={errors['link-birth']}
            need="required"
          />
          {isSpecific() && (
            <>
              <ConsentForm draft={consent} errors={errors} onInput={setConsent} />
              <FacilityPicker draft={consent} errors={errors} onInput={setConsent} />
            </>
          )}
          <div class="actions">
            <SubmitButton busy={isBusy}>{t('link.submit')}</SubmitButton>
            <Anchor href="/patients" class="btn plain">
              {t('app.cancel')}
            </Anchor>
          </div>
        </div>
      </form>
    </div>
  );
}

export function Links(props: { person?: Person; id?: string; reload: () => void }) {
  const [, go] = useLocation();
  const [joined, setJoined] = useState<Link>();
  const { person } = props;
  useEffect(() => {
    if (person) document.title = `${t('link.title')} ${person.name} - ${t('app.name')}`;
  }, [person]);
  if (person) {
    return (
      <div class="page">
        <div class="page-head">
          <h1>{t('link.title')}</h1>
          {person.own_number && (
            <Anchor href={`/p/${person.id}/calendar`} class="btn compact push">
              {t('link.to_calendar')}
            </Anchor>
          )}
        </div>
        <div class="columns">
          <section class="card">
            <header>
              <h2>{t('link.list')}</h2>
              {person.links.some((link) => link.number === null) && <p class="aside">{t('link.hidden_number')}</p>}
            </header>
            {person.links.length === 0 && <p class="empty">{t('link.empty')}</p>}
            <ul class="links">
              {inOrder(person.links).map((link) => (
                <LinkLine key={link.id} person={person} link={link} onChange={props.reload} />
              ))}
            </ul>
          </section>
          <section class="card">
            <header>
              <h2>{t('wizard.add_number')}</h2>
            </header>
            <AddForm person={person} onDone={props.reload} />
          </section>
        </div>
      </div>
    );
  }
  const candidate = chosen.value?.id === props.id ? chosen.value : null;
  if (joined && candidate) {
    return (
      <div class="page narrow stack">
        <Notice tone={linkTone(joined) === 'bad' ? 'bad' : 'wait'} title={t(joined.reason === 'mismatch' ? 'link.state.refused' : `link.state.${joined.state}`)}>
          <p>{linkWords(joined)}</p>
        </Notice>
        <div class="row">
          <button type="button" class="btn" onClick={() => setJoined(undefined)}>
            {t('app.back')}
          </button>
          <Anchor href="/" class="btn plain">
            {t('app.to_home')}
          </Anchor>
        </div>
      </div>
    );
  }
  if (candidate) {
    return (
      <JoinForm
        person={candidate}
        onDone={(link) => {
          if (link.state === 'confirmed') {
            props.reload();
            go(`/p/${candidate.id}/calendar`);
          } else setJoined(link);
        }}
      />
    );
  }
  return (
    <div class="page narrow stack">
      <Notice tone="wait" title={t('link.gone')}>
        <p>{t('link.gone.text')}</p>
      </Notice>
      <p>
        <Anchor href="/patients" class="btn primary">
          {t('nav.search')}
        </Anchor>
      </p>
    </div>
  );
}
