// SPDX-License-Identifier: Apache-2.0
/* Who is who on the server under test: from the demo's region.json, or from the mock, which
 * serves the same. Tests ask for a role ("somebody linked", "somebody not registered"), never
 * for a name. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { APIRequestContext } from '@playwright/test';

interface RegionPerson {
  star: boolean;
  name: string;
  kana: string;
  birth_day: string;
  sex: string;
  phone: string;
  records: { facility: string; number: string; link: string }[];
  consents: { state: string }[];
}
interface Region {
  facilities: { code: string; name: string; kind: string; has_gateway: boolean; is_away_at_start: boolean }[];
  staff: { login: string; password?: string; name: string; posts: { facility: string; profession: string }[] }[];
  password?: string;
  persons: RegionPerson[];
}

export interface World {
  login: string;
  password: string;
  clinic: string;
  isMock: boolean;
  /** With a confirmed number at the clinic and a consent. */
  linked: RegionPerson & { number: string };
  /** Another one, whose consent a test may withdraw. */
  withdrawing: RegionPerson & { number: string };
  /** Registered, but without a number at the clinic. */
  joining: RegionPerson | undefined;
  /** Nobody entered a number yet; known to a hospital that is connected. */
  unregistered: RegionPerson & { hospital: string; hospitalNumber: string };
}

async function readRegion(request: APIRequestContext): Promise<{ region: Region; isMock: boolean }> {
  const folder = process.env.TSUMUGI_DEMO_DIR;
  if (folder) {
    return { region: JSON.parse(readFileSync(join(folder, 'region.json'), 'utf8')) as Region, isMock: false };
  }
  const answer = await request.get('/mock/region.json');
  if (!answer.ok()) throw new Error('TSUMUGI_DEMO_DIR is needed for a server that is not the mock');
  return { region: (await answer.json()) as Region, isMock: true };
}

function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the region has no ${what}`);
  return value;
}

export async function readWorld(request: APIRequestContext): Promise<World> {
  const { region, isMock } = await readRegion(request);
  const kindOf = (code: string) => region.facilities.find((facility) => facility.code === code)?.kind;
  const doctor = must(
    region.staff.find(({ posts }) => {
      const [post, second] = posts;
      return post !== undefined && second === undefined && post.profession === 'doctor' && kindOf(post.facility) === 'clinic';
    }),
    'doctor of a clinic',
  );
  const clinic = doctor.posts[0]?.facility ?? '';
  const numberAt = (person: RegionPerson, facility: string) =>
    person.records.find((record) => record.facility === facility && record.link === 'confirmed')?.number;
  const isActive = (person: RegionPerson) => person.consents.at(-1)?.state === 'active';
  const stars = region.persons.filter((person) => person.star && isActive(person));
  const linked = stars.flatMap((person) => {
    const number = numberAt(person, clinic);
    return number ? [{ ...person, number }] : [];
  });
  const isConnected = (code: string) => {
    const facility = region.facilities.find((one) => one.code === code);
    return facility?.has_gateway === true && !facility.is_away_at_start;
  };
  const sameness = (person: RegionPerson) =>
    region.persons.filter((other) => other.kana === person.kana && other.birth_day === person.birth_day).length;
  const unregistered = region.persons.flatMap((person) => {
    const isUnknown = person.records.every((record) => record.link === 'none') && sameness(person) === 1;
    const record = person.records.find(({ facility }) => isConnected(facility));
    return isUnknown && record ? [{ ...person, hospital: record.facility, hospitalNumber: record.number }] : [];
  });
  return {
    login: doctor.login,
    password: doctor.password ?? region.password ?? '',
    clinic,
    isMock,
    linked: must(linked[0], 'linked person'),
    withdrawing: must(linked[1], 'second linked person'),
    joining: stars.find((person) => person.records.every((record) => record.facility !== clinic)),
    unregistered: must(unregistered[0], 'unregistered person'),
  };
}
