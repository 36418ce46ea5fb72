// SPDX-License-Identifier: Apache-2.0
/* The view is in the address: a reload, back and forward, and a copied link show the same. */
import { expect, login, openCalendar, test } from './test.ts';
import type { Page } from '@playwright/test';

test.beforeEach(async ({ page, world, hand }) => {
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await expect(page.locator('.m').first()).toBeVisible();
});

const range = (page: Page) => page.locator('.cal-tools .range');
const pressed = (page: Page) =>
  page.locator('.cal-tools [aria-pressed="true"], .facility-chip[aria-pressed="false"]').evaluateAll((nodes) => nodes.map((node) => node.textContent));

/** Two weeks back, to a day's edge as the address says it; one facility left out. */
async function change(page: Page): Promise<void> {
  await page.locator('.facility-chip').nth(1).click();
  await page.getByRole('group', { name: '表示の幅' }).getByRole('button', { name: '日', exact: true }).click();
  const before = await range(page).textContent();
  await page.locator('.cal-scroll').evaluate((node) => node.scrollTo({ left: 76 * Math.round(node.scrollLeft / 76 - 14) }));
  await expect(range(page)).not.toHaveText(before ?? '');
  await expect(page).toHaveURL(/from=\d{4}-\d{2}-\d{2}&zoom=day&fac=[0-9a-f]{32}$/);
}

test('a reload and a copied link show the same range, width and facilities', async ({ page, context }) => {
  await change(page);
  const shown = [await range(page).textContent(), await pressed(page)];
  await page.reload();
  await expect(page.locator('.cal-row')).toHaveCount(10);
  await expect(range(page)).toHaveText(shown[0] as string);
  expect(await pressed(page)).toEqual(shown[1]);
  const other = await context.newPage();
  await other.setViewportSize({ width: 1280, height: 800 });
  await other.goto(page.url());
  await expect(range(other)).toHaveText(shown[0] as string);
  expect(await pressed(other)).toEqual(shown[1]);
  expect(new URL(other.url()).search).toBe(new URL(page.url()).search);
});

test('each choice is a step back, and forward again', async ({ page }) => {
  const first = page.url();
  await page.getByRole('button', { name: '新着のみ' }).click();
  await expect(page).toHaveURL(/\?new=1$/);
  await page.locator('.cal-rowname', { hasText: '検査' }).click();
  await expect(page.locator('.list-table, .empty').first()).toBeVisible();
  await expect(page).toHaveURL(/new=1&view=list&row=3$/);
  await page.locator('.row-chips button', { hasText: '処方' }).click();
  await expect(page).toHaveURL(/row=1$/);
  await page.goBack();
  await expect(page.locator('.row-chips [aria-pressed="true"]')).toHaveText('検査');
  await page.goBack();
  await expect(page.locator('.cal-row')).toHaveCount(10);
  await expect(page.getByRole('button', { name: '新着のみ' })).toHaveAttribute('aria-pressed', 'true');
  await page.goBack();
  await expect(page.getByRole('button', { name: '新着のみ' })).toHaveAttribute('aria-pressed', 'false');
  expect(page.url()).toBe(first);
  await page.goForward();
  await expect(page.getByRole('button', { name: '新着のみ' })).toHaveAttribute('aria-pressed', 'true');
  await page.goForward();
  await expect(page.locator('.row-chips [aria-pressed="true"]')).toHaveText('検査');
});

test('back to a range that was left, after the list and another screen', async ({ page }) => {
  await change(page);
  const shown = await range(page).textContent();
  await page.getByRole('button', { name: '一覧表示' }).click();
  await page.getByRole('button', { name: 'カレンダー表示' }).click();
  await expect(range(page)).toHaveText(shown ?? '');
  await page.getByRole('link', { name: '同意', exact: true }).click();
  await expect(page.locator('.cal-tools')).toHaveCount(0);
  await page.goBack();
  await expect(range(page)).toHaveText(shown ?? '');
  await page.getByRole('button', { name: '今日', exact: true }).click();
  await expect(page).not.toHaveURL(/from=/);
});

test('what the address says of nobody and nothing is ignored, and leaves it', async ({ page }) => {
  const address = page.url().replace(/\?.*/, '');
  await page.goto(`${address}?fac=${'0'.repeat(32)},x&zoom=century&row=99&from=2026-02-31&new2=1`);
  await expect(page.locator('.m').first()).toBeVisible();
  await expect(page.locator('.facility-chip[aria-pressed="false"]')).toHaveCount(0);
  await expect(page).toHaveURL(address);
});

test('each screen of a patient is titled with the name, and is left with another title', async ({ page, world }) => {
  const titled = (words: string) => expect.poll(() => page.title()).toBe(words);
  const { name } = world.linked;
  const tab = (words: string) =>
    page.getByRole('navigation', { name: '患者の画面' }).getByRole('link', { name: words, exact: true }).click();
  await titled(`${name} - 紬`);
  for (const [words, title] of [['記録', /^記録/], ['施設追加', /^施設追加/], ['同意', /^同意/], ['参照記録', /^コンテンツ参照記録/]] as const) {
    await tab(words);
    await expect(page).toHaveTitle(new RegExp(`${title.source}.*${name} - 紬$`));
  }
  await tab('カレンダー');
  await titled(`${name} - 紬`);
  await page.evaluate(() => history.pushState(null, '', '/nobody/here'));
  await titled('ページが見つかりません - 紬');
});

test('nothing of the patient stands in an address', async ({ page, world, addresses }) => {
  await change(page);
  for (const address of [...addresses, page.url()]) {
    for (const word of [world.linked.number, world.linked.name, world.linked.kana]) {
      expect(decodeURIComponent(address)).not.toContain(word);
    }
  }
});
