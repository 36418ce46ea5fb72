// SPDX-License-Identifier: Apache-2.0
/* What the screen says about the days in view. They change while scrolling: only these draw
 * again then, not the whole screen. */
import type { Signal } from '@preact/signals';
import { Link } from 'wouter-preact';
import type { CalendarModel, Mark } from '../../calendar/model.ts';
import { dayLabel } from '../../calendar/words.ts';
import { language, t } from '../../i18n/t.ts';
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

/** Nothing in view, or news beside it: where to go. */
export function Beside(props: { model: CalendarModel; days: Days; onDay: (day: number) => void; onMark: (mark: Mark) => void }) {
  const { model, days, onDay, onMark } = props;
  const [from, to] = days.value;
  const hint = to > 0 ? model.nearestBefore(from, to) : null;
  const outside = model.news().filter((mark) => mark.day < from || mark.day > to);
  const newest = outside.at(-1);
  return (
    <>
      {hint && (
        <button type="button" class="btn compact cal-hint" onClick={() => onDay(hint.day)}>
          <Icon name="left" />
          {hint.isKnown ? t('cal.hint', { day: dayLabel(hint.day, language.value) }) : t('cal.hint.older')}
        </button>
      )}
      {newest && (
        <button
          type="button"
          class="btn compact primary cal-hint cal-news"
          aria-label={t('cal.news_outside.label', { n: outside.length })}
          onClick={() => onMark(newest)}
        >
          {t('cal.news_outside', { n: outside.length })}
        </button>
      )}
    </>
  );
}
