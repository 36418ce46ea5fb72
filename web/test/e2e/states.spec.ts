// SPDX-License-Identifier: Apache-2.0
/* The states between "all is there" and "nothing works", at a desk and on a phone: each says what is, why,
 * and what to do. */
import type { Page } from '@playwright/test';
import { expect, fetched, isAccessible, login, noSidewaysScroll, openCalendar, picture, registerAgain, test } from './test.ts';

const isSmall = (page: Page) => (page.viewportSize()?.width ?? 0) < 768;

const problem = (code: string) => ({
  status: 403,
  contentType: 'application/problem+json',
  body: JSON.stringify({ title: code, status: 403, code }),
});

async function showFacilities(page: Page): Promise<void> {
  if (isSmall(page)) await page.getByRole('button', { name: /^施設 \d/ }).click();
}

test('whoever opened nobody yet is told what to do', async ({ page, world }) => {
  await login(page, world, world.newcomer);
  await expect(page.getByText('まだカレンダーを開いた患者はいません')).toBeVisible();
  await expect(page.getByText('患者番号で検索するか')).toBeVisible();
});

test('whoever may not register is told to search or to ask', async ({ page, world }) => {
  await page.route('**/api/v1/home', async (route) => {
    const response = await fetched(route);
    const home = (await response.json()) as object;
    await route.fulfill({ response, json: { ...home, recent: [] } }); // other specs open calendars
  });
  await login(page, world, world.asker);
  const empty = page.locator('.home .empty', { hasText: 'まだカレンダーを開いた患者はいません' });
  await expect(empty).toContainText('登録できる施設に登録依頼を送ってください');
  await expect(empty).not.toContainText('新しく患者を登録');
});

test('a hospital that is off is named with its time, in every row and among the reasons', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await openCalendar(page, hand, world.waiting.number);
  await showFacilities(page);
  const chip = page.locator('.facility-chip.waiting', { hasText: world.away.name });
  await expect(chip).toContainText(/\d+:\d+から応答なし/);
  await expect(page.locator(`.cal-gaps[aria-label*="${world.away.name}: 番号の確認待ち"]`)).toHaveCount(10);
  await page.locator('.why-button').click();
  await expect(page.getByRole('dialog').locator('li', { hasText: world.away.name })).toContainText('サーバから応答がありません');
});

test('a withdrawn consent is the first reason, and leads to the consent', async ({ page, world, hand }) => {
  await login(page, world, world.hospitalDoctor);
  await openCalendar(page, hand, world.withdrawn.number);
  await expect(page.locator('.banner .tag.bad')).toContainText('同意撤回');
  await page.locator('.why-button').click();
  const first = page.getByRole('dialog').locator('.why-list > li').first();
  await expect(first).toContainText('患者が同意を撤回しました');
  await first.getByRole('link', { name: '同意へ' }).click();
  await expect(page.getByText('有効な同意がありません')).toBeVisible();
});

test('only who entered a number may end it, and the own one has words of its own', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await openCalendar(page, hand, world.waiting.number);
  await page.getByRole('navigation', { name: '患者の画面' }).getByRole('link', { name: '施設追加' }).click();
  await expect(page.getByText('他施設の番号は、登録した施設にだけ表示します')).toBeVisible();
  await expect(page.getByRole('button', { name: '連携を終了' })).toHaveCount(0);
  await page.getByRole('button', { name: '番号の登録を終了' }).click();
  await expect(page.getByRole('dialog')).toContainText('他施設の情報が一切見えなくなります');
});

test('a mended field leaves the list of errors at once', async ({ page, world }) => {
  await login(page, world, world.colleague);
  await page.goto('/patients/new');
  await page.getByRole('button', { name: '次へ' }).click();
  await expect(page.locator('.summary')).toContainText('説明と同意を確認');
  await page.check('#consent-explained');
  await expect(page.locator('.summary')).toHaveCount(0);
  await page.getByRole('button', { name: '次へ' }).click();
  await page.getByRole('button', { name: '次へ' }).click();
  await expect(page.locator('.summary a')).toHaveText([/氏名/, /カナ/, /生年月日/, /性別/]);
  await page.fill('#person-name', '山田 花子');
  await expect(page.locator('.summary a')).toHaveText([/カナ/, /生年月日/, /性別/]);
});

test('the dialog of people already registered shows all of itself', async ({ page, world, refusals }) => {
  refusals.add(409);
  await login(page, world, world.colleague);
  await registerAgain(page, world.linked, 'E2E778');
  const dialog = page.getByRole('dialog');
  await expect(dialog).toBeVisible();
  expect(await dialog.evaluate((node) => node.scrollWidth - node.clientWidth)).toBe(0);
  await expect(dialog.getByText('この方と同じ')).toBeInViewport({ ratio: 1 });
});

test('a session that ended on the server asks for the login again, and says so', async ({ page, world, refusals, context }) => {
  refusals.add(401);
  await login(page, world, world.colleague);
  // it ends with the search: what home asks for by itself must not meet the end first
  await page.route('**/api/v1/persons/searches', async (route) => {
    await context.clearCookies();
    const { cookie: _, ...headers } = await route.request().allHeaders();
    await route.fulfill({ response: await fetched(route, { headers }) });
  });
  await page.fill('#quick-number', world.linked.number);
  await page.keyboard.press('Enter');
  await expect(page.getByText('ログインの有効期限が切れました')).toBeVisible();
  await expect(page.locator('#login-id')).toBeVisible();
});

