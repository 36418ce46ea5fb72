// SPDX-License-Identifier: Apache-2.0
/* One request: what the asking facility's chart says, the comparison, the answer. */
import { useEffect, useState } from 'preact/hooks';
import { Link, useLocation } from 'wouter-preact';
import { api, type PersonSummary } from '../../api/client.ts';
import { onLive } from '../../api/live.ts';
import { useResource } from '../../api/resource.ts';
import { t } from '../../i18n/t.ts';
import { fullInstant, longDay } from '../../i18n/wareki.ts';
import { facilitiesOf, session } from '../../session.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { Choices } from '../../ui/Choices.tsx';
import { Field } from '../../ui/Field.tsx';
import { ErrorSummary, FormActions, type Errors } from '../../ui/Form.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { FacilityMarks, Notice, ProblemNotice, Skeleton } from '../../ui/pieces.tsx';
import { useIntention, useSubmit } from '../../ui/useSubmit.ts';
import { PersonFacts } from '../patient/PersonLine.tsx';
import { chosen } from '../patient/searchState.ts';
import { answering, heldWords, unanswered } from './answering.ts';
import { answerRequest, getRequest, withdrawRequest, type RegistrationRequest, type RequestReason } from './calls.ts';
import { StateTag, lastDay } from './RequestLine.tsx';

const REASONS: RequestReason[] = ['unclear', 'no_consent', 'not_taken', 'other'];

function FacilityName({ id }: { id: string }) {
  const list = facilitiesOf([id]);
  return (
    <span class="row">
      <FacilityMarks facilities={list} />
      {list[0]?.name}
    </span>
  );
}

function Chart({ request }: { request: RegistrationRequest }) {
  const isSent = request.side === 'sent';
  return (
    <section class="card">
      <header>
        <h2>{t(isSent ? 'request.chart' : 'request.chart.of')}</h2>
      </header>
      <div class="card-body stack">
        <p>
          <b>{request.name}</b> <span class="small quiet">{request.kana}</span>
        </p>
        <PersonFacts person={request} />
        <dl class="facts">
          <dt>{t(isSent ? 'request.number' : 'request.number.of')}</dt>
          <dd>{request.number}</dd>
          <dt>{t('request.wanted')}</dt>
          <dd>
            <FacilityName id={request.wanted} />
          </dd>
          <dt>{t('request.consent')}</dt>
          <dd>{heldWords(request)}</dd>
          {request.message !== '' && (
            <>
              <dt>{t('request.message')}</dt>
              <dd>{request.message}</dd>
            </>
          )}
        </dl>
      </div>
    </section>
  );
}

function Sides({ request }: { request: RegistrationRequest }) {
  const isSent = request.side === 'sent';
  return (
    <dl class="facts">
      <dt>{t(isSent ? 'request.asked' : 'request.asker')}</dt>
      <dd>
        <FacilityName id={isSent ? request.asked : request.asker} />
      </dd>
      <dt>{t('request.sent_by')}</dt>
      <dd>
        {request.sent_by} <span class="quiet nowrap">{fullInstant(request.sent_at)}</span>
      </dd>
      {request.state === 'open' && (
        <>
          <dt>{t('request.ends')}</dt>
          <dd>{longDay(lastDay(request.ends_at))}</dd>
        </>
      )}
    </dl>
  );
}

function acceptedWords(request: RegistrationRequest): 'confirmed' | 'waits' | 'refused' {
  if (request.link?.state === 'confirmed') return 'confirmed';
  return request.link?.state === 'refused' ? 'refused' : 'waits';
}

function Outcome({ request }: { request: RegistrationRequest }) {
  const words = acceptedWords(request);
  return (
    <section class="card">
      <header>
        <h2>{t('request.outcome')}</h2>
      </header>
      <div class="card-body stack">
        {request.state === 'accepted' && request.side === 'sent' && (
          <Notice tone={words === 'confirmed' ? 'good' : words === 'refused' ? 'bad' : 'wait'} title={t(`request.accepted.${words}`)} />
        )}
        <dl class="facts">
          {request.reason !== null && (
            <>
              <dt>{t('request.reason')}</dt>
              <dd>{t(`request.reason.${request.reason}`)}</dd>
            </>
          )}
          {request.answer !== '' && (
            <>
              <dt>{t('request.message')}</dt>
              <dd>{request.answer}</dd>
            </>
          )}
          {request.closed_by !== '' && request.closed_at !== null && (
            <>
              <dt>{t(request.state === 'withdrawn' ? 'request.withdrawn_by' : 'request.answered_by')}</dt>
              <dd>
                {request.closed_by} <span class="quiet nowrap">{fullInstant(request.closed_at)}</span>
              </dd>
            </>
          )}
        </dl>
        {request.person !== null && (
          <div class="actions">
            <Link href={`/p/${request.person}/calendar`} class="btn primary">
              {t('request.accepted.open')}
              <Icon name="right" />
            </Link>
          </div>
        )}
        {request.state === 'expired' && <p>{t('request.expired')}</p>}
      </div>
    </section>
  );
}

