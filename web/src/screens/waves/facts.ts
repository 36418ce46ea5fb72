// SPDX-License-Identifier: Apache-2.0
/* What a recording says of itself, for the screen and for paper. */
import { t } from '../../i18n/t.ts';
import type { Recording } from '../../waveform/recording.ts';

const once = (list: string[]): string[] => [...new Set(list)].filter(Boolean);

export const filtersOf = (recording: Recording): string =>
  once([recording.filter, ...recording.leads.map(({ filter }) => filter)]).join(' / ') || t('wave.filter.none');

/** Devices write both; the caliper beside them says ms. */
const unitOf = (unit: string): string => (/^msec$/i.test(unit) ? 'ms' : unit);

export const valuesOf = (recording: Recording): [string, string][] =>
  recording.values.map(({ name, value, unit, lead }) => [[name, lead].filter(Boolean).join(' '), `${value} ${unitOf(unit)}`.trim()]);

/* Without a rate the samples themselves are counted. */
export function durationOf(recording: Recording): number {
  const told = recording.groups[recording.group]?.duration_ms ?? 0;
  return told > 0 ? told : Math.max(0, ...recording.leads.map(({ span }) => span));
}

/** Leads of which the paper's grid says nothing, and those that are not there. */
export function claimsOf({ leads }: Recording): { hasTime: boolean; unscaled: string; unsupported: string } {
  const list = (is: (lead: Recording['leads'][number]) => boolean) => leads.filter(is).map(({ lead }) => lead).join(' ');
  return {
    hasTime: leads.every(({ rate_hz }) => rate_hz > 0),
    unscaled: list(({ unit, is_supported }) => unit !== 'V' && is_supported),
    unsupported: list(({ is_supported }) => !is_supported),
  };
}
