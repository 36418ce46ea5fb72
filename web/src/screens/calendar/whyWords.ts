// SPDX-License-Identifier: Apache-2.0
import { behindWords } from '../../calendar/words.ts';
import { has, t } from '../../i18n/t.ts';
import { linkWords } from '../patient/linkWords.ts';
import type { Missing } from './missing.ts';

/** Why something is not to be seen, and what to do next. */
export function whyWords({ reason, since, cause, link }: Missing): { text: string; next: string } {
  if (reason === 'loading') return { text: t('fresh.loading.long'), next: '' };
  if (reason === 'behind') return { text: behindWords(since, cause), next: t('why.gateway_away.next') };
  const text = `why.${reason}.text`;
  const next = `why.${reason}.next`;
  if (!has(text) || !has(next)) return { text: t('why.other.text', { code: reason }), next: t('why.other.next') };
  return { text: link ? linkWords(link) : t(text), next: t(next) };
}
