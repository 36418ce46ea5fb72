// SPDX-License-Identifier: Apache-2.0
/* 氏名, カナ, 生年月日, 性別: the same fields wherever a person is written down. */
import type { Sex } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { Choices } from '../../ui/Choices.tsx';
import { DayField, type DayValue } from '../../ui/DayField.tsx';
import { Field } from '../../ui/Field.tsx';
import type { Errors } from '../../ui/Form.tsx';

const SEXES: Sex[] = ['M', 'F', 'O', 'U'];

export interface PersonDraft {
  name: string;
  kana: string;
  sex: Sex | '';
}

export function PersonFields(props: {
  /** Before the fields' ids. */
  prefix: 'person' | 'request';
  person: PersonDraft;
  birth: DayValue;
  today: string;
  errors: Errors;
  onInput: (change: Partial<PersonDraft>) => void;
  onBirth: (birth: DayValue) => void;
  autoFocus?: boolean;
}) {
  const { prefix, person, errors, onInput } = props;
  return (
    <>
      <div class="pair">
        <Field
          id={`${prefix}-name`}
          label={t('person.name')}
          hint={t('search.name.hint')}
          value={person.name}
          onInput={(name) => onInput({ name })}
          error={errors[`${prefix}-name`]}
          need="required"
          maxLength={128}
          lang="ja"
          autoFocus={props.autoFocus ?? false}
        />
        <Field
          id={`${prefix}-kana`}
          label={t('person.kana')}
          hint={t('search.kana.hint')}
          value={person.kana}
          onInput={(kana) => onInput({ kana })}
          error={errors[`${prefix}-kana`]}
          need="required"
          maxLength={128}
          lang="ja"
        />
      </div>
      <DayField
        id={`${prefix}-birth`}
        label={t('person.birth')}
        value={props.birth}
        today={props.today}
        onInput={props.onBirth}
        error={errors[`${prefix}-birth`]}
        need="required"
      />
      <Choices
        name={`${prefix}-sex`}
        legend={t('person.sex')}
        value={person.sex}
        options={SEXES.map((value) => ({ value, label: t(`sex.${value}`) }))}
        onInput={(sex) => onInput({ sex })}
        error={errors[`${prefix}-sex`]}
        need="required"
      />
    </>
  );
}
