// SPDX-License-Identifier: Apache-2.0
/* What stands around the fields of a form. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n/t.ts';
import type { Errors } from './errors.ts';
import { Icon } from './Icon.tsx';

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
