// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from 'preact/hooks';
import { api, type Channel, type Consent, type Person } from '../../api/client.ts';
import { useResource } from '../../api/resource.ts';
import { t, word } from '../../i18n/t.ts';
import { fullInstant, longDay } from '../../i18n/wareki.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { Choices } from '../../ui/Choices.tsx';
import { Field } from '../../ui/Field.tsx';
import { ErrorSummary, FormActions } from '../../ui/Form.tsx';
import { ConsentTag, Notice, ProblemNotice, Skeleton } from '../../ui/pieces.tsx';
import { useSubmit } from '../../ui/useSubmit.ts';
import { facilitiesOf, session } from '../../session.ts';
import { FacilityMarks } from '../../ui/pieces.tsx';
import { ConsentForm, NEW_CONSENT, checkConsent, checkFacilities, consentInput, isSpecific } from './ConsentForm.tsx';
import { FacilityPicker } from './FacilityPicker.tsx';
import { Rights, ownConsent } from './Rights.tsx';

const CHANNELS: Channel[] = ['paper', 'oral', 'device'];

function Facts({ consent }: { consent: Consent }) {
  return (
    <dl class="facts">
      <dt>{t('consent.form')}</dt>
      <dd>{t(`consent.form.${consent.form}`)}</dd>
      <dt>{t('consent.channel')}</dt>
      <dd>{t(`channel.${consent.channel}`)}</dd>
      <dt>{t('consent.giver')}</dt>
      <dd>
        {word('giver', consent.giver)} {consent.giver_name}
      </dd>
      {consent.form === 'specific' ? (
        <>
          <dt>{t('consent.facilities')}</dt>
          <dd>{facilitiesOf(consent.facilities ?? []).map(({ name }) => name).join('、')}</dd>
        </>
      ) : (
        <>
          <dt>{t('consent.list_version')}</dt>
          <dd>{t('consent.version', { n: consent.list_version })}</dd>
        </>
      )}
      <dt>{t('consent.until')}</dt>
      <dd>{consent.until ? longDay(consent.until) : t('consent.until.none')}</dd>
      <dt>{t('consent.given')}</dt>
      <dd>
        {t('consent.given.at', {
          when: fullInstant(consent.given_at),
          facility: consent.given_facility,
          by: consent.given_by,
        })}
      </dd>
      {consent.note && (
        <>
          <dt>{t('consent.note')}</dt>
          <dd>{consent.note}</dd>
        </>
      )}
      {consent.withdrawn_at !== undefined && (
        <>
          <dt>{t('consent.state.withdrawn')}</dt>
          <dd>
            {t('consent.withdrawn.at', {
              when: fullInstant(consent.withdrawn_at),
              facility: consent.withdrawn_facility ?? '',
              by: consent.withdrawn_by ?? '',
            })}
          </dd>
        </>
      )}
    </dl>
  );
}

function Withdraw(props: { person: Person; consent: Consent; onDone: () => void; onClose: () => void }) {
  const [channel, setChannel] = useState<Channel>('paper');
  const [note, setNote] = useState('');
  const text = note.trim();
  const { problem, isBusy, onSubmit } = useSubmit({
    send: (key) => api.withdrawConsent(props.consent.id, { channel, ...(text ? { note: text } : {}) }, key),
    onDone: props.onDone,
  });
  return (
    <Dialog title={t('consent.withdraw.title', { name: props.person.name })} onClose={props.onClose}>
      <form class="stack" onSubmit={onSubmit}>
        <p>{t('consent.withdraw.text')}</p>
        {problem !== undefined && <ProblemNotice problem={problem} writes />}
        <Choices
          name="withdraw-channel"
          legend={t('consent.withdraw.channel')}
          value={channel}
          options={CHANNELS.map((value) => ({ value, label: t(`channel.${value}`) }))}
          onInput={setChannel}
        />
        <Field
          id="withdraw-note"
          label={t('consent.withdraw.note')}
          value={note}
          onInput={setNote}
          need="optional"
          maxLength={500}
        />
        <FormActions busy={isBusy} tone="danger" words={t('consent.withdraw.do')} onCancel={props.onClose} />
      </form>
    </Dialog>
  );
}

