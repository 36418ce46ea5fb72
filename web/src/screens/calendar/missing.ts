// SPDX-License-Identifier: Apache-2.0
/* What the calendar does not show although it may be there: refusals of the gate, and what has
 * not arrived. */
import type { Link, Person } from '../../api/client.ts';
import type { CalendarModel } from '../../calendar/model.ts';

export interface Missing {
  /** Empty: whatever others have. */
  facility: string;
  kinds: string[];
  /** A reason of the gate, or where the data stands. */
  reason: string;
  since: number | null;
  /** Of what is behind: what the facility's server says of itself. */
  cause: string | null | undefined;
  /** Whose number waits. */
  link: Link | undefined;
}

/* Without a consent nothing of others comes, whatever else may be missing. */
function consentMissing({ consent }: Person): Missing[] {
  if (consent === 'active') return [];
  const reason = consent === 'none' ? 'no_consent' : `consent_${consent}`;
  return [{ facility: '', kinds: [], reason, since: null, cause: null, link: undefined }];
}

export function missingOf(model: CalendarModel, person: Person): Missing[] {
  const isCovered = (reason: string) => person.consent !== 'active' && /consent/.test(reason);
  const refused = model.refusals.filter(({ reason }) => !isCovered(reason)).map(({ facility, kinds, reason }): Missing => ({
    facility,
    kinds,
    reason,
    since: null,
    cause: null,
    link: reason === 'link_proposed' ? person.links.find((one) => one.facility === facility) : undefined,
  }));
  const late = model.freshness.flatMap(({ facility, state, since, reason }): Missing[] =>
    state === 'behind' || state === 'loading' ? [{ facility, kinds: [], reason: state, since, cause: reason, link: undefined }] : []);
  return [...consentMissing(person), ...refused, ...late];
}
