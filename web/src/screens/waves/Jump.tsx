// SPDX-License-Identifier: Apache-2.0
/* To a time of a long recording: by the recorder's clock where it has one, else from its start. */
import { useEffect, useId, useState } from 'preact/hooks';
import type { RefObject } from 'preact';
import { t } from '../../i18n/t.ts';
import { slashed } from '../../i18n/wareki.ts';
import { Icon } from '../../ui/Icon.tsx';
import { dayAt, readElapsed, readLocal, timeAt } from '../../waveform/clock.ts';
import { elapsed } from './words.ts';

interface JumpProps {
  field: RefObject<HTMLInputElement | null>;
  clock: number | undefined;
  start_ms: number;
  duration_ms: number;
  /** One view on or back. */
  onTurn: (by: 1 | -1) => void;
  onGo: (ms: number) => void;
}

export function Jump({ field, clock, start_ms, duration_ms, onTurn, onGo }: JumpProps) {
  const id = useId();
  const say = (ms: number) => (clock === undefined ? elapsed(ms) : `${slashed(dayAt(clock + ms))} ${timeAt(clock + ms)}`);
  const valueOf = (ms: number) => (clock === undefined ? elapsed(ms).split('.')[0] ?? '' : say(ms));
  const [value, setValue] = useState(valueOf(start_ms));
  const [isOut, setIsOut] = useState(false);
  // what is typed stays until it is gone to; after that the field follows the paper
  const [isTyped, setIsTyped] = useState(false);
  useEffect(() => {
    if (!isTyped) setValue(valueOf(start_ms));
  }, [start_ms, clock, isTyped]);

  function go(event: Event): void {
    event.preventDefault();
    const local = clock === undefined ? readElapsed(value) : readLocal(value, clock);
    const ms = local === undefined ? undefined : local - (clock ?? 0);
    // its first second begins before its first sample
    const isIn = ms !== undefined && ms > -1000 && ms <= duration_ms;
    setIsOut(!isIn);
    if (!isIn) return;
    setIsTyped(false);
    onGo(ms);
  }

  return (
    <form class="w-jump" noValidate onSubmit={go}>
      <span class="w-pair">
        <button type="button" class="btn compact icon" disabled={start_ms <= 0} onClick={() => onTurn(-1)}>
          <Icon name="left" />
          <span class="sr">{t('wave.page.before')}</span>
        </button>
        <button type="button" class="btn compact icon" onClick={() => onTurn(1)}>
          <Icon name="right" />
          <span class="sr">{t('wave.page.after')}</span>
        </button>
      </span>
      <label class="w-pick" for={id}>
        {t(clock === undefined ? 'wave.jump.elapsed' : 'wave.jump.clock')}
      </label>
      <input
        id={id}
        ref={field}
        value={value}
        // of our own: a browser's field for day and time speaks the browser's language
        type="text"
        size={clock === undefined ? 9 : 19}
        placeholder={clock === undefined ? '0:00:00' : '2026/10/05 9:30:00'}
        autocomplete="off"
        aria-invalid={isOut}
        aria-describedby={isOut ? `${id}-out` : undefined}
        onInput={(event) => {
          setValue(event.currentTarget.value);
          setIsTyped(true);
          setIsOut(false);
        }}
      />
      <button type="submit" class="btn compact">
        {t('wave.jump.go')}
      </button>
      <p id={`${id}-out`} class="w-out" role="status">
        {isOut && t('wave.jump.out', { from: say(0), to: say(duration_ms) })}
      </p>
    </form>
  );
}
