// SPDX-License-Identifier: Apache-2.0
import { useState } from 'preact/hooks';
import { t } from '../i18n/t.ts';
import { longEraDay, parseDay, type Parsed } from '../i18n/parseDay.ts';
import { ERAS, ageOn, eraShort, longDay } from '../i18n/wareki.ts';
import { Need, Wrong, described } from './Field.tsx';

export interface DayValue {
  text: string;
  era: string;
}
export const NO_DAY: DayValue = { text: '', era: '' };

export function readDay(value: DayValue, today: string): Parsed {
  return parseDay(value.text, value.era || undefined, today);
}

/** The words for a day that could not be read; undefined for a good one. */
export function dayError(parsed: Parsed, value: DayValue): string | undefined {
  if (parsed.ok) return undefined;
  if (parsed.reason === 'not_in_era') {
    return t('day.not_in_era', { wrong: value.text });
  }
  return t(`day.${parsed.reason}`);
}

/** A birth date in every way people write it; both forms are echoed below. */
export function DayField(props: {
  id: string;
  label: string;
  value: DayValue;
  today: string;
  onInput: (value: DayValue) => void;
  error?: string | undefined;
  need?: 'required' | 'optional';
}) {
  const { id, value, today } = props;
  const [wasLeft, setWasLeft] = useState(false);
  const parsed = readDay(value, today);
  const isEmpty = !parsed.ok && parsed.reason === 'empty';
  const submitted = parsed.ok ? undefined : props.error;
  const error = submitted ?? (wasLeft && !isEmpty ? dayError(parsed, value) : undefined);
  const isNear = !parsed.ok && parsed.reason === 'not_in_era';
  const echo = parsed.ok
    ? `${longDay(parsed.day)} ${eraShort(parsed.day)} ${t('person.age', { n: ageOn(parsed.day, today) })}`
    : '';
  return (
    <div class="field">
      <label for={id}>
        {props.label}
        <Need need={props.need} />
      </label>
      <p class="hint" id={`${id}-hint`}>
        {t('day.hint')}
      </p>
      <div class="row day-row">
        <input
          id={id}
          name={id}
          class="input short mono"
          value={value.text}
          autoComplete="off"
          spellcheck={false}
          maxLength={20}
          aria-required={props.need === 'required'}
          aria-invalid={error ? true : undefined}
          aria-describedby={`${described(id, t('day.hint'), error)} ${id}-echo`}
          onInput={(event) => props.onInput({ ...value, text: event.currentTarget.value })}
          onBlur={() => setWasLeft(true)}
        />
        <div class="seg" role="group" aria-label={t('day.era')}>
          {ERAS.filter((era) => era.letter !== 'M').map((era) => (
            <button
              key={era.letter}
              type="button"
              aria-pressed={value.era === era.letter}
              onClick={() =>
                props.onInput({ ...value, era: value.era === era.letter ? '' : era.letter })
              }
            >
              {era.kanji}
            </button>
          ))}
        </div>
      </div>
      <Wrong id={id} error={error} />
      {error && isNear && parsed.reason === 'not_in_era' && (
        <button
          type="button"
          class="btn compact"
          onClick={() => props.onInput({ text: eraShort(parsed.right), era: '' })}
        >
          {t('day.use', { right: longEraDay(parsed.right) })}
        </button>
      )}
      {!error && (
        <p class="echo" id={`${id}-echo`} aria-live="polite">
          {echo}
        </p>
      )}
    </div>
  );
}
