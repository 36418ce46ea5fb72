// SPDX-License-Identifier: Apache-2.0
/* A request that is being answered by registering: in memory only, for the registration's form. */
import { effect, signal } from '@preact/signals';
import { newKey } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { longDay } from '../../i18n/wareki.ts';
import { session } from '../../session.ts';
import { answerRequest, type RegistrationRequest } from './calls.ts';

export const answering = signal<RegistrationRequest | null>(null);
/** Registered, but the answer was refused: told where the request is shown. */
export const unanswered = signal<unknown>(undefined);

/** Who explained and obtained the consent, or that it is still to be obtained. */
export function heldWords({ consent }: RegistrationRequest): string {
  if (!consent) return t('request.consent.asked');
  const channel = t(`channel.${consent.channel}`);
  return t('request.consent.held.by', { day: longDay(consent.day), name: consent.explained_by, channel });
}

/** Accepts with the person; the place to go to then. */
export async function accept(request: RegistrationRequest, person: string, place: string): Promise<string> {
  try {
    await answerRequest(request.id, { verdict: 'accepted', person }, newKey());
    return place;
  } catch (failure) {
    unanswered.value = failure;
    return `/requests/${request.id}`;
  }
}

effect(() => {
  if (session.value !== null) return;
  answering.value = null;
  unanswered.value = undefined;
});
