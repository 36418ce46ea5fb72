// SPDX-License-Identifier: Apache-2.0
/* Amounts and rates as they are read aloud. */
import { t, type Key } from '../../i18n/t.ts';

export const amount = (value?: string, unit?: string) => (value ? `${value}${unit ?? ''}` : '');

/* HL7 says "per time" as H1, M30 …; many units say it already (mL/h, ミリリットル／時間). */
const TIMES: Record<string, Key> = { S: 'rate.S', M: 'rate.M', H: 'rate.H', D: 'rate.D' };
export function rateOf({ rate, rate_unit: unit, rate_per: per }: Record<string, string | undefined>): string {
  if (!rate) return '';
  const said = amount(rate, unit);
  if (!per || /[/／]/.test(unit ?? '')) return said;
  const [, letter = '', n = ''] = /^([SMHD])(\d*)$/.exec(per) ?? [];
  const key = TIMES[letter];
  return key ? t(key, { rate: said, n: n === '1' ? '' : n }) : `${said}/${per}`;
}
