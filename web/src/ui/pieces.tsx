// SPDX-License-Identifier: Apache-2.0
/* The small parts that every screen is made of. */
import type { ComponentChildren } from 'preact';
import type { ConsentState, Facility } from '../api/client.ts';
import { wordsOf } from '../api/problem.ts';
import { t } from '../i18n/t.ts';
import { useRecovery } from './recovery.ts';
import { Icon, type IconName } from './Icon.tsx';

/** The letter is authoritative, the colour repeats it; the name is said to those who listen. */
export function FacilityMark({ facility }: { facility: Facility }) {
  return (
    <span class={`fm s${facility.slot}`} title={facility.name}>
      <span aria-hidden="true">{facility.letter}</span>
      <span class="sr">{facility.name}</span>
    </span>
  );
}

export function FacilityMarks({ facilities }: { facilities: Facility[] }) {
  return (
    <span class="fms">
      {facilities.map((facility) => (
        <FacilityMark key={facility.id} facility={facility} />
      ))}
    </span>
  );
}

type Tone = 'info' | 'good' | 'wait' | 'bad';
const TONE_ICONS: Record<Tone, IconName> = { info: 'info', good: 'check', wait: 'info', bad: 'warn' };

export function Notice(props: { tone?: Tone; title: string; children?: ComponentChildren }) {
  const tone = props.tone ?? 'info';
  return (
    <div class={`notice ${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <Icon name={TONE_ICONS[tone]} />
      <div>
        <b>{props.title}</b>
        {props.children}
      </div>
    </div>
  );
}

/** What went wrong, what to do next, and a way to try again; with `reads`, what passes by itself
 * is tried again by itself. */
export function ProblemNotice({ problem, retry, reads = false, writes = false }: { problem: unknown; retry?: () => void; reads?: boolean; writes?: boolean }) {
  const { text, next } = wordsOf(problem, writes);
  useRecovery(reads ? problem : undefined, retry);
  return (
    <Notice tone="bad" title={text}>
      <p>{next}</p>
      {retry && (
        <button type="button" class="btn compact" onClick={retry}>
          <Icon name="refresh" />
          {t('app.retry')}
        </button>
      )}
    </Notice>
  );
}

export function Skeleton({ rows }: { rows: number }) {
  return (
    <div role="status">
      <span class="sr">{t('app.loading')}</span>
      {Array.from({ length: rows }, (_, index) => (
        <div class="skel-row" key={index} aria-hidden="true">
          <div class="skel w40" />
          <div class="skel w70" />
        </div>
      ))}
    </div>
  );
}

const CONSENT_TONES: Record<ConsentState, string> = {
  none: 'bad',
  active: 'good',
  withdrawn: 'bad',
  expired: 'wait',
  refused: 'bad',
};

export function ConsentTag({ state }: { state: ConsentState }) {
  return (
    <span class={`tag ${CONSENT_TONES[state]}`}>
      {state === 'active' && <Icon name="check" />}
      {t(`consent.state.${state}`)}
    </span>
  );
}

/** A name as received, with a word when it holds characters that no font can show. */
export function Name({ text }: { text: string }) {
  const isRare = /[\u3013\uFFFD]/.test(text);
  return (
    <>
      {text}
      {isRare && (
        <span class="tag wait" title={t('app.rare')}>
          {t('app.rare')}
        </span>
      )}
    </>
  );
}
