// SPDX-License-Identifier: Apache-2.0
import type { CalendarModel, Mark } from '../../calendar/model.ts';
import { dayLabel } from '../../calendar/words.ts';
import { language, t } from '../../i18n/t.ts';
import { Icon } from '../../ui/Icon.tsx';
import type { Days } from './InView.tsx';

export interface BesideProps {
  model: CalendarModel;
  days: Days;
  onDay: (day: number) => void;
  onMark: (mark: Mark) => void;
}

/** Nothing in view, or news beside it: where to go. */
export function Beside({ model, days, onDay, onMark }: BesideProps) {
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
