// SPDX-License-Identifier: Apache-2.0
/* In a network whose consents name each facility: 患者登録, 施設追加 and アクセス権設定, with their clicks. */
import type { Page } from '@playwright/test';
import { expect, login, test } from './test.ts';

const facilitiesOf = (page: Page) =>
  page.evaluate(async () => {
    const answer = (await (await fetch('/api/v1/facilities')).json()) as {
      facilities: { id: string; code: string; name: string }[];
    };
    return answer.facilities;
  });
const tab = (page: Page, name: string) => page.getByRole('navigation', { name: '患者の画面' }).getByRole('link', { name });
const right = (page: Page, name: string) => page.locator('.card', { hasText: 'アクセス権設定' }).locator('.links > li').filter({ has: page.locator('b', { hasText: name }) });

test('registration under specific consent: seven clicks, and only who was named is seen', async ({ page, world, hand }) => {
  const person = world.unregistered;
  await login(page, world);
  await hand.click(page.getByRole('navigation', { name: '主なメニュー' }).getByRole('link', { name: '患者登録' }));
  await expect(page.locator('.tick b').first()).toContainText('説明し');
  await expect(page.getByText('個別同意')).toBeVisible();
  await hand.click(page.locator('#consent-explained'));
  await hand.click(page.getByRole('button', { name: '次へ' }));
  await page.fill('#person-name', person.name);
  await page.fill('#person-kana', person.kana);
  await page.fill('#person-birth', person.birth_day);
  await page.locator(`input[name="person-sex"][value="${person.sex}"]`).check();
  await hand.click(page.getByRole('button', { name: '次へ' }));
  await page.locator('.number-field input').first().fill(`E2E${Date.now() % 1_000_000}`);
  const hospital = (await facilitiesOf(page)).find((facility) => facility.code === person.hospital);
  await page.fill(`#number-${hospital?.id ?? ''}`, person.hospitalNumber);
  await hand.click(page.getByRole('button', { name: '次へ' }));
  await expect(page.locator('.picks li').first()).toContainText('番号あり');
  await expect(page.locator('.picks input:checked')).toHaveCount(0);
  await page.getByRole('button', { name: '登録', exact: true }).click(); // nobody is named yet
  await expect(page.locator('.summary')).toContainText('1つ以上');
  await hand.click(page.locator('.picks label', { hasText: hospital?.name ?? '' }));
  await hand.click(page.getByRole('button', { name: '登録', exact: true }));
  expect(hand.clicks).toBeLessThanOrEqual(7);
  await expect(page.locator('.cal-row')).toHaveCount(10);
  await expect(page.locator('.m:not(.more), .bar, .cal-hint').first()).toBeVisible({ timeout: 30_000 });
  await page.locator('.why-button').click();
  await expect(page.getByRole('dialog')).toContainText('登録された同意に、この施設は含まれていません');
});

test('施設追加 under specific consent: the own number and whom it may share with, in five clicks', async ({ page, world, hand }) => {
  const { joining } = world;
  test.skip(joining === undefined, 'everybody has a number here');
  if (!joining) return;
  await login(page, world);
  await page.goto('/patients');
  await page.getByRole('button', { name: '2つの情報' }).click();
  await page.fill('#search-kana', joining.kana);
  await page.fill('#search-birth', joining.birth_day);
  await hand.enter();
  await hand.click(page.locator('a.person').first());
  await page.fill('#link-number', `E2E${Date.now() % 1_000_000}`);
  await page.fill('#link-birth', joining.birth_day);
  await hand.click(page.locator('#consent-explained'));
  const facilities = await facilitiesOf(page);
  const named = facilities.find((facility) => joining.records.some((record) => record.facility === facility.code && record.link === 'confirmed'));
  await hand.click(page.locator('.picks label', { hasText: named?.name ?? '' }));
  await hand.click(page.getByRole('button', { name: '登録', exact: true }));
  expect(hand.clicks).toBeLessThanOrEqual(5);
  await expect(page.locator('.cal-row')).toHaveCount(10);
  await tab(page, '同意').click();
  await expect(right(page, named?.name ?? '')).toContainText('共有中');
});

test('access rights are given, changed and ended one by one, and the history keeps them', async ({ page, world }) => {
  await login(page, world);
  await page.goto('/patients/new');
  await page.check('#consent-explained');
  await page.getByRole('button', { name: '次へ' }).click();
  await page.fill('#person-name', '試験 太郎');
  await page.fill('#person-kana', 'シケン タロウ');
  await page.fill('#person-birth', '1933-02-01');
  await page.locator('input[name="person-sex"][value="M"]').check();
  await page.getByRole('button', { name: '次へ' }).click();
  await page.locator('.number-field input').first().fill(`E2E${Date.now() % 1_000_000}`);
  await page.getByRole('button', { name: '次へ' }).click();
  const [one, two, three] = (await facilitiesOf(page)).filter((facility) => world.connected.has(facility.code) || facility.code === world.away.code);
  await page.locator('.picks label', { hasText: one?.name ?? '' }).click();
  await page.getByRole('button', { name: '登録', exact: true }).click();
  await expect(page.locator('.cal-row')).toHaveCount(10);
  await tab(page, '同意').click();
  const history = page.locator('section.card', { hasText: '履歴' }).locator('ol > li');
  await expect(right(page, one?.name ?? '')).toContainText(/共有中.*期限なし/s);
  await expect(right(page, two?.name ?? '')).toContainText('共有なし');
  await expect(history).toHaveCount(1);

  // changed: what was named stays ticked; two more, for half a year
  await page.getByRole('button', { name: 'アクセス権を変更' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.locator('.picks input:checked')).toHaveCount(1);
  for (const facility of [two, three]) await dialog.locator('.picks label', { hasText: facility?.name ?? '' }).click();
  await dialog.locator('input[name="consent-term"][value="180"]').check();
  await dialog.getByRole('button', { name: 'この内容で登録' }).click();
  await expect(dialog.locator('.summary')).toContainText('説明と同意を確認');
  await page.check('#consent-explained');
  await dialog.getByRole('button', { name: 'この内容で登録' }).click();
  await expect(page.getByText('同意を登録しました')).toBeVisible();
  for (const facility of [one, two, three]) await expect(right(page, facility?.name ?? '')).toContainText(/共有中.*まで/s);
  await expect(page.locator('.card', { hasText: 'アクセス権設定' }).locator('header')).toContainText('3施設と共有中');
  await expect(history).toHaveCount(2);

  // ended, one by one; with the last the consent itself
  for (const [left, facility] of [[2, two], [1, three], [0, one]] as const) {
    await right(page, facility?.name ?? '').getByRole('button').click();
    await dialog.getByRole('button', { name: '終了を確定' }).click();
    await expect(page.getByText(`${facility?.name ?? ''}との共有を終了しました`)).toBeVisible();
    await expect(page.locator('.card', { hasText: 'アクセス権設定' }).locator('header')).toContainText(`${left}施設と共有中`);
  }
  await expect(right(page, one?.name ?? '')).toContainText('撤回');
  await expect(history).toHaveCount(4);
  await expect(page.locator('.banner .tag.bad')).toContainText('同意撤回');
});
