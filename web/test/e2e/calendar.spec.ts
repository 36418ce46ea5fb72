// SPDX-License-Identifier: Apache-2.0
import type { Page } from '@playwright/test';
import { expect, login, openCalendar, test } from './test.ts';

const ROWS = ['期間', '処方', '注射', '検査', '画像', 'レポート', 'ファイル', '診察', '記録', '連絡'];

test.beforeEach(async ({ page, world, hand }) => {
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await expect(page.locator('.m').first()).toBeVisible();
});

test('has the ten rows in their order, today in view, few weeks mounted', async ({ page }) => {
  await expect(page.locator('.cal-rowname')).toHaveText(ROWS);
  await expect(page.locator('.cal-date.today')).toBeInViewport();
  await page.waitForTimeout(1500);
  const weeks = await page.locator('.cal-weekhead').count();
  const visible = Math.ceil((1280 - 112) / 168) + 1;
  expect(weeks).toBeLessThanOrEqual(visible + 4);
});

test('the last prescription of another facility is one click away', async ({ page, hand }) => {
  const before = hand.clicks;
  await hand.click(page.locator('.m[aria-label*="処方"]:not([aria-label*="不完全"])').last());
  await expect(page.locator('.panel h2')).toContainText('処方');
  await expect(page.locator('.panel .rp').first()).toBeVisible();
  expect(hand.clicks - before).toBe(1);
});

test('results stand in a table, abnormal ones signed in words', async ({ page }) => {
  await page.getByRole('button', { name: '一覧表示' }).click();
  await page.locator('.row-chips button', { hasText: '検査' }).click();
  await page.locator('tr', { hasText: /高値あり|低値あり/ }).filter({ hasText: '検体検査' }).locator('.title-button').first().click();
  await expect(page.locator('.panel .lab tbody tr').first()).toBeVisible();
  await expect(page.locator('.panel .sign').first()).toContainText(/高値|低値|異常/);
});

test('what else a record says stands behind its values, and comments keep their lines', async ({ page }) => {
  await page.getByRole('button', { name: '一覧表示' }).click();
  await page.locator('.row-chips button', { hasText: '検査' }).click();
  await page.locator('.list-table tr', { hasText: '検体検査', has: page.locator('.fm[title^="けやき"]') }).locator('.title-button').first().click();
  const heading = page.locator('.panel .run-title', { hasText: 'そのほかの記載' });
  await expect(heading).toBeVisible();
  await expect(page.locator('.panel .soap dt').last()).toHaveText('注意（感染症など）');
  await expect(page.locator('.panel .soap dd').last()).toHaveText('シャント肢での採血禁止');
  expect(await page.locator('.panel .lab .comment').last().innerText()).toBe('透析前\nドライウエイト 52.5 kg');
});

test('the panel goes to the previous entry of the row and closes with Esc to where it was', async ({ page, refusals }) => {
  refusals.add(503); // the previous entry may lie at a hospital that is away

  const mark = page.locator('.m[aria-label*="検査"]:not(.more)').last();
  await mark.click();
  const heading = page.locator('.panel-facts');
  await expect(heading).toBeVisible();
  await expect(page.locator('.panel-body')).toHaveAttribute('aria-busy', 'false');
  const first = await page.locator('.panel').textContent();
  await page.getByRole('button', { name: '前の検査' }).click();
  await expect(page.locator('.panel')).not.toHaveText(first ?? '');
  await expect(page.locator('.m.sel, .bar.sel').first()).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.locator('.panel')).toHaveCount(0);
  await expect(page.locator('.m:focus')).toHaveCount(1);
});

test('the keyboard reaches every row, the weeks and the content', async ({ page }) => {
  const stop = page.locator('.m[tabindex="0"], .bar[tabindex="0"]');
  await expect(stop).toHaveCount(1);
  await stop.focus();
  const name = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
  await page.keyboard.press('4');
  expect(await name()).toContain('検査');
  const at = await name();
  await page.keyboard.press('ArrowLeft');
  expect(await name()).not.toBe(at);
  expect(await name()).toContain('検査');
  await page.keyboard.press('ArrowRight');
  expect(await name()).toBe(at);
  await page.keyboard.press('PageUp');
  expect(await name()).toContain('検査');
  await page.keyboard.press('End');
  await page.keyboard.press('2');
  expect(await name()).toContain('処方');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog')).toContainText('キーボード操作');
  await page.keyboard.press('Escape');
  await page.keyboard.press('t');
  await expect(page.locator('.cal-date.today')).toBeInViewport();
  await stop.focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('.panel')).toBeVisible();
});

/* The row that has the focus, by its place. */
const focusedRow = (page: Page) =>
  page.evaluate(() => [...document.querySelectorAll('.cal-row')].findIndex((row) => row.contains(document.activeElement)));

