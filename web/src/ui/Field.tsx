// SPDX-License-Identifier: Apache-2.0
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n/t.ts';
import {
  ERAS,
  eraShort,
  longDay,
  longEraDay,
  parseDay,
  ageOn,
  type Parsed,
} from '../i18n/wareki.ts';
import type { Errors } from './errors.ts';
import { Icon } from './Icon.tsx';

interface FieldProps {
  id: string;
  label: string;
  value: string;
  onInput: (value: string) => void;
  error?: string | undefined;
  hint?: string | undefined;
  type?: 'text' | 'password';
  need?: 'required' | 'optional' | undefined;
  autoComplete?: string;
  inputMode?: 'text' | 'numeric' | 'tel';
  maxLength?: number;
  class?: string;
  lang?: string;
  autoFocus?: boolean;
}

function described(id: string, hint?: string, error?: string): string | undefined {
  const ids = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean);
  return ids.length > 0 ? ids.join(' ') : undefined;
}

export function Need({ need }: { need?: 'required' | 'optional' | undefined }) {
  if (!need) return null;
  return need === 'required' ? (
    <span class="need">{t('app.required')}</span>
  ) : (
    <span class="need not">{t('app.optional')}</span>
  );
}

export function Wrong({ id, error }: { id: string; error?: string | undefined }) {
  if (!error) return null;
  return (
    <p class="wrong" id={`${id}-error`}>
      <span aria-hidden="true">▲</span>
      {error}
    </p>
  );
}

export function Field(props: FieldProps) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (props.autoFocus) input.current?.focus();
  }, []);
  return (
    <div class="field">
      <label for={props.id}>
        {props.label}
        <Need need={props.need} />
      </label>
      {props.hint && (
        <p class="hint" id={`${props.id}-hint`}>
          {props.hint}
        </p>
      )}
      <input
        ref={input}
        id={props.id}
        name={props.id}
        class={`input ${props.class ?? ''}`}
        type={(props.type ?? 'text') as 'text'}
        value={props.value}
        autoComplete={props.autoComplete ?? 'off'}
        inputMode={props.inputMode}
        maxLength={props.maxLength}
        lang={props.lang}
        spellcheck={false}
        aria-required={props.need === 'required'}
        aria-invalid={props.error ? true : undefined}
        aria-describedby={described(props.id, props.hint, props.error)}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      <Wrong id={props.id} error={props.error} />
    </div>
  );
}

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

export function Choices<T extends string>(props: {
  name: string;
  legend: string;
  value: T | '';
  options: { value: T; label: string; text?: string }[];
  onInput: (value: T) => void;
  error?: string | undefined;
  need?: 'required' | 'optional';
}) {
  return (
    <fieldset
      class="field"
      aria-describedby={props.error ? `${props.name}-error` : undefined}
      id={props.name}
      tabIndex={-1}
    >
      <legend>
        {props.legend}
        <Need need={props.need} />
      </legend>
      <div class="choices">
        {props.options.map((option) => (
          <label class="choice" key={option.value}>
            <input
              type="radio"
              name={props.name}
              value={option.value}
              checked={props.value === option.value}
              onChange={() => props.onInput(option.value)}
            />
            <span>
              {option.label}
              {option.text && <small>{option.text}</small>}
            </span>
          </label>
        ))}
      </div>
      <Wrong id={props.name} error={props.error} />
    </fieldset>
  );
}

export { stillWrong, type Errors } from './errors.ts';

/** At the top of a form: how many, which, each a link to its field. Takes the focus. */
export function ErrorSummary({ errors, turn }: { errors: Errors; turn: number }) {
  const box = useRef<HTMLDivElement>(null);
  const names = Object.keys(errors);
  useEffect(() => {
    if (names.length > 0) box.current?.focus();
  }, [turn]);
  if (names.length === 0) return null;
  return (
    <div class="summary" ref={box} tabIndex={-1} role="alert">
      <h2>{t('form.summary', { n: names.length })}</h2>
      <ul>
        {names.map((name) => (
          <li key={name}>
            <a
              href={`#${name}`}
              onClick={(event) => {
                event.preventDefault();
                document.getElementById(name)?.focus();
              }}
            >
              {errors[name]}
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}

export function SubmitButton(props: {
  busy?: boolean;
  tone?: 'danger';
  children: ComponentChildren;
}) {
  return (
    <button
      type="submit"
      class={`btn primary ${props.tone ?? ''}`}
      aria-disabled={props.busy ? true : undefined}
      onClick={(event) => {
        if (props.busy) event.preventDefault();
      }}
    >
      {props.busy && <Icon name="refresh" />}
      {props.children}
    </button>
  );
}

/** What ends a form in a dialog: doing it, or leaving it. */
export function FormActions(props: { busy: boolean; tone?: 'danger'; words: string; onCancel: () => void }) {
  return (
    <div class="actions">
      <SubmitButton busy={props.busy} {...(props.tone ? { tone: props.tone } : {})}>
        {props.words}
      </SubmitButton>
      <button type="button" class="btn" onClick={props.onCancel}>
        {t('app.cancel')}
      </button>
    </div>
  );
}
