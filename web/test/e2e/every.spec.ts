// SPDX-License-Identifier: Apache-2.0
/* At every width: each screen keeps to the window, and axe-core finds nothing wrong with it. */
import type { Page } from '@playwright/test';
import { expect, isAccessible, login, noSidewaysScroll, openCalendar, test } from './test.ts';

async function isGood(page: Page): Promise<void> {
  await noSidewaysScroll(page);
  await isAccessible(page);
}
const tab = (page: Page, name: string) =>
  page.getByRole('navigation', { name: '患者の画面' }).getByRole('link', { name }).click();

test('login, and what it refuses', async ({ page }) => {
  await page.goto('/');
  await expect(page.locator('#login-id')).toBeVisible();
  await isGood(page);
  await page.getByRole('button', { name: 'ログイン' }).click();
  await expect(page.locator('.summary')).toBeVisible();
  await isGood(page);
});

test('home, the menu, search and registration', async ({ page, world }) => {
  await login(page, world, world.colleague);
  await expect(page.locator('.home .people, .home .empty').nth(1)).toBeVisible();
  await isGood(page);
  await page.locator('.who > button').click();
  await isGood(page);
  for (const place of ['/patients', '/patients/new']) {
    await page.goto(place);
    await expect(page.locator('h1')).toBeVisible();
    await isGood(page);
  }
  await page.getByRole('button', { name: '次へ' }).click();
  await isGood(page);
  await page.check('#consent-explained');
  await page.getByRole('button', { name: '次へ' }).click();
  await page.getByRole('button', { name: '次へ' }).click();
  await expect(page.locator('.summary a')).toHaveCount(4);
  await isGood(page);
});

test('a calendar with few entries, its reasons, its list and a content', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await openCalendar(page, hand, world.waiting.number);
  await expect(page.locator('.m, .bar').first()).toBeVisible();
  await isGood(page);
  await page.locator('.why-button').click();
  await isGood(page);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: '一覧表示' }).click();
  await page.locator('.row-chips button', { hasText: '処方' }).click();
  await expect(page.locator('.list-table .title-button').first()).toBeVisible();
  await isGood(page);
  await page.locator('.list-table .title-button').first().click();
  await expect(page.locator('.panel-body')).toHaveAttribute('aria-busy', 'false');
  await isGood(page);
});

test('facilities, consent, withdrawal and records', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await openCalendar(page, hand, world.waiting.number);
  await tab(page, '施設追加');
  await expect(page.locator('.links > li').first()).toBeVisible();
  await isGood(page);
  await tab(page, '同意');
  await page.getByRole('button', { name: '同意を撤回' }).click();
  await isGood(page);
  await page.keyboard.press('Escape');
  await tab(page, '参照記録');
  await expect(page.locator('.logs tbody tr').first()).toBeVisible();
  await isGood(page);
});