function Decline(props: { request: RegistrationRequest; onDone: (request: RegistrationRequest) => void; onClose: () => void }) {
  const [reason, setReason] = useState<RequestReason | ''>('');
  const [text, setText] = useState('');
  const { errors, turn, problem, isBusy, onSubmit } = useSubmit({
    check: (): Errors => (reason === '' ? { 'decline-reason': t('request.reason.missing') } : {}),
    send: (key) =>
      answerRequest(
        props.request.id,
        { verdict: 'declined', reason: reason || 'other', ...(text.trim() ? { text: text.trim() } : {}) },
        key,
      ),
    onDone: props.onDone,
  });
  return (
    <Dialog title={t('request.decline.title')} onClose={props.onClose}>
      <form class="stack" onSubmit={onSubmit} noValidate>
        <p>{t('request.decline.text')}</p>
        <ErrorSummary errors={errors} turn={turn} />
        {problem !== undefined && <ProblemNotice problem={problem} writes />}
        <Choices
          name="decline-reason"
          legend={t('request.reason')}
          value={reason}
          options={REASONS.map((value) => ({ value, label: t(`request.reason.${value}`) }))}
          onInput={setReason}
          error={errors['decline-reason']}
          need="required"
        />
        <Field
          id="decline-text"
          label={t('request.message')}
          value={text}
          onInput={setText}
          need="optional"
          maxLength={500}
        />
        <FormActions busy={isBusy} words={t('request.decline.do')} onCancel={props.onClose} />
      </form>
    </Dialog>
  );
}

function Withdraw(props: { request: RegistrationRequest; onDone: () => void; onClose: () => void }) {
  const { problem, isBusy, onSubmit } = useSubmit({
    send: (key) => withdrawRequest(props.request.id, key),
    onDone: props.onDone,
  });
  return (
    <Dialog title={t('request.withdraw')} onClose={props.onClose}>
      <form class="stack" onSubmit={onSubmit}>
        <p>{t('request.withdraw.text')}</p>
        {problem !== undefined && <ProblemNotice problem={problem} writes />}
        <FormActions busy={isBusy} tone="danger" words={t('request.withdraw.do')} onCancel={props.onClose} />
      </form>
    </Dialog>
  );
}

function Found(props: { request: RegistrationRequest; person: PersonSummary; isBusy: boolean; onAccept: () => void }) {
  const { person, request } = props;
  const [, go] = useLocation();
  const isSame = person.sex === request.sex;
  return (
    <li>
      <div class="link">
        <p>
          <b>{person.name}</b> <span class="small quiet">{person.kana}</span>
        </p>
        <PersonFacts person={person} />
        <span class="row small">
          {person.own_number ? (
            <span class="num">
              {t('person.own_number')} <b>{person.own_number}</b>
            </span>
          ) : (
            <span class="tag wait">{t('person.own_number.none')}</span>
          )}
          <span class={`tag ${isSame ? 'good' : 'bad'}`}>{t(isSame ? 'request.compare.same' : 'request.compare.other')}</span>
        </span>
        {isSame && (
          <span class="row">
            {person.own_number ? (
              <button type="button" class="btn primary" aria-disabled={props.isBusy ? true : undefined} onClick={props.onAccept}>
                {t('request.accept')}
              </button>
            ) : (
              <button
                type="button"
                class="btn"
                onClick={() => {
                  chosen.value = person;
                  go(`/p/${person.id}/link`);
                }}
              >
                {t('request.accept.number')}
              </button>
            )}
          </span>
        )}
      </div>
    </li>
  );
}

