// SPDX-License-Identifier: Apache-2.0
import { expect, login, openCalendar, test } from './test.ts';

test('a withdrawn consent empties the calendar everywhere, a new one brings it back', async ({ page, world, hand, context }) => {
  await login(page, world);
  await openCalendar(page, hand, world.withdrawing.number);
  await expect(page.locator('.m, .bar, .cal-hint').first()).toBeVisible();
  const address = page.url();
  const other = await context.newPage();
  await other.goto(address);
  await expect(other.locator('.m, .bar, .cal-hint').first()).toBeVisible();

  const before = hand.clicks;
  await hand.click(page.getByRole('navigation', { name: '患者の画面' }).getByRole('link', { name: '同意' }));
  await hand.click(page.getByRole('button', { name: '同意を撤回' }));
  await hand.click(page.getByRole('button', { name: '撤回を確定' }));
  expect(hand.clicks - before).toBeLessThanOrEqual(3);
  await expect(page.getByText('同意を撤回しました')).toBeVisible();
  await expect(page.locator('.banner .tag.bad')).toContainText('同意撤回');

  // the other tab, open all the time, shows nothing any more
  await expect(other.locator('.m, .bar')).toHaveCount(0, { timeout: 5000 });
  await other.close();
  await page.getByRole('navigation', { name: '患者の画面' }).getByRole('link', { name: 'カレンダー' }).click();
  await expect(page.locator('.cal-empty, .notice')).toBeVisible();
  await expect(page.locator('.m, .bar')).toHaveCount(0);

  await page.getByRole('navigation', { name: '患者の画面' }).getByRole('link', { name: '同意' }).click();
  await page.getByRole('button', { name: '同意を登録' }).click();
  await page.check('#consent-explained');
  await page.getByRole('dialog').getByRole('button', { name: '同意を登録' }).click();
  await expect(page.locator('.banner .tag.good')).toContainText('同意あり');
  await page.getByRole('navigation', { name: '患者の画面' }).getByRole('link', { name: 'カレンダー' }).click();
  await expect(page.locator('.m, .bar, .cal-hint').first()).toBeVisible();
});

test('every version stays in the history', async ({ page, world, hand }) => {
  await login(page, world);
  await openCalendar(page, hand, world.withdrawing.number);
  await page.getByRole('navigation', { name: '患者の画面' }).getByRole('link', { name: '同意' }).click();
  await expect(page.locator('.facts')).toContainText('包括同意');
  expect(await page.locator('.links > li').count()).toBeGreaterThan(0);
});

test('a consent of the region was given in the morning of its day', async ({ page, world, hand }) => {
  await login(page, world);
  await openCalendar(page, hand, world.waiting.number);
  await page.getByRole('navigation', { name: '患者の画面' }).getByRole('link', { name: '同意' }).click();
  await expect(page.locator('.facts')).toContainText(/\d{4}\/\d{2}\/\d{2} 10:00/);
});
