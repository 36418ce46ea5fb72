// SPDX-License-Identifier: Apache-2.0
/* A list that may be long: what fits a glance, and twice as much with each press. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { t } from '../i18n/t.ts';

export const FIRST = 50;

export function Long<T>(props: { class: string; items: readonly T[]; row: (item: T, index: number) => JSX.Element }) {
  const [shown, setShown] = useState(FIRST);
  return (
    <>
      <ul class={props.class}>{props.items.slice(0, shown).map(props.row)}</ul>
      {props.items.length > shown && (
        <button type="button" class="btn" onClick={() => setShown(shown * 2)}>
          {t('app.more')}
        </button>
      )}
    </>
  );
}
