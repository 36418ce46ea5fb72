// SPDX-License-Identifier: Apache-2.0
/* アクセス権設定: with whom the own facility shares this person's data, facility by facility, by whose
 * consent and until when; changed and ended here, every version stays in the history. */
import { useState } from 'preact/hooks';
import { api, type AccessRight, type Channel, type Consent, type Person } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { fullInstant, longDay } from '../../i18n/wareki.ts';
import { participants, session } from '../../session.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { Choices } from '../../ui/Choices.tsx';
import { FormActions } from '../../ui/Form.tsx';
import { FacilityMark, ProblemNotice } from '../../ui/pieces.tsx';
import { useSubmit } from '../../ui/useSubmit.ts';

const CHANNELS: Channel[] = ['paper', 'oral', 'device'];

function tone(state: AccessRight['state']): string {
  if (state === 'covers') return 'good';
  if (state === 'withdrawn' || state === 'refused') return 'bad';
  return state === 'expired' || state === 'joiner_waiting' ? 'wait' : '';
}

/** The own facility's consent that is in force now: the one it may change. */
export function ownConsent(consents: Consent[]): Consent | undefined {
  const own = session.value?.post.facility.id;
  return consents.find((one) => one.form === 'specific' && one.state === 'active' && one.given_facility_id === own);
}

/* One facility less; with the last one the consent itself ends. */
function End(props: {
  person: Person;
  consent: Consent;
  facility: { id: string; name: string };
  onDone: (words: string) => void;
  onClose: () => void;
}) {
  const { consent, facility } = props;
  const [channel, setChannel] = useState<Channel>('paper');
  const own = session.value?.post.facility.id;
  const rest = (consent.facilities ?? []).filter((id) => id !== facility.id && id !== own);

  const { problem, isBusy, onSubmit } = useSubmit<unknown>({
    send: (key) =>
      rest.length === 0
        ? api.withdrawConsent(consent.id, { channel }, key)
        : api.endRight(props.person.id, consent, rest, channel, key),
    onDone: () => props.onDone(t('rights.ended', { name: facility.name })),
  });
  return (
    <Dialog title={t('rights.end.title', { name: facility.name })} onClose={props.onClose}>
      <form class="stack" onSubmit={onSubmit}>
        <p>{t(rest.length === 0 ? 'rights.end.last' : 'rights.end.text')}</p>
        {problem !== undefined && <ProblemNotice problem={problem} writes />}
        <Choices
          name="end-channel"
          legend={t('consent.withdraw.channel')}
          value={channel}
          options={CHANNELS.map((value) => ({ value, label: t(`channel.${value}`) }))}
          onInput={setChannel}
        />
        <FormActions busy={isBusy} tone="danger" words={t('rights.end.do')} onCancel={props.onClose} />
      </form>
    </Dialog>
  );
}

function RightLine(props: { person: Person; right: AccessRight; consents: Consent[]; onDone: (words: string) => void }) {
  const { right, consents } = props;
  const [isEnding, setIsEnding] = useState(false);
  const facility = participants.value.byId.get(right.facility);
  const by = consents.find((one) => one.id === right.consent && one.is_newest !== false);
  const mine = ownConsent(consents);
  const isMine = mine !== undefined && mine.id === right.consent;
  const isShared = right.state === 'covers';
  if (!facility) return null;
  return (
    <li class="link">
      <div class="row">
        <FacilityMark facility={facility} />
        <b>{facility.name}</b>
        <span class={`tag ${tone(right.state)}`}>{t(`rights.state.${right.state}`)}</span>
        {isShared && isMine && (
          <button
            type="button"
            class="btn plain compact danger push"
            aria-label={t('rights.end.title', { name: facility.name })}
            onClick={() => setIsEnding(true)}
          >
            {t('rights.end')}
          </button>
        )}
      </div>
      {by && (
        <p class="small quiet">
          {t(isShared ? 'rights.by' : 'rights.was', { facility: by.given_facility, when: fullInstant(by.given_at) })}{' '}
          {isShared && (right.until ? t('rights.until', { day: longDay(right.until) }) : t('consent.until.none'))}
        </p>
      )}
      {isEnding && mine && (
        <End
          person={props.person}
          consent={mine}
          facility={facility}
          onClose={() => setIsEnding(false)}
          onDone={(words) => {
            setIsEnding(false);
            props.onDone(words);
          }}
        />
      )}
    </li>
  );
}

const ORDER: AccessRight['state'][] = ['covers', 'joiner_waiting', 'expired', 'withdrawn', 'refused', 'not_covering', 'none'];

export function Rights(props: {
  person: Person;
  rights: AccessRight[];
  consents: Consent[];
  onChange: () => void;
  onDone: (words: string) => void;
}) {
  const { rights, consents } = props;
  const sorted = [...rights].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
  const shared = rights.filter((right) => right.state === 'covers').length;
  return (
    <div class="card">
      <header>
        <h2>{t('rights.title')}</h2>
        <span class="aside num">{t('rights.count', { n: shared })}</span>
      </header>
      <div class="card-body stack">
        <p class="small quiet">{t('rights.lead', { facility: session.value?.post.facility.name ?? '' })}</p>
        <div class="actions">
          <button type="button" class="btn primary" onClick={props.onChange}>
            {t(ownConsent(consents) ? 'rights.change' : 'rights.set')}
          </button>
        </div>
      </div>
      <ul class="links">
        {sorted.map((right) => (
          <RightLine key={right.facility} person={props.person} right={right} consents={consents} onDone={props.onDone} />
        ))}
      </ul>
    </div>
  );
}
