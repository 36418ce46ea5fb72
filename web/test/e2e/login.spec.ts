// SPDX-License-Identifier: Apache-2.0
import { expect, login, picture, test } from './test.ts';

const problem = (code: string) => ({
  status: 403,
  contentType: 'application/problem+json',
  body: JSON.stringify({ title: code, status: 403, code }),
});

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

test('a password from the office is changed before anything opens', async ({ page, world, refusals }) => {
  refusals.add(403);
  const sent: Record<string, string>[] = [];
  await page.route('**/api/v1/session', async (route) => {
    if (route.request().method() !== 'POST') return route.fallback();
    const body = route.request().postDataJSON() as Record<string, string>;
    sent.push(body);
    const { new_password: changed, ...rest } = body;
    if (changed !== undefined && changed !== 'hoshi5mori2kawa') return route.fulfill(problem('password_guessable'));
    if (changed === undefined) return route.fulfill(problem('password_initial'));
    return route.continue({ postData: JSON.stringify(rest) });
  });
  await page.goto('/');
  await page.fill('#login-id', world.doctor.login);
  await page.fill('#login-password', world.doctor.password);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'パスワードの変更' })).toBeVisible();
  await expect(page.locator('#login-new')).toBeFocused();
  await page.fill('#login-new', 'kawabe-1234');
  await page.keyboard.press('Enter');
  await expect(page.locator('.summary')).toContainText('13文字以上');
  await page.fill('#login-new', 'kawabe-1234-kawabe');
  await page.fill('#login-again', 'kawabe-1234-kawabE');
  await page.keyboard.press('Enter');
  await expect(page.locator('.summary')).toContainText('2回の入力が違います');
  await page.fill('#login-again', 'kawabe-1234-kawabe');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toContainText('推測されやすいパスワードです');
  await picture(page, 'login-new-password');
  await page.fill('#login-new', 'hoshi5mori2kawa');
  await page.fill('#login-again', 'hoshi5mori2kawa');
  await page.keyboard.press('Enter');
  await expect(page.locator('#quick-number')).toBeVisible();
  expect(sent.map((body) => body.new_password)).toEqual([undefined, 'kawabe-1234-kawabe', 'hoshi5mori2kawa']);
});
