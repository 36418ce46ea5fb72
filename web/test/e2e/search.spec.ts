// SPDX-License-Identifier: Apache-2.0
import { expect, findByNumber, login, test } from './test.ts';

test('by own number to the calendar in two clicks', async ({ page, world, hand }) => {
  await login(page, world);
  await findByNumber(page, hand, world.linked.number);
  await hand.click(page.locator('a.person').first());
  await expect(page.locator('.cal-row')).toHaveCount(10);
  expect(hand.clicks).toBeLessThanOrEqual(2);
  await expect(page.locator('.banner h1')).toContainText(world.linked.name.split(' ')[1] ?? '');
  await expect(page).toHaveTitle(new RegExp(world.linked.name.split(' ')[1] ?? ''));
});

test('nothing of the person stands in any address', async ({ page, world, hand, addresses }) => {
  await login(page, world);
  await findByNumber(page, hand, world.linked.number);
  await hand.click(page.locator('a.person').first());
  await expect(page.locator('.cal-row')).toHaveCount(10);
  await page.goto('/patients');
  await page.getByRole('button', { name: '2つの情報' }).click();
  await page.fill('#search-kana', world.linked.kana);
  await page.fill('#search-birth', world.linked.birth_day);
  await page.keyboard.press('Enter');
  await expect(page.locator('a.person').first()).toBeVisible();
  const all = addresses.map((address) => decodeURIComponent(address)).join('\n');
  for (const secret of [world.linked.number, world.linked.kana, world.linked.name, world.linked.birth_day]) {
    expect(all).not.toContain(secret);
  }
});

test('one identifier alone is not enough', async ({ page, world }) => {
  await login(page, world);
  await page.goto('/patients');
  await page.getByRole('button', { name: '2つの情報' }).click();
  await page.fill('#search-kana', world.linked.kana);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toContainText('あと1つ');
});

test('an impossible era date is refused and the right one offered', async ({ page, world }) => {
  await login(page, world);
  await page.goto('/patients');
  await page.getByRole('button', { name: '2つの情報' }).click();
  await page.fill('#search-birth', '昭和64年1月8日');
  await page.fill('#search-kana', 'タナカ');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: '平成元年1月8日にする' }).click();
  await expect(page.locator('#search-birth-echo')).toContainText('1989年1月8日（平成元年）');
});

test('an unknown number says so and what to do next', async ({ page, world }) => {
  await login(page, world);
  await page.goto('/patients');
  await page.fill('#search-number', '99999990001');
  await page.keyboard.press('Enter');
  await expect(page.getByText('該当する患者は見つかりませんでした')).toBeVisible();
  await expect(page.getByRole('link', { name: '新しく患者を登録' })).toBeVisible();
});
