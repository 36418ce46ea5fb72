// SPDX-License-Identifier: Apache-2.0
/* region.json: what there is in truth. */
import { readFileSync } from 'node:fs';

export interface Counted { type: string; current: number; replaced: number; deleted: number; parts: number }
export interface PlannedRecord {
  facility: string;
  number: string;
  name: string;
  kana: string;
  trap: string | null;
  link: 'confirmed' | 'proposed' | 'none';
  first_day: string;
  counts: Counted[];
  documents: { kind: string; current: number; replaced: number; deleted: number }[];
}
export interface PlannedPerson {
  key: string;
  star: boolean;
  name: string;
  kana: string;
  birth_day: string;
  sex: 'M' | 'F';
  phone: string;
  records: PlannedRecord[];
  consents: { form: string; state: string; facilities: string[] }[];
}
export interface PlannedFacility {
  code: string;
  name: string;
  kind: string;
  has_gateway: boolean;
  is_away_at_start: boolean;
}
export interface PlannedStaff {
  login: string;
  password: string;
  name: string;
  posts: { facility: string; profession: string; role: string }[];
}
export interface Fault { kind: string; expected: string; facility: string; number: string; day: string; path: string }
export interface Plan {
  today: string;
  facilities: PlannedFacility[];
  staff: PlannedStaff[];
  persons: PlannedPerson[];
  faults: Fault[];
}

export const RINDO = '9911000011';
export const KEYAKI = '9911000029';
export const MIYAMA = '9911000037';
export const KAWABE = '9911000045';
export const SUZUKAKE = '9911000053';
export const TSUBASA = '9914000066';

export function readPlan(directory: string): Plan {
  return JSON.parse(readFileSync(`${directory}/region.json`, 'utf8')) as Plan;
}

export function recordAt(person: PlannedPerson, facility: string): PlannedRecord | undefined {
  return person.records.find((record) => record.facility === facility);
}

export function numberAt(person: PlannedPerson, facility: string): string {
  const record = recordAt(person, facility);
  if (!record) throw new Error(`${person.key} has no number at ${facility}`);
  return record.number;
}

/** The first person for whom it holds. */
export function choose(plan: Plan, holds: (person: PlannedPerson) => boolean): PlannedPerson {
  const found = plan.persons.find(holds);
  if (!found) throw new Error('nobody in the region is like that');
  return found;
}

export const hasActive = (person: PlannedPerson, form = 'comprehensive'): boolean => {
  const last = person.consents.at(-1);
  return last?.state === 'active' && last.form === form;
};

export const isLinkedAt = (person: PlannedPerson, ...facilities: string[]): boolean =>
  facilities.every((facility) => recordAt(person, facility)?.link === 'confirmed');

export const facilityName = (plan: Plan, code: string): string =>
  plan.facilities.find((one) => one.code === code)?.name ?? '';

export const passwordOf = (plan: Plan, login: string): string =>
  plan.staff.find((one) => one.login === login)?.password ?? '';
