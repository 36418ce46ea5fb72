// SPDX-License-Identifier: Apache-2.0
/* A doctor keeps key images in a note; it stays, is read with its pictures, corrected and taken
 * back. */
import type { Page } from '@playwright/test';
import { STUDIES, openImages, serveStudies } from './imaging.ts';
import { expect, fetched, isAccessible, login, noSidewaysScroll, openCalendar, picture, test } from './test.ts';

const host = (page: Page) => page.locator('.v-host').first();
const form = (page: Page) => page.getByRole('dialog');
const notes = (page: Page) => page.locator('article.note');
const tab = (page: Page) => page.getByRole('navigation', { name: '患者の画面' }).getByRole('link', { name: '記録', exact: true }).click();

async function mark(page: Page, slice: string): Promise<void> {
  await page.locator('.v-slider').fill(slice);
  await expect(page.locator('.v-pane .bl b')).toHaveText(`${slice} / 40`); // until then it is ready with the one before
  await expect(host(page)).toHaveAttribute('data-ready', 'raw');
  await host(page).focus();
  await page.keyboard.press('k');
  await expect(page.locator('.v-key')).toBeVisible();
}

/* Pictures are fetched when they come into view. */
async function shows(page: Page, count: number): Promise<void> {
  const pictures = notes(page).first().locator('.note-shown li');
  await expect(pictures).toHaveCount(count);
  for (let at = 0; at < count; at += 1) {
    await pictures.nth(at).scrollIntoViewIfNeeded();
    await expect(pictures.nth(at).locator('img')).toBeVisible();
  }
}

async function isGood(page: Page, name: string): Promise<void> {
  await noSidewaysScroll(page);
  await isAccessible(page);
  await picture(page, name);
}

test('key images become a note that is read with its pictures', async ({ page, world, hand, refusals }) => {
  const sent: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/notes')) sent.push(request.url());
  });
  await login(page, world, world.doctor);
  await serveStudies(page, STUDIES.ct());
  await openImages(page, hand, world);
  await expect(host(page)).toHaveAttribute('data-ready', 'raw');
  await mark(page, '12');
  await page.keyboard.press('i');
  await mark(page, '21');
  await page.getByRole('button', { name: 'キー画像の用紙' }).click();
  await page.getByLabel('画像2のコメント').fill('結節の最大断面');
  await page.getByRole('button', { name: '記録に残す' }).click();
  await expect(form(page)).toContainText('「記録」を見られる施設に開示されます');
  const words = `左肺下葉の結節 ${Date.now()}\n3か月後に再検。<b>増大</b>なら紹介する。`;
  await form(page).getByLabel('記録の本文').fill(words);
  await isGood(page, 'note-form');

  // what was typed is not thrown away unasked, and stays when the server fails
  await page.keyboard.press('Escape');
  await expect(form(page)).toContainText('書きかけの記録があります');
  await form(page).getByRole('button', { name: '書き続ける' }).click();
  refusals.add(503);
  await page.route('**/persons/*/notes', (route) => (route.request().method() === 'POST'
    ? route.fulfill({ status: 503, contentType: 'application/problem+json', json: { type: 'about:blank', title: '', status: 503, code: 'audit_unwritable' } })
    : route.fallback()));
  await form(page).getByRole('button', { name: '記録に残す' }).click();
  await expect(form(page).locator('.notice.bad')).toContainText('保存していません。入力した内容は残っています。');
  await expect(form(page).getByLabel('記録の本文')).toHaveValue(words);
  await picture(page, 'note-form-failed');
  await page.unroute('**/persons/*/notes');
  sent.length = 0;
  await form(page).getByRole('button', { name: '記録に残す' }).dblclick();
  await expect(page.getByText('記録に残しました。')).toBeVisible();
  expect(sent.length).toBe(1);
  await isGood(page, 'note-kept');
  // nothing is lost any more by leaving
  await page.getByRole('link', { name: '記録を見る' }).click();

  await page.reload();
  const first = notes(page).first();
  await expect(first).toContainText('<b>増大</b>なら紹介する。');
  await shows(page, 2);
  await expect(first).toContainText('結節の最大断面');
  await expect(first.locator('.note-shown img').last()).toHaveCSS('filter', 'invert(1)');
  await page.evaluate(() => Promise.all([...document.querySelectorAll<HTMLImageElement>('.note-shown img')].map((image) => image.decode())));
  await isGood(page, 'notes');

  // the viewer shows the very picture, as it was looked at
  await first.getByRole('link', { name: 'ビューアで開く' }).last().click();
  await expect(page.locator('.bl b')).toHaveText('21 / 40');
  await page.goBack();
  await shows(page, 2);

  await first.getByRole('button', { name: '訂正する' }).click();
  await form(page).getByLabel('記録の本文').fill('右肺下葉の結節');
  await form(page).getByRole('button', { name: '画像1を外す' }).click();
  await isGood(page, 'note-correct');
  await form(page).getByRole('button', { name: '訂正して残す' }).click();
  await expect(first).toContainText('訂正あり　第2版');
  await shows(page, 1);
  await picture(page, 'notes-corrected');

  await first.getByRole('button', { name: '取り消す' }).click();
  await picture(page, 'note-withdraw');
  await form(page).getByRole('button', { name: '取り消す', exact: true }).click();
  await expect(first).toContainText('取り消し済み');
  await expect(first).not.toContainText('結節');
  await isGood(page, 'notes-withdrawn');
});

