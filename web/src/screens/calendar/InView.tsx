// SPDX-License-Identifier: Apache-2.0
/* What the screen says about the days in view. They change while scrolling: only these draw
 * again then, not the whole screen. */
import type { Signal } from '@preact/signals';
import { Link } from 'wouter-preact';
import { t } from '../../i18n/t.ts';
import { dayParts } from '../../i18n/wareki.ts';
import { Icon } from '../../ui/Icon.tsx';
import { printAddress } from './address.ts';

/** First and last day; 0, 0 until something is in view. */
export type Days = Signal<[number, number]>;

export function Range({ days }: { days: Days }) {
  const [from, to] = days.value;
  if (to === 0) return null;
  const a = dayParts(from);
  const b = dayParts(to);
  const end = a.year === b.year ? `${b.month}/${b.day}` : `${b.year}/${b.month}/${b.day}`;
  return <span class="range">{t('cal.range', { from: `${a.year}/${a.month}/${a.day}`, to: end })}</span>;
}

export function PrintLink({ person, days, hidden }: { person: string; days: Days; hidden: Set<string> }) {
  return (
    <Link href={printAddress(person, days.value, hidden)} class="btn tool compact icon">
      <Icon name="print" />
      <span class="sr">{t('cal.print')}</span>
    </Link>
  );
}
