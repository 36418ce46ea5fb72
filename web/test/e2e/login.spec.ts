// SPDX-License-Identifier: Apache-2.0
import { expect, login, test } from './test.ts';

test('a wrong password is refused in words that do not tell which part was wrong', async ({ page, world, refusals }) => {
  refusals.add(401);
  await page.goto('/');
  await page.fill('#login-id', world.doctor.login);
  await page.fill('#login-password', 'not the password');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toContainText('ログインIDまたはパスワードが違います');
  await expect(page.locator('#login-password')).toHaveValue('');
});

test('missing fields are named at the top and beside the field', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('button', { name: 'ログイン' }).click();
  await expect(page.locator('.summary')).toBeFocused();
  await expect(page.locator('.summary a')).toHaveCount(2);
  await page.locator('.summary a').first().click();
  await expect(page.locator('#login-id')).toBeFocused();
});

test('a login survives a reload and ends on the server at logout', async ({ page, world, refusals }) => {
  await login(page, world);
  await page.reload();
  await expect(page.locator('#quick-number')).toBeVisible();
  await page.locator('.who > button').click();
  await page.getByRole('button', { name: 'ログアウト' }).click();
  await expect(page.getByText('ログアウトしました')).toBeVisible();
  refusals.add(401);
  const status = await page.evaluate(async () => (await fetch('/api/v1/session')).status);
  expect(status).toBe(401);
  await page.goto('/patients');
  await expect(page.locator('#login-id')).toBeVisible();
});

test('seven tabs load, since only one of them listens', async ({ page, world, context }) => {
  await login(page, world);
  for (let index = 0; index < 6; index += 1) {
    const tab = await context.newPage();
    await tab.goto('/');
    await expect(tab.locator('#quick-number')).toBeVisible();
  }
});

test('the language changes every word but no data', async ({ page, world }) => {
  await login(page, world);
  await page.locator('.who > button').click();
  await page.getByRole('button', { name: 'English' }).click();
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  await page.locator('.who > button').click();
  await page.getByRole('button', { name: '日本語' }).click();
  await expect(page.locator('html')).toHaveAttribute('lang', 'ja');
});
