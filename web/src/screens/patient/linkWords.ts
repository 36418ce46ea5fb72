// SPDX-License-Identifier: Apache-2.0
import type { Link } from '../../api/client.ts';
import { has, t } from '../../i18n/t.ts';
import { session } from '../../session.ts';

export function linkTone(link: Link): string {
  if (link.state === 'confirmed') return 'good';
  if (link.state === 'refused' || link.reason === 'mismatch') return 'bad';
  return link.state === 'ended' ? '' : 'wait';
}

/** Why the own number waits, for the staff who confirms it. */
export function ownSuspendedWords(link: Link): string {
  const byReason = `link.own.${link.reason ?? ''}`;
  return has(byReason) ? t(byReason, { number: link.number ?? '', new: link.successor ?? '' }) : t('link.own.number_ended');
}

/** Where the number stands and what to do about it. */
export function linkWords(link: Link): string {
  const byReason = `link.words.${link.reason ?? ''}`;
  if (link.state === 'suspended' && link.facility === session.value?.post.facility.id) return ownSuspendedWords(link);
  if (link.state !== 'confirmed' && has(byReason)) return t(byReason);
  const isOwn = link.facility === session.value?.post.facility.id;
  return isOwn && link.state === 'confirmed' ? t('link.words.own') : t(`link.words.${link.state}`);
}

/** Asking again helps only where the answer may have changed. */
export function canRetry(link: Link): boolean {
  return link.state === 'proposed' && link.reason !== 'mismatch';
}
