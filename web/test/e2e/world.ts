// SPDX-License-Identifier: Apache-2.0
/* Who is who in the region under test, from its region.json. Tests ask for a role ("somebody
 * linked", "somebody not registered"), never for a name. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

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
  facilities: { code: string; name: string; kind: string; has_gateway: boolean; is_away_at_start: boolean; may_register: boolean }[];
  staff: { login: string; password?: string; name: string; posts: { facility: string; profession: string }[] }[];
  password?: string;
  persons: RegionPerson[];
}

interface Account {
  login: string;
  password: string;
}
type Known = RegionPerson & { number: string };

export interface World {
  /** Of a clinic without records of its own. */
  doctor: Account;
  /** A nurse there: searches are limited per person. */
  colleague: Account;
  /** Of another clinic, who has opened nobody yet. */
  newcomer: Account;
  /** Of a facility that may not register. */
  asker: Account;
  /** The name of the facility of `doctor` and `colleague`. */
  clinic: string;
  /** Of the hospital where `withdrawn` is a patient. */
  hospitalDoctor: Account;
  /** Facilities that answer. */
  connected: Set<string>;
  /** The hospital that is off at the start. */
  away: { code: string; name: string };
  /** A hospital that answers, for a test to switch off. */
  near: { code: string; name: string };
  /** With a confirmed number at the clinic and a consent. */
  linked: Known;
  /** Another one, whose consent a test may withdraw. */
  withdrawing: Known;
  /** With few entries, and a number at the hospital that is off. */
  waiting: Known;
  /** Withdrew long ago; the number at the hospital. */
  withdrawn: Known;
  /** Registered, but without a number at the clinic. */
  joining: RegionPerson | undefined;
  /** With a confirmed number at the clinic and none at the facility of `asker`. */
  offered: Known;
  /** Another one whom nobody registered. */
  requested: RegionPerson;
  /** Nobody entered a number yet; known to a hospital that is connected. */
  unregistered: RegionPerson & { hospital: string; hospitalNumber: string };
}

function readRegion(): Region {
  const folder = process.env.TSUMUGI_DEMO_DIR;
  if (!folder) throw new Error('TSUMUGI_DEMO_DIR is the folder of a running demo; tools/screens starts one');
  return JSON.parse(readFileSync(join(folder, 'region.json'), 'utf8')) as Region;
}

function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the region has no ${what}`);
  return value;
}

export function readWorld(): World {
  const region = readRegion();
  const kindOf = (code: string) => region.facilities.find((facility) => facility.code === code)?.kind;
  const staffOf = (profession: string, isTheirs: (facility: string) => boolean) =>
    region.staff.flatMap(({ login, password, posts }) => {
      const [post, second] = posts;
      const isOne = post !== undefined && second === undefined && post.profession === profession && isTheirs(post.facility);
      return isOne ? [{ login, password: password ?? region.password ?? '', facility: post.facility }] : [];
    });
  const [doctor, newcomer] = staffOf('doctor', (facility) => kindOf(facility) === 'clinic');
  const clinic = must(doctor, 'doctor of a clinic').facility;
  const colleague = staffOf('nurse', (facility) => facility === clinic)[0];

  const numberAt = (person: RegionPerson, facility: string) =>
    person.records.find((record) => record.facility === facility && record.link === 'confirmed')?.number;
  const stateOf = (person: RegionPerson) => person.consents.at(-1)?.state;
  const knownAt = (people: RegionPerson[], facility: string): Known[] =>
    people.flatMap((person) => {
      const number = numberAt(person, facility);
      return number ? [{ ...person, number }] : [];
    });
  const stars = region.persons.filter((person) => person.star && stateOf(person) === 'active');
  const linked = knownAt(stars, clinic);
  const hospitals = region.facilities.filter((facility) => facility.has_gateway);
  const connected = new Set(hospitals.filter(({ is_away_at_start }) => !is_away_at_start).map(({ code }) => code));
  const away = must(hospitals.find(({ is_away_at_start }) => is_away_at_start), 'hospital that is off');
  const sameness = (person: RegionPerson) =>
    region.persons.filter((other) => other.kana === person.kana && other.birth_day === person.birth_day).length;
  const unregistered = region.persons.flatMap((person) => {
    const isUnknown = person.records.every((record) => record.link === 'none') && sameness(person) === 1;
    const record = person.records.find(({ facility }) => connected.has(facility));
    return isUnknown && record ? [{ ...person, hospital: record.facility, hospitalNumber: record.number }] : [];
  });
  const asking = new Set(region.facilities.filter(({ may_register }) => !may_register).map(({ code }) => code));
  const [near = ''] = connected;
  const withdrawn = region.persons.filter((person) => stateOf(person) === 'withdrawn');
  return {
    doctor: must(doctor, 'doctor of a clinic'),
    colleague: must(colleague, 'nurse of the same clinic'),
    newcomer: must(newcomer, 'doctor of another clinic'),
    asker: must(
      region.staff.flatMap(({ login, password, posts }) => {
        return asking.has(posts[0]?.facility ?? '') ? [{ login, password: password ?? region.password ?? '' }] : [];
      })[0],
      'staff of a facility that may not register',
    ),
    clinic: must(region.facilities.find(({ code }) => code === clinic), 'clinic').name,
    hospitalDoctor: must(staffOf('doctor', (facility) => facility === near)[0], 'doctor of a hospital'),
    connected,
    away,
    near: must(hospitals.find(({ code }) => code === near), 'hospital that answers'),
    linked: must(linked[0], 'linked person'),
    withdrawing: must(linked[1], 'second linked person'),
    waiting: must(linked.find((person, at) => at > 1 && numberAt(person, away.code)), 'third linked person'),
    withdrawn: must(knownAt(withdrawn, near)[0], 'person who withdrew'),
    joining: stars.find((person) => person.records.every((record) => record.facility !== clinic)),
    offered: must(
      knownAt(region.persons, clinic).find(
        (person) =>
          stateOf(person) === 'active' && sameness(person) === 1 && !person.records.some(({ facility }) => asking.has(facility)),
      ),
      'person whom the asking facility does not have',
    ),
    requested: must(unregistered[1], 'second unregistered person'),
    unregistered: must(unregistered[0], 'unregistered person'),
  };
}
