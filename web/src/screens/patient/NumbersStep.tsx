// SPDX-License-Identifier: Apache-2.0
/* 患者番号: the own facility's number, then those of the others; of many facilities only those
 * that are added. */
import type { Facility } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { Field } from '../../ui/Field.tsx';
import type { Errors } from '../../ui/Form.tsx';
import { FacilityMark } from '../../ui/pieces.tsx';

function NumberField(props: {
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

export function NumbersStep(props: {
  own: Facility | undefined;
  /** With a field each. */
  rows: Facility[];
  /** Those that can still be added; null where none need be. */
  more: Facility[] | null;
  numbers: Record<string, string>;
  errors: Errors;
  onNumber: (facility: string, value: string) => void;
  onAdd: (facility: string) => void;
}) {
  const { own, rows, more, numbers, errors, onNumber } = props;
  return (
    <>
      {own && (
        <section class="stack gap-s">
          <h3>{t('wizard.own')}</h3>
          <p class="small quiet">{t('wizard.own.text')}</p>
          <NumberField
            facility={own}
            value={numbers[own.id] ?? ''}
            onInput={(value) => onNumber(own.id, value)}
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
            onInput={(value) => onNumber(facility.id, value)}
            error={errors[`number-${facility.id}`]}
          />
        ))}
        {more && (
          <select
            class="input short"
            aria-label={t('wizard.add_number')}
            value=""
            onChange={(event) => {
              const { value } = event.currentTarget;
              if (value) props.onAdd(value);
            }}
          >
            <option value="">{t('wizard.add_number')}</option>
            {more.map((facility) => (
              <option key={facility.id} value={facility.id}>
                {facility.name}
              </option>
            ))}
          </select>
        )}
      </section>
    </>
  );
}