test('each digit leads to its row, arrows up and down go from row to row, F to the facilities', async ({ page }) => {
  const stop = page.locator('.m[tabindex="0"], .bar[tabindex="0"]');
  await stop.focus();
  for (const [at, name] of ROWS.entries()) {
    await page.keyboard.press(String((at + 1) % 10));
    await expect.poll(() => focusedRow(page), name).toBe(at);
    if (await page.locator('.cal-rowname:focus').count()) await stop.focus(); // nothing in that row
  }
  await page.keyboard.press('2');
  await expect.poll(() => focusedRow(page)).toBe(1);
  const until = async (key: string, row: number) => {
    // first along the marks of the day
    for (let pressed = 0; pressed < 6 && (await focusedRow(page)) !== row; pressed += 1) await page.keyboard.press(key);
    expect(await focusedRow(page), key).toBe(row);
  };
  await until('ArrowDown', 2);
  await until('ArrowDown', 3);
  await until('ArrowUp', 2);
  await until('ArrowUp', 1);
  await page.keyboard.press('f');
  await expect(page.locator('.facility-chip').first()).toBeFocused();
});

test('without single keys only arrows and their like do something', async ({ page }) => {
  const stop = page.locator('.m[tabindex="0"], .bar[tabindex="0"]');
  await stop.focus();
  await page.keyboard.press('?');
  await page.getByRole('dialog').getByRole('checkbox').uncheck();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await stop.focus();
  const name = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
  const before = await name();
  for (const key of ['1', '2', '4', 't', 'f', '?', '/']) await page.keyboard.press(key);
  await expect(page.getByRole('dialog')).toHaveCount(0);
  expect(await name()).toBe(before);
  await page.keyboard.press('Home');
  expect(await name()).not.toBe(before);
});

test('a focused mark is not hidden under the header or the first column', async ({ page }) => {
  await page.locator('.m[tabindex="0"], .bar[tabindex="0"]').focus();
  for (const key of ['4', 'Home', 'PageDown', '2', 'Home', 'End', '1']) {
    await page.keyboard.press(key);
    const isHidden = await page.evaluate(() => {
      const active = document.activeElement;
      if (!active?.matches('.m, .bar')) return false;
      const box = active.getBoundingClientRect();
      const head = document.querySelector('.cal-head')?.getBoundingClientRect();
      const corner = document.querySelector('.cal-corner')?.getBoundingClientRect();
      const isBar = active.matches('.bar');
      return box.top < (head?.bottom ?? 0) - 1 || (!isBar && box.left < (corner?.right ?? 0) - 1) || box.left > innerWidth;
    });
    expect(isHidden, `after ${key}`).toBe(false);
  }
});

test('a tooltip comes on hover, stays under the pointer and goes with Esc', async ({ page }) => {
  await page.locator('.m:not(.more)').last().hover();
  await expect(page.locator('.tip')).toBeVisible();
  await page.locator('.tip').hover();
  await page.waitForTimeout(500);
  await expect(page.locator('.tip')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.locator('.tip')).toBeHidden();
});

test('day, week and month show the same facilities', async ({ page }) => {
  const zoom = (name: string) => page.getByRole('group', { name: '表示の幅' }).getByRole('button', { name, exact: true }).click();
  await zoom('日');
  await expect(page.locator('.cal-canvas[data-zoom="day"] .m-title').first()).toBeVisible();
  await zoom('月');
  await expect(page.locator('.cal-canvas[data-zoom="month"] .m').first()).toBeVisible();
  await expect(page).toHaveURL(/zoom=month/);
  await page.reload();
  await expect(page.locator('.cal-canvas[data-zoom="month"] .m').first()).toBeVisible();
});

test('filters apply to the grid and to the list', async ({ page }) => {
  const chip = page.locator('.facility-chip').nth(1);
  const facility = (await chip.locator('.who-name').textContent()) ?? '';
  await expect(page.locator(`.m[aria-label*="${facility}"]`).first()).toBeAttached();
  await chip.click();
  await expect(page.locator(`.m[aria-label*="${facility}"]`)).toHaveCount(0);
  await page.getByRole('button', { name: '一覧表示' }).click();
  await expect(page.locator('.list-table, .empty').first()).toBeVisible();
  await expect(page.locator('.list-table .fm', { hasText: facility })).toHaveCount(0);
});

test('older weeks come when they are scrolled to', async ({ page }) => {
  await page.locator('.m[tabindex="0"], .bar[tabindex="0"]').focus();
  await page.locator('.cal-scroll').evaluate((node) => node.scrollTo({ left: 0 }));
  await expect(page.locator('.cal-week[data-state="loaded"]').first()).toBeAttached();
  await expect(page.locator('.cal-week[data-state="loading"]')).toHaveCount(0, { timeout: 15_000 });
  await expect(page.locator('.cal-week[data-state="absent"]')).toHaveCount(0);
});

test('says why something is not visible, and what to do', async ({ page }) => {
  await page.locator('.why-button').click();
  await expect(page.getByRole('dialog')).toContainText(/見えない情報/);
});

test('最新データ取得 tells each facility when it was in step', async ({ page }) => {
  await page.getByRole('button', { name: '最新データ取得' }).click();
  await expect(page.getByText('確認しました')).toBeVisible({ timeout: 20_000 });
  await expect(page.locator('.facility-chip.in_step small', { hasText: '時点' }).first()).toBeVisible();
});
