// SPDX-License-Identifier: Apache-2.0
import { expect, login, noSidewaysScroll, openCalendar, test } from './test.ts';

test('no screen scrolls sideways', async ({ page, world, hand }) => {
  await page.goto('/');
  await expect(page.locator('#login-id')).toBeVisible();
  await noSidewaysScroll(page);
  await login(page, world);
  await noSidewaysScroll(page);
  await openCalendar(page, hand, world.linked.number);
  await expect(page.locator('.m, .cal-hint').first()).toBeVisible();
  await noSidewaysScroll(page);
  for (const tab of ['施設追加', '同意', '参照記録']) {
    await page.getByRole('navigation', { name: '患者の画面' }).getByRole('link', { name: tab }).click();
    await expect(page.locator('h1').last()).toBeVisible();
    await noSidewaysScroll(page);
  }
  for (const place of ['/patients', '/patients/new', '/logs']) {
    await page.goto(place);
    await expect(page.locator('h1')).toBeVisible();
    await noSidewaysScroll(page);
  }
});

test('all ten rows fit and content comes as a sheet that going back closes', async ({ page, world, hand }) => {
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await expect(page.locator('.cal-rowname').first()).toBeInViewport();
  await expect(page.locator('.cal-rowname').last()).toBeInViewport();
  if (await page.locator('.cal-hint').isVisible()) await page.locator('.cal-hint').click();
  const address = page.url();
  await page.locator('.m:not(.more)').last().click();
  await expect(page.locator('.panel')).toBeVisible();
  await expect(page.locator('.banner h1')).toBeInViewport();
  await page.goBack();
  await expect(page.locator('.panel')).toHaveCount(0);
  expect(page.url()).toBe(address);
});
