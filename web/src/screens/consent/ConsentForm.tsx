// SPDX-License-Identifier: Apache-2.0
/* How a consent was given: the same questions at registration and later. */
import type { Channel, ConsentInput } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { participants, session } from '../../session.ts';
import { dayNumber, dayText } from '../../i18n/wareki.ts';
import { Choices } from '../../ui/Choices.tsx';
import { Field, Wrong } from '../../ui/Field.tsx';
import type { Errors } from '../../ui/Form.tsx';
import { Long } from '../../ui/Long.tsx';

export interface ConsentDraft {
  isExplained: boolean;
  channel: Channel;
  giver: ConsentInput['giver'];
  giverName: string;
  note: string;
  /** Specific consent: the other facilities that are named, and for how many days. */
  facilities: string[];
  term: Term;
}
export type Term = 'open' | '180' | '365';
export const TERMS: Term[] = ['open', '180', '365'];
/** The network's consents name each facility instead of its list. */
export const isSpecific = () => session.value?.network.consent_model === 'specific';

export const NEW_CONSENT: ConsentDraft = {
  isExplained: false,
  channel: 'paper',
  giver: 'self',
  giverName: '',
  note: '',
  facilities: [],
  term: 'open',
};

export function checkConsent(draft: ConsentDraft): Errors {
  const errors: Errors = {};
  if (!draft.isExplained) errors['consent-explained'] = t('wizard.explained.missing');
  if (draft.giver !== 'self' && draft.giverName.trim() === '') {
    errors['consent-giver-name'] = t('form.giver.missing');
  }
  if (draft.channel === 'oral' && draft.note.trim() === '') errors['consent-note'] = t('form.note.missing');
  return errors;
}

export function checkFacilities(draft: ConsentDraft): Errors {
  return draft.facilities.length > 0 ? {} : { 'consent-facilities': t('rights.missing') };
}

export function consentInput(draft: ConsentDraft): ConsentInput {
  const name = draft.giverName.trim();
  const note = draft.note.trim();
  const today = session.value?.today;
  return {
    form: session.value?.network.consent_model ?? 'comprehensive',
    ...(isSpecific() ? { facilities: draft.facilities } : {}),
    ...(isSpecific() && draft.term !== 'open' && today ? { until: dayText(dayNumber(today) + Number(draft.term)) } : {}),
    channel: draft.channel,
    giver: draft.giver,
    ...(draft.giver !== 'self' ? { giver_name: name } : {}),
    ...(note ? { note } : {}),
  };
}

const CHANNELS: Channel[] = ['paper', 'oral', 'device'];
const GIVERS: ConsentInput['giver'][] = ['self', 'parent', 'guardian', 'representative'];

export function ConsentForm(props: {
  draft: ConsentDraft;
  errors: Errors;
  onInput: (draft: ConsentDraft) => void;
}) {
  const { draft, errors } = props;
  const set = (change: Partial<ConsentDraft>) => props.onInput({ ...draft, ...change });
  const { network, version, list } = participants.value;
  return (
    <>
      <div class="field">
        <label class={`tick ${errors['consent-explained'] ? 'wrong-tick' : ''}`}>
          <input
            type="checkbox"
            id="consent-explained"
            checked={draft.isExplained}
            aria-describedby={errors['consent-explained'] ? 'consent-explained-error' : undefined}
            onChange={(event) => set({ isExplained: event.currentTarget.checked })}
          />
          <span>
            <b>{t('wizard.explained')}</b>
            <span class="small">
              {t(isSpecific() ? 'wizard.explained.specific' : 'wizard.explained.text', { network: network || session.value?.network.name || '', version, n: list.length })}
            </span>
          </span>
        </label>
        <Wrong id="consent-explained" error={errors['consent-explained']} />
      </div>
      <details hidden={isSpecific()}>
        <summary>{t('wizard.list')}</summary>
        <Long
          class="participants"
          items={list}
          row={(facility) => (
            <li key={facility.id}>
              <span class={`fm s${facility.slot}`} aria-hidden="true">
                {facility.letter}
              </span>
              {facility.name}
            </li>
          )}
        />
      </details>
      <Choices
        name="consent-channel"
        legend={t('wizard.channel')}
        value={draft.channel}
        options={CHANNELS.map((value) => ({
          value,
          label: t(`channel.${value}`),
          text: t(`channel.${value}.text`),
        }))}
        onInput={(channel) => set({ channel })}
      />
      {draft.channel === 'oral' && (
        <Field
          id="consent-note"
          label={t('wizard.note')}
          hint={t('wizard.note.hint')}
          value={draft.note}
          onInput={(note) => set({ note })}
          error={errors['consent-note']}
          need="required"
          maxLength={500}
        />
      )}
      <Choices
        name="consent-giver"
        legend={t('wizard.giver')}
        value={draft.giver}
        options={GIVERS.map((value) => ({ value, label: t(`giver.${value}`) }))}
        onInput={(giver) => set({ giver })}
      />
      {draft.giver !== 'self' && (
        <Field
          id="consent-giver-name"
          label={t('wizard.giver_name')}
          value={draft.giverName}
          onInput={(giverName) => set({ giverName })}
          error={errors['consent-giver-name']}
          need="required"
          maxLength={128}
        />
      )}
    </>
  );
}
