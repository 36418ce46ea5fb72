// SPDX-License-Identifier: Apache-2.0
import { expect, login, registerAgain, test } from './test.ts';

test('registration under comprehensive consent: five clicks, then the calendar fills and opens', async ({ page, world, hand }) => {
  const person = world.unregistered;
  await login(page, world);
  await hand.click(page.getByRole('navigation', { name: '主なメニュー' }).getByRole('link', { name: '患者登録' }));
  await hand.click(page.locator('#consent-explained'));
  await hand.click(page.getByRole('button', { name: '次へ' }));
  await page.fill('#person-name', person.name);
  await page.fill('#person-kana', person.kana);
  await page.fill('#person-birth', person.birth_day);
  await page.locator(`input[name="person-sex"][value="${person.sex}"]`).check();
  await hand.click(page.getByRole('button', { name: '次へ' }));
  const fields = page.locator('.number-field input');
  await fields.first().fill(`E2E${Date.now() % 1_000_000}`);
  const facilities = await page.evaluate(async () => {
    const answer = (await (await fetch('/api/v1/facilities')).json()) as { facilities: { id: string; code: string }[] };
    return answer.facilities;
  });
  const hospital = facilities.find((facility) => facility.code === person.hospital);
  await page.fill(`#number-${hospital?.id ?? ''}`, person.hospitalNumber);
  await hand.click(page.getByRole('button', { name: '登録', exact: true }));
  expect(hand.clicks).toBeLessThanOrEqual(5);
  await expect(page.locator('.cal-row')).toHaveCount(10);
  await expect(page.locator('.banner h1')).toContainText(person.name.split(' ')[0] ?? '');
  // whatever the hospital has becomes visible without another click
  const found = page.locator('.m:not(.more), .bar, .cal-hint').first();
  await expect(found).toBeVisible({ timeout: 30_000 });
  if (await page.locator('.cal-hint').isVisible()) await page.locator('.cal-hint').click();
  const mark = page.locator('.m:not(.more), .bar').last();
  await mark.click();
  await expect(page.locator('.panel-body')).toHaveAttribute('aria-busy', 'false', { timeout: 15_000 });
  await expect(page.locator('.panel .source')).toBeVisible();
});

test('the wizard names every wrong field and keeps what was typed', async ({ page, world }) => {
  await login(page, world);
  await page.goto('/patients/new');
  await page.getByRole('button', { name: '次へ' }).click();
  await expect(page.locator('.summary')).toContainText('説明と同意を確認');
  await page.check('#consent-explained');
  await page.locator('input[name="consent-channel"][value="oral"]').check();
  await page.getByRole('button', { name: '次へ' }).click();
  await expect(page.locator('#consent-note-error')).toBeVisible();
  await page.fill('#consent-note', '外来診療録');
  await page.getByRole('button', { name: '次へ' }).click();
  await page.fill('#person-name', '山田');
  await page.getByRole('button', { name: '次へ' }).click();
  await expect(page.locator('.summary a')).toHaveCount(4);
  await expect(page.locator('#person-name')).toHaveValue('山田');
  await page.getByRole('button', { name: '戻る' }).click();
  await expect(page.locator('#consent-explained')).toBeChecked();
});

test('somebody who is registered already is offered, not registered twice', async ({ page, world, refusals }) => {
  const person = world.linked;
  refusals.add(409);
  await login(page, world);
  await registerAgain(page, world.linked, 'E2E777');
  await expect(page.getByRole('dialog')).toContainText('すでに登録されている可能性');
  await expect(page.getByRole('dialog').locator('.person').first()).toContainText(person.kana);
});

test('施設追加: the own number of somebody found, in three clicks', async ({ page, world, hand }) => {
  const { joining } = world;
  test.skip(joining === undefined, 'everybody has a number here');
  if (!joining) return;
  await login(page, world);
  await page.goto('/patients');
  await page.getByRole('button', { name: '2つの情報' }).click();
  await page.fill('#search-kana', joining.kana);
  await page.fill('#search-birth', joining.birth_day);
  await hand.enter();
  // without a number of its own, a facility sees neither facilities nor records
  const found = page.locator('a.person').first();
  await expect(found).toContainText('自施設番号なし');
  await expect(found.locator('.fm')).toHaveCount(0);
  await hand.click(found);
  await page.fill('#link-number', `E2E${Date.now() % 1_000_000}`);
  await page.fill('#link-birth', joining.birth_day);
  await hand.click(page.getByRole('button', { name: '登録', exact: true }));
  expect(hand.clicks).toBeLessThanOrEqual(3);
  await expect(page.locator('.cal-row')).toHaveCount(10);
});
