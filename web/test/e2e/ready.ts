// SPDX-License-Identifier: Apache-2.0
/* Before the first test: the hospitals that are on have confirmed the numbers of the people the
 * tests open, and have published what they hold of them. */
import { request, type APIRequestContext, type FullConfig } from '@playwright/test';
import { readWorld } from './world.ts';

const DEADLINE_MS = 300_000; // two regions may begin at once on two cores

interface Link {
  facility: string;
  state: string;
}
interface Calendar {
  opening: string;
  freshness: { facility: string; state: string }[];
}

/* Whom one still waits for; nobody = ready. */
async function missing(api: APIRequestContext, person: string, connected: Set<string>, token: string): Promise<string[]> {
  const { links } = (await (await api.get(`/api/v1/persons/${person}`)).json()) as { links: Link[] };
  const theirs = links.filter((link) => connected.has(link.facility));
  const open = theirs.filter((link) => link.state !== 'confirmed');
  if (open.length > 0) return open.map((link) => `${link.facility} link ${link.state}`);
  const headers = { 'X-CSRF-Token': token };
  const today = new Date().toISOString().slice(0, 10);
  const answer = await api.post(`/api/v1/persons/${person}/calendar-openings`, { headers, data: { from: today, to: today } });
  const { opening, freshness } = (await answer.json()) as Calendar;
  await api.delete(`/api/v1/openings/${opening}`, { headers });
  return theirs
    .map((link) => `${link.facility} ${freshness.find((one) => one.facility === link.facility)?.state ?? 'unknown'}`)
    .filter((one) => !one.endsWith(' in_step'));
}

export default async function ready({ projects }: FullConfig): Promise<void> {
  const baseURL = projects[0]?.use.baseURL ?? '';
  const world = readWorld();
  const api = await request.newContext({ baseURL, extraHTTPHeaders: { Origin: baseURL } });
  const { login, password } = world.doctor;
  const session = (await (await api.post('/api/v1/session', { data: { login, password } })).json()) as { csrf: string };
  const { facilities } = (await (await api.get('/api/v1/facilities')).json()) as { facilities: { id: string; code: string }[] };
  const connected = new Set(facilities.filter(({ code }) => world.connected.has(code)).map(({ id }) => id));
  for (const { number } of [world.linked, world.withdrawing]) {
    const answer = await api.post('/api/v1/persons/searches', { headers: { 'X-CSRF-Token': session.csrf }, data: { own_number: number } });
    const { persons } = (await answer.json()) as { persons: { id: string }[] };
    const until = Date.now() + DEADLINE_MS;
    for (;;) {
      const waiting = await missing(api, persons[0]?.id ?? '', connected, session.csrf);
      if (waiting.length === 0) break;
      if (Date.now() > until) throw new Error(`the hospitals did not publish ${number}: ${waiting.join(', ')}`);
      await new Promise((done) => setTimeout(done, 500));
    }
  }
  await api.delete('/api/v1/session', { headers: { 'X-CSRF-Token': session.csrf } });
  await api.dispose();
}
