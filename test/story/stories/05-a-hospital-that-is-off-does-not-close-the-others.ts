// SPDX-License-Identifier: Apache-2.0
import { freshness } from '../kit/step.ts';
import { shift } from '../kit/days.ts';
import {
  KAWABE, KEYAKI, MIYAMA, RINDO, choose, facilityName, hasActive, isLinkedAt, numberAt, passwordOf,
} from '../kit/plan.ts';
import { Hand, chipSays, facilityChip, goToCalendar, tab } from '../kit/screen.ts';
import { story } from '../kit/story.ts';
import { until } from '../kit/wait.ts';

await story('a hospital is off, and comes back', async (stage) => {
  const region = await stage.region();
  const plan = region.plan;
  const she = choose(plan, (person) => hasActive(person) && isLinkedAt(person, RINDO, KEYAKI, MIYAMA, KAWABE));
  const [rindo, keyaki, miyama] = [RINDO, KEYAKI, MIYAMA].map((code) => facilityName(plan, code)) as [string, string, string];

  const desk = await region.desk('kawabe');
  const found = await desk.find(numberAt(she, KAWABE));
  const person = await desk.person(found?.id ?? '');
  const link = person.body.links.find((one) => one.facility === desk.facility(MIYAMA).id);
  stage.same([link?.state, link?.reason], ['proposed', 'gateway_away'], 'the link to the hospital that is off stays proposed');
  const calendar = await desk.openCalendar(found?.id ?? '', shift(plan.today, -364), plan.today);
  const seen = new Set(calendar.body.marks.facility.map((index) => calendar.body.facilities[index]?.code));
  stage.check(calendar.status === 201 && seen.has(RINDO) && seen.has(KEYAKI) && !seen.has(MIYAMA),
    'the calendar opens with the others\' entries', [...seen]);

  const visit = await stage.visit(region);
  const { page } = visit;
  await visit.logIn('kawabe', passwordOf(plan, 'kawabe'));
  await goToCalendar(new Hand(page), numberAt(she, KAWABE));
  const marks = (name: string) => page.locator(`.m:not(.more)[aria-label*="${name}"], .bar[aria-label*="${name}"]`);
  await page.getByRole('group', { name: '表示の幅' }).getByRole('button', { name: '月', exact: true }).click();
  await marks(keyaki).first().waitFor();
  stage.check(await marks(rindo).count() > 0 && await marks(miyama).count() === 0, 'so does it on the screen');
  await chipSays(page, miyama, /確認待ち/, 10);
  stage.check(true, 'which says that the hospital has yet to confirm');
  await tab(page, '施設追加').click();
  const line = await page.locator('li.link', { hasText: miyama }).innerText();
  stage.check(line.includes('応答がありません') && /\d+:\d\d\s*から/.test(line), 'and why, and since when', line);
  await tab(page, 'カレンダー').click();
  await chipSays(page, keyaki, /時点/, 20);

  let loads = 0;
  page.on('framenavigated', (frame) => (loads += frame === page.mainFrame() && !frame.url().includes('/p/') ? 1 : 0));
  region.turn(KEYAKI, 'off');
  const words = await chipSays(page, keyaki, /\d+:\d\dから未反映/, 30);
  stage.note(words);
  stage.check(true, 'the open calendar says that a hospital is away now, and since when');
  stage.check(await marks(keyaki).count() > 0, 'what is known of it stays');
  const behind = await desk.openCalendar(found?.id ?? '', shift(plan.today, -30), plan.today);
  const fresh = freshness(desk, behind.body, KEYAKI);
  stage.check(behind.status === 201 && fresh?.state === 'behind' && (fresh.since ?? 0) > 0, 'so says the interface', fresh);

  region.turn(MIYAMA, 'on');
  region.turn(KEYAKI, 'on');
  await until('the hospital confirms the link', async () => {
    const { body } = await desk.person(found?.id ?? '');
    return body.links.find((one) => one.facility === desk.facility(MIYAMA).id)?.state === 'confirmed';
  }, 60, 200);
  stage.check(true, 'back again, it confirms the link');
  await marks(miyama).first().waitFor({ timeout: 60_000 });
  await chipSays(page, miyama, /時点/, 60);
  await chipSays(page, keyaki, /時点/, 60);
  stage.check(await facilityChip(page, miyama).isVisible(), 'its entries appear on the open calendar, in step');
  stage.same(loads, 0, 'without the page being loaded again');
});
