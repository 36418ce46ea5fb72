// SPDX-License-Identifier: Apache-2.0
/* What is written down while a person is registered: how it begins, what is wrong with a step of
 * it, what is sent, and where to go afterwards. */
import type { Facility, Registration } from '../../api/client.ts';
import { t, type Key } from '../../i18n/t.ts';
import { longDay } from '../../i18n/wareki.ts';
import { facilitiesOf, session } from '../../session.ts';
import { NO_DAY, dayError, readDay, type DayValue } from '../../ui/DayField.tsx';
import type { Errors } from '../../ui/errors.ts';
import { NEW_CONSENT, checkConsent, checkFacilities, consentInput, type ConsentDraft } from '../consent/ConsentForm.tsx';
import type { RegistrationRequest } from '../request/calls.ts';
import type { PersonDraft } from './PersonFields.tsx';
import { check, number as numberSchema, personal as personalSchema } from './schema.ts';

export const COMPREHENSIVE: Key[] = ['wizard.consent', 'wizard.personal', 'wizard.numbers'];
export const SPECIFIC: Key[] = [...COMPREHENSIVE, 'wizard.rights'];

export interface Draft {
  consent: ConsentDraft;
  personal: PersonDraft & { phone: string };
  birth: DayValue;
  /** By facility. */
  numbers: Record<string, string>;
}

const NOBODY: Draft['personal'] = { name: '', kana: '', sex: '', phone: '' };

/* What a request says is filled in; that it was explained is still for the person here to confirm. */
function consentOf(request: RegistrationRequest | null): ConsentDraft {
  if (!request) return NEW_CONSENT;
  const facilities = [request.asker, request.wanted].filter((id) => id !== session.value?.post.facility.id);
  const held = request.consent;
  if (!held) return { ...NEW_CONSENT, facilities };
  const facility = facilitiesOf([request.asker])[0]?.name ?? '';
  const note = t('request.register.note', { facility, day: longDay(held.day), name: held.explained_by });
  return { ...NEW_CONSENT, facilities, channel: held.channel, note };
}

export const draftOf = (request: RegistrationRequest | null): Draft => ({
  consent: consentOf(request),
  personal: request ? { ...NOBODY, name: request.name, kana: request.kana, sex: request.sex } : NOBODY,
  birth: request ? { ...NO_DAY, text: request.birth_date } : NO_DAY,
  numbers: {},
});

function checkPersonal({ personal, birth }: Draft, today: string): Errors {
  const { 'person-name': name, 'person-kana': kana, ...rest } = check(personalSchema, personal, 'person-').errors;
  const birthday = dayError(readDay(birth, today), birth);
  // in the order of the fields
  return {
    ...(name ? { 'person-name': name } : {}),
    ...(kana ? { 'person-kana': kana } : {}),
    ...(birthday ? { 'person-birth': birthday } : {}),
    ...rest,
  };
}

/* The own facility's number must be there; of the others those that are known. */
function checkNumbers(numbers: Draft['numbers'], own: Facility | undefined, others: Facility[]): Errors {
  const errors: Errors = {};
  for (const facility of own ? [own, ...others] : others) {
    const value = numbers[facility.id] ?? '';
    if (value.trim() === '' && facility.id !== own?.id) continue;
    const wrong = check(numberSchema, value, '').errors[''];
    if (wrong) errors[`number-${facility.id}`] = wrong;
  }
  return errors;
}

/** What is wrong with a step; `others` are the facilities that the step of numbers shows. */
export function checkStep(step: number, draft: Draft, today: string, own: Facility | undefined, others: Facility[]): Errors {
  if (step === 0) return checkConsent(draft.consent);
  if (step === 1) return checkPersonal(draft, today);
  if (step === 3) return checkFacilities(draft.consent);
  return checkNumbers(draft.numbers, own, others);
}

/** What is sent; nothing while it cannot be. */
export function registrationOf(
  draft: Draft, today: string, facilities: Facility[], isNew: boolean,
): Registration | undefined {
  const checked = check(personalSchema, draft.personal, 'person-').output;
  const parsed = readDay(draft.birth, today);
  if (!checked || !parsed.ok) return undefined;
  const { phone, ...rest } = checked;
  return {
    ...rest,
    ...(phone ? { phone } : {}),
    birth_date: parsed.day,
    consent: consentInput(draft.consent),
    numbers: facilities
      .map((facility) => ({ facility: facility.id, number: (draft.numbers[facility.id] ?? '').trim().normalize('NFKC') }))
      .filter((line) => line.number !== ''),
    ...(isNew ? { is_new_person: true } : {}),
  };
}

/** Numbers that need a person's attention lead to the states, everything else to the calendar. */
export function placeAfter(person: { id: string; own_number: string | null; links: { state: string; reason: string | null }[] }): string {
  const needsCare = person.links.some(
    (link) => link.state === 'refused' || ['mismatch', 'not_found', 'held'].includes(link.reason ?? ''),
  );
  return person.own_number === null || needsCare ? `/p/${person.id}/link` : `/p/${person.id}/calendar`;
}
