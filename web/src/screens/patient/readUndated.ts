// SPDX-License-Identifier: Apache-2.0
/* Allergies and problems for the banner where no calendar told of them: a calendar of today is
 * opened (and audited) for them, and given back at once. Quiet where that may not be. */
import { api, closeOpening } from '../../api/client.ts';
import { session } from '../../session.ts';
import { undated } from './undated.ts';

export async function readUndated(person: string, signal: AbortSignal): Promise<void> {
  const today = session.value?.today;
  if (!today) return;
  try {
    const opened = await api.openCalendar(person, today, today);
    closeOpening(opened.opening);
    const found = opened.undated.map((one) => ({ ...one, facility: opened.facilities[one.facility]?.id ?? '' }));
    if (!signal.aborted) undated.value ??= found;
  } catch {
    // the pictures say for themselves what may not be seen
  }
}
