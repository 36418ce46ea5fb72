// SPDX-License-Identifier: Apache-2.0
/* The main task of each screen by keyboard alone, what a screen reader is told, and what people
 * set in their system: less motion, forced colours. */
import type { Page } from '@playwright/test';
import { expect, isAccessible, login, openCalendar, test } from './test.ts';

const TABS_MAX = 120;

/** Presses Tab until the focus is where it is wanted. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let pressed = 0; pressed < TABS_MAX; pressed += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
  }
  const there = await page.locator(selector).count();
  throw new Error(`Tab does not lead to ${selector}, of which there are ${there}`);
}
const focused = (page: Page, what: 'aria-label' | 'id') =>
  page.evaluate((name) => document.activeElement?.getAttribute(name) ?? '', what);
const mark = '.m[tabindex="0"], .bar[tabindex="0"]';

test('from the login to an entry, to another one, and back', async ({ page, world }) => {
  await page.goto('/');
  await expect(page.locator('#login-id')).toBeFocused();
  await page.keyboard.type(world.doctor.login);
  await tabTo(page, '#login-password');
  await page.keyboard.type(world.doctor.password);
  await page.keyboard.press('Enter');
  await expect(page.locator('#quick-number')).toBeVisible();
  await tabTo(page, '#quick-number');
  await page.keyboard.type(world.linked.number);
  await page.keyboard.press('Enter');
  await expect(page.locator('a.person').first()).toBeVisible();
  await tabTo(page, 'a.person');
  await page.keyboard.press('Enter');
  await expect(page.locator('.m').first()).toBeVisible();
  await tabTo(page, mark);
  await page.keyboard.press('4');
  await expect.poll(() => focused(page, 'aria-label')).toContain('検査');
  const from = await focused(page, 'aria-label');
  await page.keyboard.press('Enter');
  await expect(page.locator('.panel h2')).toBeFocused();
  await expect(page.locator('.panel-facts')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.locator('.panel')).toHaveCount(0);
  await expect.poll(() => focused(page, 'aria-label')).toBe(from);
  // one stop for the whole grid: Tab leaves it
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.matches('.m, .bar'))).toBe(false);
});

test('words lead to an entry that is not in view', async ({ page, world, hand }) => {
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await expect(page.locator('.m').first()).toBeVisible();
  await tabTo(page, mark);
  await page.keyboard.press('/');
  await expect(page.locator('#find-words')).toBeFocused();
  await page.keyboard.type('検査');
  await expect(page.locator('.found-list button').first()).toBeVisible();
  await tabTo(page, '.found-list button');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(page.locator('.panel h2')).toContainText('検査');
});

test('the list, its entry, and both on paper', async ({ page, world, hand }) => {
  await page.addInitScript(() => {
    globalThis.print = () => {};
  });
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await expect(page.locator('.m').first()).toBeVisible();
  const press = async (selector: string) => {
    await tabTo(page, selector);
    await page.keyboard.press('Enter');
  };
  await press('.cal-tools .seg button[aria-pressed="false"]');
  await expect(page.locator('.list-table .title-button, .list-table').first()).toBeVisible();
  await press('.list-table .title-button');
  await expect(page.locator('.panel-foot')).toBeVisible();
  await press('.panel-foot a[href^="/print/entry/"]');
  await expect(page.locator('.paper')).toBeVisible();
  await press('.print-tools button.primary');
  await expect(page.locator('.is-printed')).toBeVisible();
  await press('.print-tools a.btn');
  await expect(page.locator('.m').first()).toBeVisible();
  await press('a[href^="/print/calendar/"]');
  await expect(page.locator('.paper')).toBeVisible();
});

test('registration, numbers, consent and records', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await tabTo(page, 'a[href="/patients/new"]');
  await page.keyboard.press('Enter');
  await tabTo(page, '#consent-explained');
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await expect(page.locator('#person-name')).toBeVisible();
  await tabTo(page, '#person-name');
  await page.keyboard.press('Enter');
  await expect(page.locator('.summary')).toBeFocused();
  await tabTo(page, '.summary a');
  await page.keyboard.press('Enter');
  await expect(page.locator('#person-name')).toBeFocused();
  await page.goto('/');
  await openCalendar(page, hand, world.waiting.number);
  await tabTo(page, '.tabs a[href$="/link"]');
  await page.keyboard.press('Enter');
  await expect(page.locator('.links > li').first()).toBeVisible();
  await tabTo(page, '.links button');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.locator('.links button:focus')).toHaveCount(1);
  await page.goto(page.url().replace('/link', '/consent'));
  await expect(page.getByRole('button', { name: '同意を撤回' })).toBeVisible();
  await tabTo(page, 'button.danger, .actions button, .card button');
  const asked = await page.evaluate(() => document.activeElement?.textContent ?? '');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent ?? '')).toBe(asked);
  await page.goto('/logs');
  await tabTo(page, 'a[href*="references.csv"]');
});

test('the grid says what it is: rows, columns of which few are there, and what a row lacks, once', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await openCalendar(page, hand, world.waiting.number);
  await expect(page.locator('.m, .bar').first()).toBeVisible();
  const grid = page.getByRole('grid');
  await expect(grid).toHaveAttribute('aria-rowcount', '11');
  const columns = Number(await grid.getAttribute('aria-colcount'));
  const there = await grid.getByRole('columnheader').count();
  expect(columns).toBeGreaterThan(there);
  await expect(grid.getByRole('rowheader')).toHaveCount(10);
  const lacks = page.locator('.cal > [role="status"] p');
  await expect(lacks.filter({ hasText: world.away.name })).toHaveCount(1);
  await page.getByRole('button', { name: '最新データ取得' }).click();
  await expect(page.getByText('確認しました')).toBeVisible();
  await expect(lacks.filter({ hasText: world.away.name })).toHaveCount(1);
});

test('less motion moves nothing, forced colours keep every sign', async ({ page, world, hand }) => {
  await page.emulateMedia({ reducedMotion: 'reduce', forcedColors: 'active' });
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await expect(page.locator('.m').first()).toBeVisible();
  const before = await page.locator('.cal-scroll').evaluate((node) => node.scrollLeft);
  const after = await page.getByRole('button', { name: '前へ' }).evaluate((button: HTMLElement) => {
    button.click();
    return document.querySelector('.cal-scroll')?.scrollLeft ?? 0;
  });
  expect(after).toBeLessThan(before);
  expect(await page.evaluate(() => document.getAnimations().filter(({ playState }) => playState === 'running').length)).toBe(0);
  await page.getByRole('button', { name: '今日' }).click();
  const signs = await page.locator('.m').last().evaluate((node) => {
    const style = getComputedStyle(node);
    return { border: style.borderTopStyle, width: parseFloat(style.borderTopWidth), letter: getComputedStyle(node, '::before').content };
  });
  expect(signs.border).not.toBe('none');
  expect(signs.width).toBeGreaterThan(0);
  expect(signs.letter).toMatch(/"./);
  await page.locator(mark).focus();
  await page.keyboard.press('ArrowLeft');
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineStyle);
  expect(outline).not.toBe('none');
  await isAccessible(page);
});
