// SPDX-License-Identifier: Apache-2.0
/* The recording in words: what it is, and what the device measured and said, labelled as the
 * device's. */
import { t } from '../../i18n/t.ts';
import { slashed } from '../../i18n/wareki.ts';
import type { Recording } from '../../waveform/recording.ts';
import { filtersOf, valuesOf } from './facts.ts';
import { elapsed } from './words.ts';

const NOTES_SHOWN = 100;
const LONG_MS = 60_000;

function Statements({ recording, kind }: { recording: Recording; kind: 'interpretation' | 'comment' }) {
  const list = recording.statements.filter((one) => one.kind === kind);
  if (list.length === 0) return null;
  return (
    <section>
      <h3>{t(kind === 'comment' ? 'wave.comments' : 'wave.interpretation')}</h3>
      {list.map(({ text }, at) => (
        <p key={at} class="w-text">
          {text}
        </p>
      ))}
    </section>
  );
}

export function Facts({ recording, onGo }: { recording: Recording; onGo: (ms: number) => void }) {
  const group = recording.groups[recording.group];
  const rates = [...new Set(recording.leads.filter(({ is_derived }) => !is_derived).map(({ rate_hz }) => rate_hz))];
  const names = (isDerived: boolean) => recording.leads.filter(({ is_derived }) => is_derived === isDerived).map(({ lead }) => lead).join(' ');
  const seconds = (group?.duration_ms ?? 0) / 1000;
  const facts: [string, string][] = [
    [t('wave.kind'), group?.label ?? ''],
    [t('wave.start'), slashed(recording.start).replace('T', ' ')],
    [t('wave.duration'), (group?.duration_ms ?? 0) > LONG_MS ? elapsed(group?.duration_ms ?? 0) : t('wave.seconds', { n: Math.round(seconds * 100) / 100 })],
    [t('wave.rate'), rates.filter((rate) => rate > 0).map((n) => t('wave.hz', { n: Math.round(n * 1000) / 1000 })).join(', ') || t('wave.no_time')],
    [t('wave.leads'), names(false)],
    [t('wave.derived'), names(true)],
    [t('wave.filter'), filtersOf(recording)],
    [t('wave.device'), recording.device],
  ];
  const notes = recording.annotations.slice(0, NOTES_SHOWN);
  const rest = recording.annotations.length - notes.length + recording.annotations_left_off;
  return (
    <div class="w-facts">
      <section>
        <h3>{t('wave.summary')}</h3>
        <dl>
          {facts.filter(([, value]) => value).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </section>
      {recording.values.length > 0 && (
        <section>
          <h3>{t('wave.values')}</h3>
          <dl>
            {valuesOf(recording).map(([name, value], at) => (
              <div key={at}>
                <dt>{name}</dt>
                <dd class="num">{value}</dd>
              </div>
            ))}
          </dl>
        </section>
      )}
      <Statements recording={recording} kind="interpretation" />
      <Statements recording={recording} kind="comment" />
      {notes.length > 0 && (
        <section>
          <h3>{t('wave.notes')}</h3>
          <ul class="w-notes">
            {notes.map(({ start_ms, text, lead, code }, at) => (
              <li key={at}>
                <button type="button" class="btn compact" onClick={() => onGo(start_ms - (group?.start_ms ?? 0))}>
                  <span class="num">{elapsed(start_ms)}</span> {[text || (code > 0 ? `[${code}]` : ''), lead].filter(Boolean).join(' ')}
                </button>
              </li>
            ))}
          </ul>
          {rest > 0 && <p class="small">{t('wave.notes.more', { n: rest })}</p>}
        </section>
      )}
    </div>
  );
}
