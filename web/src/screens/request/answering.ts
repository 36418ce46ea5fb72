// SPDX-License-Identifier: Apache-2.0
/* A request that is being answered by registering: in memory only, for the registration's form. */
import { effect, signal } from '@preact/signals';
import { newKey } from '../../api/client.ts';
import { session } from '../../session.ts';
import { answerRequest, type RegistrationRequest } from './calls.ts';

export const answering = signal<RegistrationRequest | null>(null);
/** Registered, but the answer was refused: told where the request is shown. */
export const unanswered = signal<unknown>(undefined);

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
