// SPDX-License-Identifier: Apache-2.0
/* "+n": more facilities on one day than a row has lines for. The region has no such day, so the
 * answers on their way are made to say so. */
import type { Page } from '@playwright/test';
import { expect, fetched, isAccessible, login, noSidewaysScroll, openCalendar, picture, test } from './test.ts';

interface Opening {
  rows: string[];
  facilities: { id: string; name: string; letter: string; slot: number }[];
  marks: Record<'row' | 'day' | 'facility' | 'count' | 'flags' | 'entry' | 'title', (number | string)[]>;
}
interface Entries {
  entries: { id: string; facility: string; title: string }[];
  next: string | null;
}

/** The newest day of a row has a mark of every facility, and its entries come in two pages. */
async function crowd(page: Page): Promise<void> {
  await page.route('**/calendar-openings', async (route) => {
    const answer = await fetched(route);
    const body = (await answer.json()) as Opening;
    const { marks } = body;
    const [first] = body.facilities;
    for (const [letter, slot] of [['甲', 8], ['乙', 9], ['丙', 10]] as const) {
      if (first) body.facilities.push({ ...first, id: String(slot % 10).repeat(32), name: `架空${letter}病院`, letter, slot });
    }
    const row = body.rows.indexOf('visit');
    const day = Math.max(...marks.day.filter((_, at) => marks.row[at] === row).map(Number));
    const at = marks.day.findIndex((one, index) => one === day && marks.row[index] === row);
    body.facilities.forEach((_, facility) => {
      if (facility === marks.facility[at]) return;
      for (const key of Object.keys(marks) as (keyof typeof marks)[]) marks[key].push(marks[key][at] ?? 0);
      marks.facility[marks.facility.length - 1] = facility;
    });
    await route.fulfill({ response: answer, json: body });
  });
  await page.route('**/entries?*', async (route) => {
    const isSecond = new URL(route.request().url()).searchParams.has('cursor');
    const answer = await fetched(route, { url: route.request().url().replace(/&cursor=[^&]*/, '') });
    const body = (await answer.json()) as Entries;
    const own = body.entries[0];
    if (!own) throw new Error('the day has no entry');
    const second = { ...own, id: 'f'.repeat(32), title: '二つ目の受診' };
    await route.fulfill({ response: answer, json: isSecond ? { entries: [second], next: null } : { ...body, next: '1' } });
  });
}

/** Goes there by keys, so that its week is in view. */
async function newest(page: Page) {
  await page.locator('.m[tabindex="0"], .bar[tabindex="0"]').focus();
  await page.keyboard.press('8');
  await page.keyboard.press('End');
  return page.locator('.m.more[aria-label*="診察"]');
}

test('"+n" lists the whole day of the row; nothing is opened before it is chosen', async ({ page, world, hand, addresses }) => {
  await crowd(page);
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  const more = await newest(page);
  await more.focus();
  const opened = () => addresses.filter((address) => /\/entries\/[0-9a-f]{32}\/openings$/.test(address)).length;
  await page.keyboard.press('Enter');
  const list = page.locator('.day-list button');
  await expect(list.last()).toContainText('二つ目の受診');
  const count = await list.count();
  await expect(page.locator('.panel-body')).toContainText(`${count}件あります`);
  await expect(page.locator('.panel h2')).toBeFocused();
  await expect(page.locator('.panel h2')).toHaveText(/^診察\d+月\d+日/);
  expect(opened()).toBe(0);
  await isAccessible(page);
  for (const width of [1280, 820, 390]) {
    await page.setViewportSize({ width, height: 844 });
    await noSidewaysScroll(page);
    await picture(page, 'day-list');
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  const title = (await list.first().locator('b').textContent()) ?? '';
  await list.first().focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('.panel h2')).toContainText(title);
  await expect(page.locator('.panel h2')).toBeFocused();
  expect(opened()).toBe(1);
  await isAccessible(page);
  await page.getByRole('button', { name: '一覧へ戻る' }).click();
  await expect(list).toHaveCount(count);
  await expect(page.locator('.panel-foot')).toHaveCount(0);
  // back to the mark of what was open last
  await page.keyboard.press('Escape');
  await expect(page.locator('.panel')).toHaveCount(0);
  await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '')).toContain('診察');
});

test('what the filter leaves out is not in the list of the day either', async ({ page, world, hand }) => {
  await crowd(page);
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  const more = await newest(page);
  await more.click();
  const first = page.locator('.day-list button').first();
  const name = (await first.locator('.fm .sr').textContent()) ?? '';
  await page.locator('.facility-chip', { hasText: name }).click();
  await more.click();
  await expect(page.locator('.day-list button .fm', { hasText: name })).toHaveCount(0);
  await expect(page.locator('.day-list, .panel .empty').first()).toBeVisible();
});