/* Everything that another person at this PC could read without having been there. */
const stored = (page: Page) => page.evaluate(async () => {
  const databases = await indexedDB.databases();
  const caches = await window.caches.keys();
  return JSON.stringify([{ ...localStorage }, { ...sessionStorage }, databases, caches, history.state, location.href, document.cookie, window.name]) + document.documentElement.outerHTML;
});

async function logInHere(page: Page, who: { login: string; password: string }): Promise<void> {
  await page.fill('#login-id', who.login);
  await page.fill('#login-password', who.password);
  await page.keyboard.press('Enter');
  await expect(page.locator('#login-password')).toHaveCount(0);
}

/* As if the session had run out while somebody thought about a word. */
async function endSession(page: Page): Promise<void> {
  await page.context().clearCookies();
  await form(page).getByRole('button', { name: '記録に残す' }).click();
  await expect(page.locator('#login-id')).toBeVisible();
}

test('what was being written when the session ended is there again, for the same person only', { tag: '@ends' }, async ({ page, world, hand, refusals }) => {
  refusals.add(401);
  refusals.add(404); // pictures of notes that other specs have left, whose studies were theirs
  const words = `書きかけの所見 ${Date.now()}`;
  await login(page, world, world.doctor);
  await openCalendar(page, hand, world.linked.number);
  await tab(page);
  await page.getByRole('button', { name: '記録を書く' }).click();
  await form(page).getByLabel('記録の本文').fill(words);
  await endSession(page);
  expect(await stored(page)).not.toContain(words);

  // somebody else logs in at the same PC: nothing of it, then and later
  await logInHere(page, world.newcomer);
  await expect(page.getByRole('dialog')).toHaveCount(0);
  expect(await stored(page)).not.toContain(words);
  await page.context().clearCookies();
  await page.goto('/');
  await login(page, world, world.doctor);
  await openCalendar(page, hand, world.linked.number);
  await tab(page);
  await expect(page.getByRole('button', { name: '記録を書く' })).toBeVisible();
  await expect(form(page)).toHaveCount(0);

  // the same person goes on, from wherever the login was
  await page.getByRole('button', { name: '記録を書く' }).click();
  await form(page).getByLabel('記録の本文').fill(words);
  await endSession(page);
  await logInHere(page, world.doctor);
  await expect(form(page)).toContainText('書きかけだった記録です');
  await expect(form(page).getByLabel('記録の本文')).toHaveValue(words);
  await isGood(page, 'note-resumed');
  await form(page).getByRole('button', { name: '記録に残す' }).click();
  await expect(notes(page).first()).toContainText(words);
});

test('key images that were being kept when the session ended are there again', { tag: '@ends' }, async ({ page, world, hand, refusals }) => {
  refusals.add(401);
  await login(page, world, world.doctor);
  await serveStudies(page, STUDIES.ct());
  await openImages(page, hand, world);
  await expect(host(page)).toHaveAttribute('data-ready', 'raw');
  await mark(page, '12');
  await page.getByRole('button', { name: 'キー画像の用紙' }).click();
  await page.getByRole('button', { name: '記録に残す' }).click();
  await form(page).getByLabel('画像1のコメント').fill('結節');
  await form(page).getByLabel('記録の本文').fill('ＣＴ所見');
  await endSession(page);
  await logInHere(page, world.doctor);
  await expect(form(page).getByLabel('記録の本文')).toHaveValue('ＣＴ所見');
  await expect(form(page).getByLabel('画像1のコメント')).toHaveValue('結節');
  await expect(form(page).locator('.note-pictures img')).toBeVisible();
  await isGood(page, 'note-resumed-pictures');
  await form(page).getByRole('button', { name: '記録に残す' }).click();
  await expect(notes(page).first()).toContainText('ＣＴ所見');
  await shows(page, 1);
});

test('whose study is not shown has a place in the note and nothing else', { tag: '@ends' }, async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  const opened: string[] = [];
  page.on('request', (request) => {
    if (/\/entries\/[^/]+\/openings$/.test(request.url())) opened.push(request.url());
  });
  await page.route('**/persons/*/notes', async (route) => {
    const response = await fetched(route);
    const body = (await response.json()) as { notes: unknown[] };
    body.notes = [{
      id: '0'.repeat(32), version: 1, state: 'written', facility: '0'.repeat(32), created_at: 1_790_000_000_000, text: '前回と比べて変化なし。', written_at: 1_790_000_000_000,
      written_by: '真壁 由紀', author: '真壁 由紀', profession: 'doctor', facility_name: 'りんどう医療センター', may_correct: false, may_withdraw: false,
      pictures: [{ entry: null, comment: '矢印の所' }],
    }];
    await route.fulfill({ response, json: body });
  });
  await openCalendar(page, hand, world.linked.number);
  await tab(page);
  await expect(notes(page)).toContainText('この画像は見られません');
  await expect(notes(page).getByRole('link')).toHaveCount(0);
  await expect(notes(page).getByRole('button')).toHaveCount(0);
  expect(opened).toEqual([]);
  // an operator writes nothing
  await expect(page.getByRole('button', { name: '記録を書く' })).toHaveCount(0);
  await isGood(page, 'notes-hidden');
});
