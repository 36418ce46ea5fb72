// SPDX-License-Identifier: Apache-2.0
import { expect, isAccessible, login, noSidewaysScroll, openCalendar, picture, test } from './test.ts';

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

test('allergies are counted in one line that opens, and what is pressed is as large as a finger', async ({ page, world, hand }) => {
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  const all = page.locator('.allergy-all');
  await expect(all).toContainText(/アレルギー \d+件/);
  const count = Number(/(\d+)件/.exec((await all.textContent()) ?? '')?.[1]);
  expect(count).toBeGreaterThan(1);
  await expect(page.locator('.allergy:visible')).toHaveCount(0);
  for (const one of await page.locator('.who > button, .banner .tabs a, .allergy-all').all()) {
    expect((await one.boundingBox())?.height).toBeGreaterThanOrEqual(44);
  }
  await picture(page, 'allergies');
  await all.click();
  await expect(page.locator('.allergy:visible')).toHaveCount(count);
  // none of the names is cut
  const cut = await page.locator('.allergy span:last-child').evaluateAll((names) => names.filter((name) => name.scrollWidth > name.clientWidth + 1).length);
  expect(cut).toBe(0);
  await noSidewaysScroll(page);
  await isAccessible(page);
  await picture(page, 'allergies-open');
  await all.click();
  await expect(page.locator('.allergy:visible')).toHaveCount(0);
});
