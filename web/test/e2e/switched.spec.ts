// SPDX-License-Identifier: Apache-2.0
/* Hospitals that go and come while a calendar is open. The last of all: it changes the region. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, login, openCalendar, test } from './test.ts';

const SLOW = { timeout: 45_000 };

function turn(code: string, word: 'on' | 'off'): void {
  writeFileSync(join(process.env.TSUMUGI_DEMO_DIR ?? '', 'switch', code), `${word}\n`);
}

test('a hospital that goes leaves its rows marked and its content explained, until it is back', async ({ page, world, hand, refusals }) => {
  refusals.add(503);
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  const chip = page.locator('.facility-chip', { hasText: world.near.name });
  await expect(chip).toHaveClass(/in_step/);
  const mark = page.locator(`.m[aria-label*="${world.near.name}"]:not(.more)`).first();
  await expect(mark).toBeAttached();
  try {
    turn(world.near.code, 'off');
    await expect(chip).toHaveClass(/behind/, SLOW);
    await expect(chip).toContainText('未反映');
    await expect(page.locator(`.cal-gaps[aria-label*="${world.near.name}: "][aria-label*="未反映"]`)).toHaveCount(10);
    await mark.click();
    await expect(page.locator('.panel').getByRole('alert')).toContainText('応答がありません');
    await page.locator('.why-button').click();
    await expect(page.getByRole('dialog').locator('li', { hasText: world.near.name })).toContainText('それ以降の情報は表示されていません');
    await page.keyboard.press('Escape');
  } finally {
    turn(world.near.code, 'on');
  }
  await expect(chip).toHaveClass(/in_step/, SLOW);
  // what the panel could not read is read again by itself
  await expect(page.locator('.panel .source')).toBeAttached(SLOW);
  await expect(page.locator('.panel').getByRole('alert')).toBeHidden();
});

test('a hospital that comes is asked about the number by itself, and its entries appear', async ({ page, world, hand }) => {
  test.setTimeout(120_000);
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  const chip = page.locator('.facility-chip', { hasText: world.away.name });
  await expect(chip).toHaveClass(/waiting/);
  turn(world.away.code, 'on');
  await expect(chip).toHaveClass(/in_step/, { timeout: 90_000 });
  await page.getByRole('button', { name: '月', exact: true }).click();
  await expect(page.locator(`.m[aria-label*="${world.away.name}"]`).first()).toBeAttached();
});
