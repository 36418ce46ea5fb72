// SPDX-License-Identifier: Apache-2.0
/* 登録依頼: a facility that may not register asks one that may; the clicks of both sides. */
import type { Page } from '@playwright/test';
import { expect, Hand, isAccessible, login, picture, test } from './test.ts';
import type { World } from './world.ts';

type Person = World['offered'] | World['requested'];

async function ask(page: Page, hand: Hand, world: World, person: Person, number: string): Promise<string> {
  await hand.click(page.getByRole('link', { name: '登録を依頼' }));
  await page.selectOption('#request-asked', { label: world.clinic });
  await page.fill('#request-number', number);
  await page.fill('#request-name', person.name);
  await page.fill('#request-kana', person.kana);
  await page.fill('#request-birth', person.birth_day);
  await page.locator(`input[name="request-sex"][value="${person.sex}"]`).check();
  await hand.click(page.locator('label', { has: page.locator('input[name="request-who"][value="held"]') }));
  await hand.click(page.getByRole('button', { name: '依頼を送る' }));
  await expect(page.getByText('依頼を送りました')).toBeVisible();
  return new URL(page.url()).pathname;
}

test('a facility that may not register is led to asking, and learns nothing of who is registered', async ({ page, world, refusals }) => {
  await login(page, world, world.asker);
  const menu = page.getByRole('navigation', { name: '主なメニュー' });
  await expect(menu.getByRole('link', { name: '患者登録' })).toHaveCount(0);
  await expect(menu.getByRole('link', { name: '登録依頼' })).toBeVisible();
  await page.goto('/patients/new');
  await expect(page).toHaveURL(/\/requests\/new$/);
  refusals.add(403);
  const status = await page.evaluate(async () => {
    const { csrf } = (await (await fetch('/api/v1/session')).json()) as { csrf: string };
    const headers = { 'X-CSRF-Token': csrf, 'Idempotency-Key': 'ab'.repeat(16), 'Content-Type': 'application/json' };
    return (await fetch('/api/v1/persons', { method: 'POST', headers, body: '{}' })).status;
  });
  expect(status).toBe(403);
});

test('asked in three clicks, registered and accepted in six, and the asker opens the calendar', async ({ page, world, browser, hand, addresses }) => {
  const person = world.requested;
  const number = `Y${Date.now() % 1_000_000}`;
  await login(page, world, world.asker);
  const address = await ask(page, hand, world, person, number);
  expect(hand.clicks).toBeLessThanOrEqual(3);

  const context = await browser.newContext();
  const clinic = await context.newPage();
  const other = new Hand(clinic);
  await login(clinic, world, world.colleague);
  await other.click(clinic.locator(`a[href="${address}"]`));
  await other.click(clinic.getByRole('button', { name: '新しく登録して受諾' }));
  await isAccessible(clinic);
  await picture(clinic, 'request-wizard');
  await other.click(clinic.locator('#consent-explained'));
  await other.click(clinic.getByRole('button', { name: '次へ' }));
  await expect(clinic.locator('#person-name')).toHaveValue(person.name);
  await expect(clinic.locator('#person-birth')).toHaveValue(person.birth_day);
  await other.click(clinic.getByRole('button', { name: '次へ' }));
  await clinic.locator('.number-field input').first().fill(`R${Date.now() % 1_000_000}`);
  await other.click(clinic.getByRole('button', { name: '登録', exact: true }));
  await expect(clinic.locator('.cal-row')).toHaveCount(10);
  expect(other.clicks).toBeLessThanOrEqual(6);
  await context.close();

  // by itself, on the asker's open page
  await expect(page.locator('.page-head .tag')).toHaveText('受諾');
  await expect(page.getByText('自施設の患者番号が確認されました')).toBeVisible();
  await isAccessible(page);
  await picture(page, 'request-accepted');
  await page.getByRole('link', { name: 'カレンダーを開く' }).click();
  await expect(page.locator('.cal-row')).toHaveCount(10);
  await expect(page.locator('.banner')).toContainText(number);
  const told = addresses.map((one) => decodeURIComponent(one));
  for (const secret of [number, person.name, person.kana, person.birth_day]) {
    expect(told.filter((one) => one.includes(secret))).toEqual([]);
  }
});

test('somebody who is registered is accepted in three clicks; a withdrawn request is gone', async ({ page, world, browser, hand }) => {
  const person = world.offered;
  await login(page, world, world.asker);
  const address = await ask(page, hand, world, person, `Y${Date.now() % 1_000_000}`);
  const context = await browser.newContext();
  const clinic = await context.newPage();
  const other = new Hand(clinic);
  await login(clinic, world, world.colleague);
  await expect(clinic.locator(`a[href="${address}"]`)).toBeVisible();
  await page.getByRole('button', { name: '依頼を取り下げる' }).click();
  await page.getByRole('button', { name: '取り下げる', exact: true }).click();
  await expect(page.locator('.page-head .tag')).toHaveText('取下げ');
  await expect(clinic.locator(`a[href="${address}"]`)).toHaveCount(0);

  await page.getByRole('link', { name: 'ホームへ戻る' }).click();
  const second = await ask(page, hand, world, person, `Y${Date.now() % 1_000_000}`);
  await other.click(clinic.locator(`a[href="${second}"]`));
  await other.click(clinic.getByRole('button', { name: '登録済みかを確かめる' }));
  await other.click(clinic.getByRole('button', { name: 'この方で受諾' }));
  expect(other.clicks).toBeLessThanOrEqual(3);
  await expect(clinic.locator('.page-head .tag')).toHaveText('受諾');
  await context.close();
  await expect(page.locator('.page-head .tag')).toHaveText('受諾');
});
