// SPDX-License-Identifier: Apache-2.0
/* At every width, in a network whose consents name each facility: its screens keep to the window, and
 * axe-core finds nothing wrong with them. */
import type { Page } from '@playwright/test';
import { expect, isAccessible, login, noSidewaysScroll, openCalendar, picture, test } from './test.ts';

async function isGood(page: Page, name: string): Promise<void> {
  await noSidewaysScroll(page);
  await isAccessible(page);
  await picture(page, name);
}

test('registration with its step of access rights', async ({ page, world }) => {
  await login(page, world, world.colleague);
  await page.goto('/patients/new');
  await expect(page.locator('.steps li')).toHaveCount(4);
  await isGood(page, 'consent');
  await page.check('#consent-explained');
  await page.getByRole('button', { name: '次へ' }).click();
  await page.fill('#person-name', '試験 花子');
  await page.fill('#person-kana', 'シケン ハナコ');
  await page.fill('#person-birth', '1950-01-01');
  await page.locator('input[name="person-sex"][value="F"]').check();
  await page.getByRole('button', { name: '次へ' }).click();
  const numbers = page.locator('.number-field input');
  await numbers.first().fill('E2E900');
  await numbers.nth(1).fill('123456');
  await page.getByRole('button', { name: '次へ' }).click();
  await expect(page.locator('.picks li').first()).toBeVisible();
  await page.getByRole('button', { name: '登録', exact: true }).click();
  await expect(page.locator('.summary')).toBeVisible();
  await isGood(page, 'rights-step-error');
  await page.locator('.picks label').first().click();
  await expect(page.locator('.summary')).toHaveCount(0);
  await isGood(page, 'rights-step');
});

test('access rights, their change and their end', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await openCalendar(page, hand, world.waiting.number);
  await page.getByRole('navigation', { name: '患者の画面' }).getByRole('link', { name: '同意' }).click();
  await expect(page.getByRole('heading', { name: 'アクセス権設定' })).toBeVisible();
  await isGood(page, 'rights');
  await page.getByRole('button', { name: /アクセス権を(設定|変更)/ }).click();
  await expect(page.getByRole('dialog').locator('.picks li').first()).toBeVisible();
  await isGood(page, 'rights-change');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'との共有を終了' }).first().click();
  await isGood(page, 'rights-end');
});

test('access rights in English, whose words are longer', async ({ page, world, hand }) => {
  await page.addInitScript(() => {
    localStorage.setItem('tsumugi-preferences', JSON.stringify({ language: 'en' }));
  });
  await login(page, world, world.colleague);
  await page.goto('/patients/new');
  await expect(page.locator('.steps li')).toHaveCount(4);
  await isGood(page, 'en-consent');
  await page.goto('/');
  await openCalendar(page, hand, world.waiting.number);
  await page.locator('.tabs a[href$="/consent"]').click();
  await page.getByRole('button', { name: /^(Set|Change) access rights$/ }).click();
  await expect(page.getByRole('dialog').locator('.picks li').first()).toBeVisible();
  await isGood(page, 'en-rights-change');
  await page.keyboard.press('Escape');
  await isGood(page, 'en-rights');
  await page.getByRole('button', { name: /^End sharing with/ }).first().click();
  await isGood(page, 'en-rights-end');
});

test('somebody found, with the own number and whom to share with', async ({ page, world }) => {
  const { joining } = world;
  test.skip(joining === undefined, 'everybody has a number here');
  if (!joining) return;
  await login(page, world, world.colleague);
  await page.goto('/patients');
  await page.getByRole('button', { name: '2つの情報' }).click();
  await page.fill('#search-kana', joining.kana);
  await page.fill('#search-birth', joining.birth_day);
  await page.keyboard.press('Enter');
  await page.locator('a.person').first().click();
  await expect(page.locator('#link-number')).toBeVisible();
  await isGood(page, 'join');
});
