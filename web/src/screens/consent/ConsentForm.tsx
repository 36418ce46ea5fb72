// SPDX-License-Identifier: Apache-2.0
/* How a consent was given: the same questions at registration and later. */
import type { Channel, ConsentInput } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { participants, session } from '../../session.ts';
import { Choices, Field, Wrong, type Errors } from '../../ui/Field.tsx';

export interface ConsentDraft {
  isExplained: boolean;
  channel: Channel;
  giver: ConsentInput['giver'];
  giverName: string;
  note: string;
}
export const NEW_CONSENT: ConsentDraft = {
  isExplained: false,
  channel: 'paper',
  giver: 'self',
  giverName: '',
  note: '',
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

export function consentInput(draft: ConsentDraft): ConsentInput {
  const name = draft.giverName.trim();
  const note = draft.note.trim();
  return {
    form: session.value?.network.consent_model ?? 'comprehensive',
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
              {t('wizard.explained.text', { network: network || session.value?.network.name || '', version, n: list.length })}
            </span>
          </span>
        </label>
        <Wrong id="consent-explained" error={errors['consent-explained']} />
      </div>
      <details>
        <summary>{t('wizard.list')}</summary>
        <ul class="participants">
          {list.map((facility) => (
            <li key={facility.id}>
              <span class={`fm s${facility.slot}`} aria-hidden="true">
                {facility.letter}
              </span>
              {facility.name}
            </li>
          ))}
        </ul>
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
