// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n/t.ts';

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

/** Ids of what is said beside the field. */
export function described(id: string, hint?: string, error?: string): string | undefined {
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
        // for a dialog, which looks for it when it opens
        autofocus={props.autoFocus}
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
