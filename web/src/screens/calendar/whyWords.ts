// SPDX-License-Identifier: Apache-2.0
import { has, t } from '../../i18n/t.ts';
import { instantText } from '../../i18n/wareki.ts';
import { linkWords } from '../patient/linkWords.ts';
import type { Missing } from './missing.ts';

/** Why something is not to be seen, and what to do next. */
export function whyWords({ reason, since, link }: Missing): { text: string; next: string } {
  if (reason === 'loading') return { text: t('fresh.loading.long'), next: '' };
  if (reason === 'behind') {
    const when = since === null ? '' : instantText(since);
    return {
      text: when ? t('fresh.behind.long', { when }) : t('fresh.behind.unknown.long'),
      next: t('why.gateway_away.next'),
    };
  }
  const text = `why.${reason}.text`;
  const next = `why.${reason}.next`;
  if (!has(text) || !has(next)) return { text: t('why.other.text', { code: reason }), next: t('why.other.next') };
  return { text: link ? linkWords(link) : t(text), next: t(next) };
}
