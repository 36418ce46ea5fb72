// SPDX-License-Identifier: Apache-2.0
/* A viewer's own rows: their order and which are shown, kept for the account in this browser. */
import type { Page } from '@playwright/test';
import { expect, isAccessible, login, noSidewaysScroll, openCalendar, picture, test } from './test.ts';

const ROWS = ['期間', '処方', '注射', '検査', '画像', 'レポート', 'ファイル', '診察', '記録', '連絡'];

test.beforeEach(async ({ page, world, hand }) => {
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await expect(page.locator('.m').first()).toBeVisible();
});

const names = (page: Page) => page.locator('.cal-rowname:visible');
const open = (page: Page) => page.getByRole('button', { name: /^行(の設定| \d+\/10)$/ }).click();
const close = (page: Page) => page.getByRole('dialog').getByText('閉じる', { exact: true }).last().click();

test('rows are moved and hidden by keys, stay so after a reload, and go back to what is given', async ({ page }) => {
  await page.getByRole('button', { name: '行の設定' }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: '行の設定' });
  await dialog.getByRole('button', { name: '検査を上へ' }).focus();
  for (const _ of [1, 2, 3]) await page.keyboard.press('Enter');
  await expect(dialog.getByRole('button', { name: '検査を上へ' })).toBeFocused();
  await expect(dialog.getByRole('status')).toHaveText('検査は1番目です');
  await dialog.getByRole('checkbox', { name: 'ファイルを表示' }).focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: '行 9/10' })).toBeFocused();
  const own = ['検査', '期間', '処方', '注射', '画像', 'レポート', '診察', '記録', '連絡'];
  await expect(names(page)).toHaveText(own);
  await expect(page.getByRole('grid')).toHaveAttribute('aria-rowcount', '10');
  await expect(page.locator('.cal-row:visible').first()).toHaveAttribute('aria-rowindex', '2');
  await page.locator('.m[tabindex="0"], .bar[tabindex="0"]').focus();
  await page.keyboard.press('1');
  expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toContain('検査');
  await page.reload();
  await expect(names(page)).toHaveText(own);
  await page.getByRole('button', { name: '一覧表示' }).click();
  await expect(page.locator('.row-chips button')).toHaveText(['検査', '期間', '処方', '注射', '画像', 'レポート', 'ファイル', '診察', '記録', '連絡']);
  await page.getByRole('button', { name: 'カレンダー表示' }).click();
  await open(page);
  await page.getByRole('button', { name: '既定に戻す' }).click();
  await close(page);
  await expect(names(page)).toHaveText(ROWS);
  expect(await page.evaluate(() => localStorage.getItem('tsumugi-rows'))).toBe('{}');
});

test('a hidden row that holds something abnormal says so and is shown at a press', async ({ page, world }) => {
  await page.getByRole('group', { name: '表示の幅' }).getByRole('button', { name: '月', exact: true }).click();
  await expect(page.locator('.m.abn[aria-label*="検査"]').first()).toBeVisible();
  await open(page);
  await page.getByRole('checkbox', { name: '検査を表示' }).uncheck();
  await expect(page.locator('.arrange li', { hasText: '検査' })).toContainText(/異常・至急\d+件/);
  await isAccessible(page);
  await picture(page, 'rows-dialog');
  await close(page);
  await expect(page.locator('.m[aria-label*="検査"]')).toHaveCount(0);
  const note = page.locator('.cal-offgrid');
  await expect(note).toContainText(/非表示の行にあります検査 .*異常・至急\d+件/);
  await isAccessible(page);
  for (const width of [1280, 820, 390]) {
    await page.setViewportSize({ width, height: 844 });
    await noSidewaysScroll(page);
    await picture(page, 'rows-hidden');
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  // what is kept is about rows and an account, nothing else
  const kept = JSON.parse((await page.evaluate(() => localStorage.getItem('tsumugi-rows'))) ?? '') as Record<string, unknown>;
  expect(Object.keys(kept)).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
  expect(JSON.stringify(kept)).not.toContain(world.linked.number);
  await note.getByRole('button', { name: /検査/ }).click();
  await expect(note).toHaveCount(0);
  await expect(page.locator('.m[aria-label*="検査"]').first()).toBeAttached();
});

test('another account in the same browser has its rows as given', async ({ page, world, refusals }) => {
  refusals.add(401); // the session's cookie goes, as if the browser had been closed
  await open(page);
  await page.getByRole('checkbox', { name: '処方を表示' }).uncheck();
  await close(page);
  await expect(names(page)).toHaveCount(9);
  const address = page.url();
  await page.context().clearCookies();
  await login(page, world, world.colleague);
  await page.goto(address);
  await expect(names(page)).toHaveText(ROWS);
});
