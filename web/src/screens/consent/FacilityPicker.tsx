// SPDX-License-Identifier: Apache-2.0
/* Under specific consent the person names each facility: nothing is chosen beforehand. */
import { useState } from 'preact/hooks';
import { t } from '../../i18n/t.ts';
import { participants, session } from '../../session.ts';
import { Choices } from '../../ui/Choices.tsx';
import { Need, Wrong } from '../../ui/Field.tsx';
import type { Errors } from '../../ui/Form.tsx';
import { FIRST, Long } from '../../ui/Long.tsx';
import { FacilityMark } from '../../ui/pieces.tsx';
import { TERMS, type ConsentDraft } from './ConsentForm.tsx';

export function FacilityPicker(props: {
  draft: ConsentDraft;
  errors: Errors;
  /** Facilities with a number of the person come first, and say so. */
  numbered?: ReadonlySet<string>;
  onInput: (draft: ConsentDraft) => void;
}) {
  const { draft, errors, numbered } = props;
  const own = session.value?.post.facility;
  const others = participants.value.list.filter((facility) => facility.id !== own?.id);
  // of a long list only the beginning is shown: what was ticked before stands in it
  const [ticked] = useState(() => new Set(others.length > FIRST ? draft.facilities : []));
  const place = (id: string) => (numbered?.has(id) ? 0 : ticked.has(id) ? 1 : 2);
  const sorted = [...others].sort((a, b) => place(a.id) - place(b.id));
  const toggle = (id: string, isChosen: boolean) =>
    props.onInput({
      ...draft,
      facilities: isChosen ? [...draft.facilities, id] : draft.facilities.filter((one) => one !== id),
    });
  return (
    <>
      <fieldset class="field">
        <legend class="label">
          {t('rights.choose')}
          <Need need="required" />
        </legend>
        <p class="hint">{t('rights.choose.text', { facility: own?.name ?? '' })}</p>
        <Wrong id="consent-facilities" error={errors['consent-facilities']} />
        <Long
          class="picks"
          items={sorted}
          row={(facility, index) => (
            <li key={facility.id}>
              <label class="tick">
                <input
                  type="checkbox"
                  id={index === 0 ? 'consent-facilities' : undefined}
                  checked={draft.facilities.includes(facility.id)}
                  onChange={(event) => toggle(facility.id, event.currentTarget.checked)}
                />
                <FacilityMark facility={facility} />
                <span>
                  {facility.name}
                  {numbered?.has(facility.id) && <span class="tag">{t('rights.numbered')}</span>}
                </span>
              </label>
            </li>
          )}
        />
      </fieldset>
      <Choices
        name="consent-term"
        legend={t('consent.until')}
        value={draft.term}
        options={TERMS.map((value) => ({ value, label: t(`rights.term.${value}`) }))}
        onInput={(term) => props.onInput({ ...draft, term })}
      />
    </>
  );
}
