// SPDX-License-Identifier: Apache-2.0
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { Facility } from '../../api/client.ts';
import { loadWords } from '../../i18n/t.ts';
import type { Draft } from './registration.ts';

// the client is made for where the page came from
vi.stubGlobal('location', { origin: 'http://localhost' });
const { checkStep, draftOf, placeAfter, registrationOf } = await import('./registration.ts');

const TODAY = '2026-04-01';
const facility = (id: string) => ({ id, name: id }) as Facility;
const own = facility('own');
const other = facility('other');
const full: Draft = {
  ...draftOf(null),
  personal: { name: '飯田 花子', kana: 'イイダ ハナコ', sex: 'F', phone: '' },
  birth: { text: '1950-01-31', era: '' },
  numbers: { own: ' １２３ ', other: '' },
};
const wrong = (step: number, change: Partial<Draft>) => Object.keys(checkStep(step, { ...full, ...change }, TODAY, own, [other]));

beforeAll(() => loadWords('register'));

describe('a step of a registration', () => {
  it('of the consent wants it to be explained', () => {
    expect(wrong(0, {})).toEqual(['consent-explained']);
    expect(wrong(0, { consent: { ...full.consent, isExplained: true } })).toEqual([]);
  });
  it('of the person tells what is missing in the order of the fields', () => {
    expect(wrong(1, {})).toEqual([]);
    expect(wrong(1, { personal: draftOf(null).personal, birth: { text: '', era: '' } })).toEqual([
      'person-name', 'person-kana', 'person-birth', 'person-sex',
    ]);
  });
  it('of the numbers wants the own one, and the others only right', () => {
    expect(wrong(2, {})).toEqual([]);
    expect(wrong(2, { numbers: {} })).toEqual(['number-own']);
    expect(wrong(2, { numbers: { own: '1', other: '１２ ３' } })).toEqual(['number-other']);
  });
  it('of the rights wants a facility', () => {
    expect(wrong(3, {})).toEqual(['consent-facilities']);
  });
});

describe('what is sent', () => {
  it('holds the numbers that were told, in half width', () => {
    expect(registrationOf(full, TODAY, [own, other], false)).toMatchObject({
      name: '飯田 花子', birth_date: '1950-01-31', numbers: [{ facility: 'own', number: '123' }],
    });
  });
  it('says of nobody that he is new, unless a person said it', () => {
    expect(registrationOf(full, TODAY, [own], false)).not.toHaveProperty('is_new_person');
    expect(registrationOf(full, TODAY, [own], true)).toHaveProperty('is_new_person', true);
  });
  it('is nothing without a birthday', () => {
    expect(registrationOf({ ...full, birth: { text: 'x', era: '' } }, TODAY, [own], false)).toBeUndefined();
  });
});

it('numbers that need a person lead to their states, everything else to the calendar', () => {
  const link = { state: 'active', reason: null };
  expect(placeAfter({ id: 'p', own_number: '1', links: [link] })).toBe('/p/p/calendar');
  expect(placeAfter({ id: 'p', own_number: null, links: [] })).toBe('/p/p/link');
  expect(placeAfter({ id: 'p', own_number: '1', links: [{ ...link, state: 'refused' }] })).toBe('/p/p/link');
  expect(placeAfter({ id: 'p', own_number: '1', links: [{ ...link, reason: 'mismatch' }] })).toBe('/p/p/link');
});
