// SPDX-License-Identifier: Apache-2.0
import { expect, login, openCalendar, test } from './test.ts';

test('what was viewed stands in this month, on the screen and in the CSV', async ({ page, world, hand }) => {
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  const before = hand.clicks;
  await hand.click(page.getByRole('navigation', { name: '主なメニュー' }).getByRole('link', { name: '参照記録' }));
  await expect(page.locator('.logs tbody tr').first()).toContainText(world.linked.name.split(' ')[1] ?? '');
  const download = page.waitForEvent('download');
  await hand.click(page.getByRole('link', { name: 'CSVで保存' }));
  expect((await download).suggestedFilename()).toMatch(/\.csv$/);
  expect(hand.clicks - before).toBeLessThanOrEqual(2);
});

test('the other side is what others viewed of ours', async ({ page, world }) => {
  await login(page, world);
  await page.goto('/logs');
  await page.getByRole('button', { name: '他施設に見られた' }).click();
  // a clinic without records of its own in the network is viewed by nobody
  await expect(page.getByText(/他施設の職員が、自施設の提供した内容を見た記録/)).toBeVisible();
  await expect(page.getByText(/参照記録はありません/)).toBeVisible();
});

test('a hospital sees who viewed its data, on the screen and in the CSV', async ({ page, browser, world, hand }) => {
  await login(page, world, world.colleague);
  await openCalendar(page, hand, world.linked.number);
  await page.locator(`.m:not(.more)[aria-label*="${world.near.name}"]`).first().click();
  await expect(page.locator('.panel-body')).toHaveAttribute('aria-busy', 'false');
  const context = await browser.newContext({ viewport: page.viewportSize() });
  const own = await context.newPage();
  await login(own, world, world.hospitalDoctor);
  await own.goto('/logs');
  await own.getByRole('button', { name: '他施設に見られた' }).click();
  const line = own.locator('.logs tbody tr', { hasText: world.clinic }).first();
  await expect(line).toContainText(world.linked.name.split(' ')[1] ?? '');
  const download = own.waitForEvent('download');
  await own.getByRole('link', { name: 'CSVで保存' }).click();
  const file = await (await download).createReadStream();
  let csv = '';
  for await (const piece of file) csv += String(piece);
  expect(csv).toContain(world.clinic);
  expect(csv).toContain(world.linked.name.split(' ')[1] ?? '');
  await context.close();
});

test('a month in which little is to be found is looked through to its end', async ({ page, world, hand, refusals }) => {
  refusals.add(503);
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  let isFailing = false;
  await page.route(/\/references\?/, async (route) => {
    const url = route.request().url();
    if (!url.includes('cursor=')) await route.fulfill({ json: { references: [], next: '1.1.centre' } });
    else if (isFailing) await route.fulfill({ status: 503, contentType: 'application/problem+json', json: { status: 503, code: 'busy' } });
    else await route.continue({ url: url.replace(/&cursor=[^&]*/, '') });
  });
  await page.goto('/logs');
  await expect(page.locator('.logs tbody tr').first()).toContainText(world.linked.name.split(' ')[1] ?? '');
  isFailing = true;
  await page.getByRole('button', { name: '他施設に見られた' }).click();
  await expect(page.locator('.notice.bad')).toBeVisible();
  await expect(page.getByText(/参照記録はありません/)).toBeHidden();
  await expect(page.getByRole('button', { name: 'さらに表示' })).toBeVisible();
});

test('a month without views says so', async ({ page, world }) => {
  await login(page, world);
  await page.goto('/logs');
  await page.locator('#logs-month').selectOption({ index: 59 });
  await expect(page.getByText(/参照記録はありません/)).toBeVisible();
});
