// SPDX-License-Identifier: Apache-2.0
/* What is written down when another facility is asked to register somebody: how it begins, what
 * is wrong with it, what is sent. */
import type { Channel, Sex } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { parseDay } from '../../i18n/parseDay.ts';
import { session } from '../../session.ts';
import { dayError, readDay, type DayValue } from '../../ui/DayField.tsx';
import type { Errors } from '../../ui/errors.ts';
import { check, number as numberSchema, personal as personalSchema } from '../patient/schema.ts';
import type { RequestInput } from './calls.ts';

export interface Draft {
  asked: string;
  wanted: string;
  number: string;
  name: string;
  kana: string;
  sex: Sex | '';
  who: 'held' | 'ask' | '';
  channel: Channel;
  day: string;
  explainedBy: string;
  message: string;
}

export const newDraft = (today: string): Draft => ({
  asked: '', wanted: '', number: '', name: '', kana: '', sex: '', who: '', channel: 'paper', day: today,
  explainedBy: session.value?.staff.name ?? '', message: '',
});

function consentErrors(draft: Draft, today: string): Errors {
  const errors: Errors = {};
  if (draft.who === '') errors['request-who'] = t('request.consent.missing');
  if (draft.who !== 'held') return errors;
  if (!parseDay(draft.day, undefined, today).ok) errors['request-day'] = t('request.consent.day.missing');
  if (draft.explainedBy.trim() === '') errors['request-explained'] = t('request.consent.explained.missing');
  return errors;
}

/** What is wrong with it, in the order of the fields. */
export function checkRequest(draft: Draft, birth: DayValue, today: string): Errors {
  const number = check(numberSchema, draft.number, '').errors[''];
  const person = check(personalSchema, { ...draft, phone: '' }, 'request-').errors;
  const birthday = dayError(readDay(birth, today), birth);
  const { 'request-name': name, 'request-kana': kana, 'request-sex': sex } = person;
  return {
    ...(draft.asked ? {} : { 'request-asked': t('request.asked.missing') }),
    ...(number ? { 'request-number': number } : {}),
    ...(name ? { 'request-name': name } : {}),
    ...(kana ? { 'request-kana': kana } : {}),
    ...(birthday ? { 'request-birth': birthday } : {}),
    ...(sex ? { 'request-sex': sex } : {}),
    ...consentErrors(draft, today),
  };
}

/** What is sent; `birth` is the day that was read. */
export function inputOf(draft: Draft, birth: string): RequestInput {
  const given = parseDay(draft.day, undefined, session.value?.today);
  const person = check(personalSchema, { ...draft, phone: '' }, '').output;
  const message = draft.message.trim();
  return {
    asked: draft.asked,
    ...(draft.wanted ? { wanted: draft.wanted } : {}),
    number: draft.number.trim().normalize('NFKC'),
    name: person?.name ?? draft.name,
    kana: person?.kana ?? draft.kana,
    birth_date: birth,
    sex: draft.sex as Sex,
    ...(draft.who === 'held'
      ? {
          consent: {
            form: session.value?.network.consent_model ?? 'comprehensive',
            channel: draft.channel,
            day: given.ok ? given.day : draft.day,
            explained_by: draft.explainedBy.trim(),
          },
        }
      : {}),
    ...(message ? { message } : {}),
  };
}