function Answer({ request, onAnswered }: { request: RegistrationRequest; onAnswered: (request: RegistrationRequest) => void }) {
  const [, go] = useLocation();
  const [people, setPeople] = useState<PersonSummary[]>();
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setIsBusy] = useState(false);
  const [isDeclining, setIsDeclining] = useState(false);
  const run = useIntention();
  const mayRegister = session.value?.post.facility.may_register ?? false;

  async function act(work: () => Promise<void>) {
    if (isBusy) return;
    setIsBusy(true);
    setProblem(undefined);
    try {
      await work();
    } catch (failure) {
      setProblem(failure);
    } finally {
      setIsBusy(false);
    }
  }
  const compare = () =>
    act(async () => setPeople((await api.search({ kana: request.kana, birth_date: request.birth_date })).persons));
  const accept = (person: string) =>
    act(async () => onAnswered(await run((key) => answerRequest(request.id, { verdict: 'accepted', person }, key))));

  return (
    <section class="card">
      <header>
        <h2>{t('request.answer')}</h2>
      </header>
      <div class="card-body stack">
        {problem !== undefined && <ProblemNotice problem={problem} writes />}
        {!mayRegister && <Notice tone="wait" title={t('request.may_not')} />}
        {mayRegister && (
          <>
            <p class="small quiet">{t('request.compare.text')}</p>
            <div class="row">
              <button type="button" class="btn" aria-disabled={isBusy ? true : undefined} onClick={() => void compare()}>
                <Icon name="search" />
                {t('request.compare')}
              </button>
              <button
                type="button"
                class={`btn ${people?.length ? '' : 'primary'}`}
                onClick={() => {
                  answering.value = request;
                  go('/patients/new');
                }}
              >
                <Icon name="register" />
                {t('request.register')}
              </button>
            </div>
            <div aria-live="polite">
              {people?.length === 0 && <p>{t('request.compare.none')}</p>}
              {people !== undefined && people.length > 0 && (
                <ul class="people card">
                  {people.map((person) => (
                    <Found key={person.id} request={request} person={person} isBusy={isBusy} onAccept={() => void accept(person.id)} />
                  ))}
                </ul>
              )}
            </div>
          </>
        )}
        <div class="actions">
          <button type="button" class="btn danger" onClick={() => setIsDeclining(true)}>
            {t('request.decline')}
          </button>
        </div>
      </div>
      {isDeclining && (
        <Decline
          request={request}
          onDone={(answered) => {
            setIsDeclining(false);
            onAnswered(answered);
          }}
          onClose={() => setIsDeclining(false)}
        />
      )}
    </section>
  );
}

export function RequestPage({ id }: { id: string }) {
  const request = useResource(id, () => getRequest(id));
  const [isWithdrawing, setIsWithdrawing] = useState(false);
  const [late] = useState(unanswered.value);
  useEffect(() => {
    unanswered.value = undefined;
    document.title = `${t('request.title')} - ${t('app.name')}`;
    return onLive((kind) => {
      if (kind === 'request' || kind === 'link' || kind === 'reload') request.reload();
    });
  }, []);
  const { value } = request;
  const isOpen = value?.state === 'open';
  return (
    <div class="page narrow">
      <div class="page-head">
        <h1>{t('request.title')}</h1>
        {value && <StateTag state={value.state} />}
      </div>
      <div class="stack">
        {late !== undefined && isOpen && <ProblemNotice problem={late} writes />}
        {request.state === 'failed' && <ProblemNotice problem={request.problem} retry={request.reload} reads />}
        {!value && request.state === 'loading' && <Skeleton rows={4} />}
        {value && (
          <>
            <Sides request={value} />
            <Chart request={value} />
            {isOpen && value.side === 'received' && <Answer request={value} onAnswered={request.set} />}
            {!isOpen && <Outcome request={value} />}
            {isOpen && value.side === 'sent' && (
              <>
                <Notice title={t('request.sent.done')} />
                <div class="actions">
                  <button type="button" class="btn danger" onClick={() => setIsWithdrawing(true)}>
                    {t('request.withdraw')}
                  </button>
                </div>
              </>
            )}
          </>
        )}
        <p>
          <Link href="/">{t('app.to_home')}</Link>
        </p>
      </div>
      {value && isWithdrawing && (
        <Withdraw
          request={value}
          onDone={() => {
            setIsWithdrawing(false);
            request.reload();
          }}
          onClose={() => setIsWithdrawing(false)}
        />
      )}
    </div>
  );
}