function Give(props: { person: Person; named: string[]; onDone: () => void; onClose: () => void }) {
  const { person, onDone, onClose } = props;
  const [draft, setDraft] = useState({ ...NEW_CONSENT, facilities: props.named });
  const { errors, turn, problem, isBusy, onSubmit } = useSubmit({
    check: () => ({ ...checkConsent(draft), ...(isSpecific() ? checkFacilities(draft) : {}) }),
    send: (key) => api.giveConsent(person.id, consentInput(draft), key),
    onDone,
  });
  return (
    <Dialog title={t(isSpecific() ? 'rights.title' : 'consent.give')} onClose={onClose} wide>
      <form class="stack" onSubmit={onSubmit} noValidate>
        <ErrorSummary errors={errors} turn={turn} />
        {problem !== undefined && <ProblemNotice problem={problem} writes />}
        <ConsentForm draft={draft} errors={errors} onInput={setDraft} />
        {isSpecific() && (
          <FacilityPicker
            draft={draft}
            errors={errors}
            numbered={new Set(person.links.filter((link) => link.state === 'confirmed').map((link) => link.facility))}
            onInput={setDraft}
          />
        )}
        <FormActions busy={isBusy} words={t(isSpecific() ? 'rights.submit' : 'consent.give')} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

function History({ consents }: { consents: Consent[] }) {
  return (
    <section class="card">
      <header>
        <h2>{t('consent.history')}</h2>
      </header>
      {consents.length === 0 && <p class="empty">{t('consent.history.empty')}</p>}
      <ol class="links">
        {consents.map((consent) => (
          <li class="link" key={`${consent.id} ${consent.version}`}>
            <div class="row">
              <b>{t('consent.version', { n: consent.version })}</b>
              {consent.is_newest === false && consent.withdrawn_at === undefined ? (
                <span class="tag">{t('consent.replaced')}</span>
              ) : (
                <ConsentTag state={consent.state} />
              )}
              <span class="small quiet">{t(`consent.form.${consent.form}`)}</span>
              {consent.form === 'specific' && <FacilityMarks facilities={facilitiesOf(consent.facilities ?? [])} />}
            </div>
            <p class="small num">
              {t('consent.given')}{' '}
              {t('consent.given.at', {
                when: fullInstant(consent.given_at),
                facility: consent.given_facility,
                by: consent.given_by,
              })}
            </p>
            {consent.withdrawn_at !== undefined && (
              <p class="small num">
                {t('consent.state.withdrawn')}{' '}
                {t('consent.withdrawn.at', {
                  when: fullInstant(consent.withdrawn_at),
                  facility: consent.withdrawn_facility ?? '',
                  by: consent.withdrawn_by ?? '',
                })}
              </p>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

export function Consents({ person, reload }: { person: Person; reload: () => void }) {
  const consents = useResource(`consents ${person.id}`, () => api.consents(person.id));
  const [dialog, setDialog] = useState<'give' | null>(null);
  const [withdrawing, setWithdrawing] = useState<Consent>();
  const [said, setSaid] = useState('');
  useEffect(() => {
    document.title = `${t('consent.title')} ${person.name} - ${t('app.name')}`;
  }, [person.name]);
  function done(words: string) {
    setDialog(null);
    setWithdrawing(undefined);
    setSaid(words);
    consents.reload();
    reload();
  }
  const list = consents.value?.consents;
  // facility by facility several stand beside each other; of the list there is one
  const active = list?.filter((consent) => consent.state === 'active') ?? [];
  const shown = isSpecific() ? active : active.slice(0, 1);
  const own = session.value?.post.facility.id;
  const named = (ownConsent(list ?? [])?.facilities ?? []).filter((id) => id !== own);
  return (
    <div class="page">
      <div class="page-head">
        <h1>{t('consent.title')}</h1>
      </div>
      {consents.state === 'failed' && <ProblemNotice problem={consents.problem} retry={consents.reload} reads />}
      <div class="columns">
        <section class="stack">
          {said && <Notice tone="good" title={said} />}
          {!list && consents.state === 'loading' && (
            <div class="card">
              <Skeleton rows={3} />
            </div>
          )}
          {list && isSpecific() && (
            <Rights
              person={person}
              rights={consents.value?.rights ?? []}
              consents={list}
              onChange={() => setDialog('give')}
              onDone={done}
            />
          )}
          {shown.map((consent) => (
            <div class="card" key={consent.id}>
              <header>
                <h2>{t(isSpecific() ? 'consent.of' : 'consent.current', { facility: consent.given_facility })}</h2>
                <ConsentTag state={consent.state} />
              </header>
              <div class="card-body stack">
                <Facts consent={consent} />
                <div class="actions">
                  <button type="button" class="btn danger" onClick={() => setWithdrawing(consent)}>
                    {t('consent.withdraw')}
                  </button>
                  {!isSpecific() && (
                    <button type="button" class="btn plain" onClick={() => setDialog('give')}>
                      {t('consent.renew')}
                    </button>
                  )}
                </div>
              </div>
            </div>
          ))}
          {list && !isSpecific() && shown.length === 0 && (
            <Notice tone="wait" title={t('consent.none')}>
              <p>{t('consent.none.text')}</p>
              <button type="button" class="btn primary" onClick={() => setDialog('give')}>
                {t('consent.give')}
              </button>
            </Notice>
          )}
        </section>
        {list && <History consents={list} />}
      </div>
      {withdrawing && (
        <Withdraw
          person={person}
          consent={withdrawing}
          onClose={() => setWithdrawing(undefined)}
          onDone={() => done(t('consent.withdrawn'))}
        />
      )}
      {dialog === 'give' && (
        <Give person={person} named={named} onClose={() => setDialog(null)} onDone={() => done(t('consent.recorded'))} />
      )}
    </div>
  );
}
