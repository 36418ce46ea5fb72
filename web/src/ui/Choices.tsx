// SPDX-License-Identifier: Apache-2.0
import { Need, Wrong } from './Field.tsx';

/** One of a few, each in sight. */
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