test('a server that is gone is said where it is missed, with another try', async ({ page, world, hand, gone }) => {
  await login(page, world, world.colleague);
  await openCalendar(page, hand, world.waiting.number);
  await page.getByRole('button', { name: '一覧表示' }).click();
  await page.locator('.row-chips button', { hasText: '診察' }).click();
  const content = page.locator('.list-table .title-button').first();
  await expect(content).toBeVisible();
  await gone(true);
  await content.click();
  // what the calendar knows stays: which facility, which row
  await expect(page.locator('.panel .where')).toContainText(/病院/);
  await expect(page.locator('.panel h2 .kind')).toHaveText('診察');
  await expect(page.locator('.panel').getByRole('alert')).toContainText('サーバにつながりません');
  // the button asks at once; whoever does not press it has the content once the server is back
  const asked = page.waitForRequest(/\/openings/);
  await page.locator('.panel').getByRole('button', { name: '再試行' }).click();
  await asked;
  await expect(page.locator('.panel').getByRole('alert')).toContainText('サーバにつながりません');
  await gone(false);
  await expect(page.locator('.panel .source')).toBeVisible({ timeout: 40_000 });
  await gone(true);
  await page.reload();
  await expect(page.locator('.login-form')).toContainText('サーバにつながりません');
});

test('an image order is words, not a table of values; an injection has no machine words', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await openCalendar(page, hand, world.linked.number);
  await page.getByRole('button', { name: '一覧表示' }).click();
  await page.locator('.row-chips button', { hasText: '画像' }).click();
  await page.locator('.list-table tr', { hasText: '結果待ち' }).locator('.title-button').first().click();
  await expect(page.locator('.panel .source')).toBeVisible();
  await expect(page.locator('.panel .lab')).toHaveCount(0);
  await expect(page.locator('.panel-body')).toContainText('検査理由');
  await page.keyboard.press('Escape');
  await page.locator('.row-chips button', { hasText: '注射' }).click();
  await page.locator('.list-table .title-button').first().click();
  await expect(page.locator('.panel .source')).toBeAttached();
  await expect(page.locator('.panel .rp').first()).not.toContainText(/\/H1|Ｈ１/);
});

test('English has no Japanese word of its own on any screen', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await page.locator('.who > button').click();
  await page.getByRole('button', { name: 'English' }).click();
  await expect(page.getByRole('navigation', { name: 'Main menu' })).toContainText('Find');
  await openCalendar(page, hand, world.waiting.number);
  const words = ['.cal-rowname', '.cal-date i', '.cal-tools button', '.facility-chip small', '.tabs a', '.banner-facts'];
  for (const part of words) {
    const texts = await page.locator(part).allTextContents();
    expect(texts.length).toBeGreaterThan(0);
    expect(texts.join(' ').replace('日本語', ''), part).not.toMatch(/[\u3040-\u30ff\u4e00-\u9fff]/);
  }
});

test('a password from the office is changed before anything opens', async ({ page, world, refusals }) => {
  refusals.add(403);
  const sent: Record<string, string>[] = [];
  await page.route('**/api/v1/session', async (route) => {
    if (route.request().method() !== 'POST') return route.fallback();
    const body = route.request().postDataJSON() as Record<string, string>;
    sent.push(body);
    const { new_password: changed, ...rest } = body;
    if (changed !== undefined && changed !== 'hoshi5mori2kawa') return route.fulfill(problem('password_guessable'));
    if (changed === undefined) return route.fulfill(problem('password_initial'));
    return route.continue({ postData: JSON.stringify(rest) });
  });
  await page.goto('/');
  await page.fill('#login-id', world.doctor.login);
  await page.fill('#login-password', world.doctor.password);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'パスワードの変更' })).toBeVisible();
  await expect(page.locator('#login-new')).toBeFocused();
  await page.fill('#login-new', 'kawabe-1234');
  await page.keyboard.press('Enter');
  await expect(page.locator('.summary')).toContainText('13文字以上');
  await page.fill('#login-new', 'kawabe-1234-kawabe');
  await page.fill('#login-again', 'kawabe-1234-kawabE');
  await page.keyboard.press('Enter');
  await expect(page.locator('.summary')).toContainText('2回の入力が違います');
  await page.fill('#login-again', 'kawabe-1234-kawabe');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toContainText('推測されやすいパスワードです');
  await noSidewaysScroll(page);
  await isAccessible(page);
  await picture(page, 'login-new-password');
  await page.fill('#login-new', 'hoshi5mori2kawa');
  await page.fill('#login-again', 'hoshi5mori2kawa');
  await page.keyboard.press('Enter');
  await expect(page.locator('#quick-number')).toBeVisible();
  expect(sent.map((body) => body.new_password)).toEqual([undefined, 'kawabe-1234-kawabe', 'hoshi5mori2kawa']);
});
