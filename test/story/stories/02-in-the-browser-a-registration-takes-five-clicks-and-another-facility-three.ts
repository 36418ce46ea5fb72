// SPDX-License-Identifier: Apache-2.0
import type { Page } from 'playwright';
import { KAWABE, RINDO, TSUBASA, choose, numberAt, recordAt, type Plan, type PlannedPerson } from '../kit/plan.ts';
import { Hand, calendarIsOpen, findInCalendar, goToCalendar, mark, menu, openMark, panelText, tab } from '../kit/screen.ts';
import { story, type Stage } from '../kit/story.ts';
import { Tree, type Inspected } from '../kit/tree.ts';
import type { Region } from '../kit/region.ts';

const wordsOf = (plan: Plan, code: string): string => plan.facilities.find((one) => one.code === code)?.name ?? '';
const passwordOf = (plan: Plan, login: string): string => plan.staff.find((one) => one.login === login)?.password ?? '';

/* The newest result in the hospital's folder, as the program reads it from the file itself. */
function newestResult(region: Region, person: PlannedPerson): Inspected {
  const tree = new Tree(region, RINDO);
  const file = tree.newestResult(numberAt(person, RINDO));
  const read = tree.inspect(file.path).find((entry) => entry.kind === 'laboratory');
  if (!read) throw new Error('the newest result cannot be read');
  return read;
}

async function openResult(page: Page, hand: Hand, plan: Plan, result: Inspected): Promise<string> {
  const found = mark(page, result.day, '検査', wordsOf(plan, RINDO));
  await findInCalendar(page, 'the mark of the newest result', async () => await found.count() > 0);
  await openMark(page, found.first(), (one) => hand.click(one));
  const text = await panelText(page);
  const value = result.items.find((item) => item.type === 'result' && item.value)?.value ?? '';
  const ofTitle = page.locator('.of-day button', { hasText: result.title });
  if (text.includes(result.title) && text.includes(value)) return text;
  // several of the hospital's results of that day stand behind one mark: which is first is nobody's business
  for (let at = 0; at < await ofTitle.count(); at += 1) {
    await ofTitle.nth(at).click();
    const shows = page.locator('.panel-body', { hasText: value }).waitFor({ timeout: 5000 });
    if (await shows.then(() => true, () => false)) return panelText(page);
  }
  return text;
}

async function checkContent(stage: Stage, text: string, result: Inspected): Promise<void> {
  const rows = result.items.filter((item) => item.type === 'result' && item.value);
  stage.check(rows.length > 3, 'the hospital\'s file has results');
  const missing = rows.filter((item) => !text.includes(item.value ?? '') || !text.includes((item.name ?? '').normalize('NFC')));
  stage.check(missing.length === 0, 'the panel shows every name and value of the hospital\'s file', { missing, text });
}

await story('a registration and another facility, on the screens', async (stage) => {
  const region = await stage.region();
  const plan = region.plan;
  const she = choose(plan, (person) => person.records.every((record) => record.link === 'none')
    && [RINDO, KAWABE, TSUBASA].every((code) => recordAt(person, code) !== undefined));
  const result = newestResult(region, she);

  const nurse = await stage.visit(region);
  const { page } = nurse;
  await nurse.logIn('nemoto', passwordOf(plan, 'nemoto'));
  const hand = new Hand(page);
  await hand.click(menu(page, '患者登録'));
  await hand.click(page.locator('#consent-explained'));
  await hand.click(page.getByRole('button', { name: '次へ' }));
  await page.locator('#person-name').fill(she.name);
  await page.locator('#person-kana').fill(she.kana);
  await page.locator('#person-birth').fill(she.birth_day);
  await page.locator(`input[name="person-sex"][value="${she.sex}"]`).check();
  await hand.click(page.getByRole('button', { name: '次へ' }));
  await page.getByLabel(wordsOf(plan, KAWABE)).fill(numberAt(she, KAWABE));
  await page.getByLabel(wordsOf(plan, RINDO)).fill(numberAt(she, RINDO));
  await hand.click(page.getByRole('button', { name: '登録', exact: true }));
  await calendarIsOpen(page);
  stage.check(hand.clicks <= 5, 'five clicks from home to the open calendar', hand.clicks);
  stage.check((await page.locator('.banner h1').innerText()).includes(she.name), 'it is hers');
  await checkContent(stage, await openResult(page, hand, plan, result), result);

  await page.keyboard.press('Escape');
  await tab(page, '施設追加').click();
  const line = page.locator('li.link', { hasText: wordsOf(plan, RINDO) });
  stage.check((await line.innerText()).includes('確認済み'), 'the hospital has confirmed its number', await line.innerText());

  const pharmacist = await stage.visit(region);
  const other = pharmacist.page;
  await pharmacist.logIn('tsubasa', passwordOf(plan, 'tsubasa'));
  await menu(other, '患者検索').click();
  await other.getByRole('button', { name: '2つの情報' }).click();
  await other.locator('#search-kana').fill(she.kana);
  await other.locator('#search-birth').fill(she.birth_day);
  const otherHand = new Hand(other);
  await otherHand.enter();
  const found = other.locator('a.person').first();
  await found.waitFor();
  stage.check((await found.innerText()).includes('自施設番号なし'), 'the pharmacy finds her, without a number of its own');
  stage.same(await found.locator('.fm').count(), 0, 'and without the places where she is known');
  await otherHand.click(found);
  await other.locator('#link-number').fill(numberAt(she, TSUBASA));
  await other.locator('#link-birth').fill(she.birth_day);
  await otherHand.click(other.getByRole('button', { name: '登録', exact: true }));
  await calendarIsOpen(other);
  stage.check(otherHand.clicks <= 3, 'three clicks add the pharmacy', otherHand.clicks);
  await checkContent(stage, await openResult(other, otherHand, plan, result), result);

  const again = new Hand(page);
  await goToCalendar(again, numberAt(she, KAWABE));
  stage.check(again.clicks <= 2, 'two clicks from home find her by the own number', again.clicks);
});
