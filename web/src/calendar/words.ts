// SPDX-License-Identifier: Apache-2.0
/* What stands and is read out in the calendar, in words. */
import { has, t, word } from '../i18n/t.ts';
import { dayParts, instantText, weekday } from '../i18n/wareki.ts';
import { Flag } from './model.ts';

export const WEEKDAYS = {
  ja: ['月', '火', '水', '木', '金', '土', '日'],
  en: ['Mo', 'Tu', 'We', 'Th', 'Fr', 'Sa', 'Su'],
};
export const HOLIDAY = { ja: '祝', en: 'Ho' };
/** The law's names are Japanese. */
export const holidayName = (name: string, language: 'ja' | 'en') => (language === 'ja' ? name : 'Public holiday');

export function dayLabel(day: number, language: 'ja' | 'en'): string {
  const { month, day: date } = dayParts(day);
  return t('cal.day_label', { month, date, weekday: WEEKDAYS[language][weekday(day)] ?? '' });
}

/* Of several entries behind one mark, some may be so and others not. */
export const OF_SOME = Flag.Cancelled | Flag.Planned | Flag.Ordered | Flag.Incomplete;

/** The words of a mark's flags. */
export function flagWords(flags: number, count = 1): string[] {
  return Object.values(Flag)
    .filter((flag) => flags & flag)
    .map((flag) => {
      const name = word('flag', String(flag));
      return count > 1 && flag & OF_SOME ? t('flag.some', { flag: name }) : name;
    });
}

/** Why a row may be missing something of a facility. */
export function gapWords(name: string, state: 'loading' | 'behind' | 'waiting' | 'refused', since: number | null): string {
  if (state === 'behind') {
    return since === null
      ? t('fresh.row.behind.unknown', { name })
      : t('fresh.row.behind', { name, when: clockOf(since) });
  }
  return t(`fresh.row.${state}`, { name });
}
const clock = new Intl.DateTimeFormat('ja-JP', {
  month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit', timeZone: 'Asia/Tokyo',
});
function clockOf(ms: number): string {
  return clock.format(ms);
}

/** Since when something of a facility is missing: it does not answer, or cannot read its own. */
export function behindWords(since: number | null, cause: string | null | undefined): string {
  const when = since === null ? '' : instantText(since);
  const why = `fresh.why.${cause}`;
  if (!has(why)) return when ? t('fresh.behind.long', { when }) : t('fresh.behind.unknown.long');
  return t(why) + (when ? t('fresh.after', { when }) : t('fresh.after.unknown'));
}
