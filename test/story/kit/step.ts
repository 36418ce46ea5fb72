// SPDX-License-Identifier: Apache-2.0
/* Waiting until the centre knows what the hospitals have. */
import { shift } from './days.ts';
import type { Calendar, Desk, Facility } from './desk.ts';
import { KAWABE, KEYAKI, RINDO, SUZUKAKE, TSUBASA, isLinkedAt, numberAt, type PlannedPerson } from './plan.ts';
import type { Region } from './region.ts';
import { until } from './wait.ts';

/** Who looks from where: a doctor's login by facility. */
export const DOCTORS: Record<string, string> = { [KAWABE]: 'kawabe', [SUZUKAKE]: 'suzukake', [TSUBASA]: 'tsubasa' };

/** Freshness of a facility, by its code, in an open calendar. */
export function freshness(desk: Desk, calendar: Calendar, code: string): Calendar['freshness'][number] | undefined {
  return calendar.freshness.find((one) => one.facility === desk.facility(code).id);
}

export async function waitForStep(desk: Desk, person: string, codes: string[], seconds = 90): Promise<Calendar> {
  const today = desk.session?.today ?? '';
  return until(`${codes.join()} in step`, async () => {
    const { status, body } = await desk.openCalendar(person, shift(today, -364), today);
    if (status !== 201) return undefined;
    await desk.ask('DELETE', `/api/v1/openings/${body.opening}`);
    return codes.every((code) => freshness(desk, body, code)?.state === 'in_step') ? body : undefined;
  }, seconds, 500);
}

/** The hospitals that are on have dialled the centre and looked through their storages: the
 * centre's page is there before, and until then a number they do not know is no answer. */
export async function waitUntilConnected(region: Region): Promise<void> {
  const desk = await region.desk('kawabe');
  await until('the hospitals are connected', async () => {
    const { body } = await desk.get<{ facilities: Facility[] }>('/api/v1/facilities');
    return region.hospitals().every((code) => body.facilities.some((one) => one.code === code && one.is_connected));
  });
  await waitUntilKnown(region);
}

export async function waitUntilKnown(region: Region): Promise<void> {
  await until('the hospitals know their storages', () => region.hospitalsKnowTheirStorage());
}

/** Every person that can be seen from the clinics is in step with the hospitals that are on. */
export async function waitUntilInStep(region: Region): Promise<void> {
  const { persons } = region.plan;
  for (const [clinic, login] of Object.entries(DOCTORS)) {
    const desk = await region.desk(login);
    const own = persons.filter((person) => isLinkedAt(person, clinic) && person.consents.at(-1)?.state === 'active');
    for (const person of own.slice(0, 18)) await waitForPerson(desk, person, clinic);
  }
}

async function waitForPerson(desk: Desk, person: PlannedPerson, clinic: string): Promise<void> {
  const consent = person.consents.at(-1);
  const isCovered = (code: string) => consent?.form === 'comprehensive'
    || (consent?.facilities.includes(code) === true && consent.facilities.includes(clinic));
  const codes = [RINDO, KEYAKI].filter((code) => isLinkedAt(person, code) && isCovered(code));
  const found = await desk.find(numberAt(person, clinic));
  if (!found) throw new Error(`${person.key} is not found at ${clinic}`);
  try {
    await waitForStep(desk, found.id, codes);
  } catch (failure) {
    throw new Error(`${person.key} seen from ${clinic}`, { cause: failure });
  }
}
