// SPDX-License-Identifier: Apache-2.0
import { readAudit } from '../kit/audit.ts';
import { KAWABE, KEYAKI, RINDO, choose, facilityName, hasActive, isLinkedAt, numberAt, passwordOf } from '../kit/plan.ts';
import { Hand, findInCalendar, goToCalendar, mark, panelText, tab } from '../kit/screen.ts';
import { story } from '../kit/story.ts';
import { Tree } from '../kit/tree.ts';
import { until } from '../kit/wait.ts';

await story('a hospital joins a linked number into another', async (stage) => {
  const region = await stage.region();
  const plan = region.plan;
  const she = choose(plan, (person) => hasActive(person) && isLinkedAt(person, RINDO, KEYAKI, KAWABE));
  const old = numberAt(she, RINDO);
  const next = old.replace(/./, '7').replace(/..$/, '99');
  const rindo = facilityName(plan, RINDO);
  const tree = new Tree(region, RINDO);
  const result = tree.inspect(tree.newestResult(old).path).find((entry) => entry.kind === 'laboratory');
  if (!result) throw new Error('she has no result');

  const clinic = await stage.visit(region);
  await clinic.logIn('kawabe', passwordOf(plan, 'kawabe'));
  await goToCalendar(new Hand(clinic.page), numberAt(she, KAWABE));
  const ofRindo = clinic.page.locator(`.m:not(.more)[aria-label*="${rindo}"]`);
  const ofOthers = clinic.page.locator(`.m:not(.more)[aria-label*="${facilityName(plan, KEYAKI)}"]`);
  await findInCalendar(clinic.page, 'marks of both hospitals', async () => await ofRindo.count() > 0 && await ofOthers.count() > 0);
  let loads = 0;
  clinic.page.on('framenavigated', () => loads++);

  tree.joinInto(old, next);
  await until('the hospital\'s marks are gone', async () => await ofRindo.count() === 0, 40);
  stage.check(true, 'the open calendar loses the hospital\'s entries by itself');
  stage.same(loads, 0, 'without the page being loaded again');
  await until('the other hospital\'s marks', async () => await ofOthers.count() > 0, 10);
  stage.check(true, 'the other hospital\'s stay');
  await clinic.page.locator('.why-button').click();
  const why = clinic.page.getByRole('dialog').locator('li', { hasText: rindo });
  stage.check((await why.innerText()).includes('患者番号がまとめられた'), 'and the page says why', await why.innerText());
  await clinic.page.keyboard.press('Escape');

  const staff = plan.staff.find((one) => one.posts.length === 1 && one.posts[0]?.facility === RINDO);
  const owner = await stage.visit(region);
  const { page } = owner;
  await owner.logIn(staff?.login ?? '', staff?.password ?? '');
  const hand = new Hand(page);
  const waiting = page.locator('section.card', { hasText: '番号の確認が必要な患者' });
  await waiting.waitFor();
  stage.check((await waiting.innerText()).includes(`${old} → ${next}`), 'the hospital\'s own staff is asked, with both numbers', await waiting.innerText());
  await hand.click(waiting.locator('a.person').first());
  await hand.click(page.getByRole('button', { name: '番号を確認' }));
  stage.same(await page.locator('#confirm-number').inputValue(), next, 'the number that goes on stands there');
  await hand.click(page.getByRole('button', { name: 'この番号で続ける' }));
  const own = page.locator('li.link', { hasText: next }).filter({ hasText: '確認済み' });
  await own.waitFor({ timeout: 20_000 });
  stage.check(true, 'confirmed under the new number');
  stage.check(hand.clicks <= 3, 'in three clicks from home', hand.clicks);

  await findInCalendar(clinic.page, 'the hospital\'s marks are back', async () => await ofRindo.count() > 0, 60);
  stage.check(true, 'the open calendar has the hospital\'s entries again');
  await mark(clinic.page, result.day, '検査', rindo).first().click();
  const ofThatDay = tree.inspect(tree.patient(next)).filter((entry) => entry.day === result.day && entry.kind === 'laboratory');
  const isOne = (text: string) => ofThatDay.some((entry) => entry.items.some((item) => item.type === 'result')
    && entry.items.every((item) => item.type !== 'result' || text.includes(item.value ?? '')));
  // an order without its results may stand first behind the mark
  let text = await panelText(clinic.page);
  const behind = clinic.page.locator('.of-day button');
  for (let at = 0; !isOne(text) && at < await behind.count(); at += 1) {
    await behind.nth(at).click();
    await until('its results', async () => isOne(text = await panelText(clinic.page)), 5).catch(() => undefined);
  }
  stage.check(isOne(text), 'and they open', text);
  await clinic.page.keyboard.press('Escape');
  await tab(clinic.page, '施設追加').click();
  stage.check(!(await clinic.page.locator('main').innerText()).includes(next), 'the clinic does not see the new number');

  const centre = readAudit(region, 'centre');
  stage.same(centre.filter((row) => row.event === 'link_suspend').map((row) => [row.reason, row.local_number]),
    [['number_replaced', old]], 'the centre wrote that it stopped the link, once');
  stage.same(centre.filter((row) => row.event === 'link_confirm').map((row) => `${row.phase} ${row.verdict}`),
    ['decision permit', 'finish done'], 'and who confirmed it');
});
