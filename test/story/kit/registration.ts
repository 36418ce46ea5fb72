// SPDX-License-Identifier: Apache-2.0
import type { Desk } from './desk.ts';
import { numberAt, type PlannedPerson } from './plan.ts';

/** 患者登録 under comprehensive consent, with the person's numbers at the named facilities. */
export function registration(desk: Desk, person: PlannedPerson, facilities: string[], other: object = {}): object {
  return {
    name: person.name, kana: person.kana, birth_date: person.birth_day, sex: person.sex,
    consent: { form: 'comprehensive', channel: 'paper', giver: 'self' },
    numbers: facilities.map((code) => ({ facility: desk.facility(code).id, number: numberAt(person, code) })),
    ...other,
  };
}
