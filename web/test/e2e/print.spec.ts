// SPDX-License-Identifier: Apache-2.0
/* What comes out of the printer: read from the PDF, page by page. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, fetched, isAccessible, login, openCalendar, openSummary, picture, test } from './test.ts';

const LONG = '長谷川ヴァレンティーナ佐久間小路 花子エリザベート美津子智恵子夕紀菜'.repeat(2);
const CANCELLED = 32;

/** What comes out: the text of each page, without blanks (lines break where they like), and how
 * wide its pictures are. */
async function copy(page: Page, name?: string): Promise<{ pages: string[]; pictures: number[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'print-'));
  try {
    const file = join(folder, 'paper.pdf');
    const bytes = await page.pdf({ preferCSSPageSize: true, printBackground: true });
    writeFileSync(file, bytes);
    if (name && process.env.PICTURES) execFileSync('pdftoppm', ['-r', '70', '-png', file, join(process.env.PICTURES, name)]);
    const text = execFileSync('pdftotext', [file, '-'], { encoding: 'utf8' });
    const list = execFileSync('pdfimages', ['-list', file], { encoding: 'utf8' }).split('\n').slice(2, -1);
    return {
      pages: text.split('\f').slice(0, -1).map((one) => one.replace(/\s/g, '')),
      pictures: list.map((one) => Number(one.trim().split(/\s+/)[3])),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const pages = async (page: Page, name?: string): Promise<string[]> => (await copy(page, name)).pages;

/* The browser's own dialog cannot be answered; what it would print is asked for as a PDF. */
async function printed(page: Page): Promise<string> {
  const answer = page.waitForResponse((response) => response.url().endsWith('/prints'));
  await page.locator('.print-tools').getByRole('button', { name: '印刷' }).click();
  const { request } = (await (await answer).json()) as { request: string };
  await expect(page.locator('.is-printed')).toBeVisible();
  return request;
}

test.beforeEach(async ({ page }) => {
  await page.addInitScript(() => {
    globalThis.print = () => {};
  });
});

test('the calendar prints its range, with patient, viewer and number of the audit on every page', async ({ page, world, hand }) => {
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await expect(page.locator('.m').first()).toBeVisible();
  await page.getByRole('link', { name: 'カレンダーを印刷' }).click();
  await expect(page.locator('.paper-block').first()).toBeVisible();
  const shown = await page.locator('.paper-block .pm').count();
  expect(shown).toBeGreaterThan(0);
  await page.fill('#print-from', '2000-01-01');
  await expect(page.getByText('53週以内')).toBeVisible();
  const today = await page.inputValue('#print-to');
  await page.fill('#print-from', new Date(Date.parse(today) - 300 * 86_400_000).toISOString().slice(0, 10));
  await expect(page.locator('.paper-block')).not.toHaveCount(0);
  await picture(page, 'print-calendar');
  const request = await printed(page);
  const paper = await pages(page, 'print-calendar');
  expect(paper.length).toBeGreaterThan(2);
  const name = world.linked.name.replace(/\s/g, '');
  for (const [index, text] of paper.entries()) {
    for (const part of [name, world.linked.number, request, 'かわべ診療所', `${index + 1}/${paper.length}`]) {
      expect(text, `page ${index + 1}`).toContain(part);
    }
  }
  expect(paper.join('')).toContain('この紙に載っていない情報');

  // the facility's own records of views say so
  await page.goto('/logs');
  await expect(page.locator('.logs tbody tr', { hasText: '印刷' }).first()).toContainText(world.linked.number);
});

test('long names break, and what was cancelled says so', async ({ page, world, hand }) => {
  await page.route('**/api/v1/persons/*', async (route) => {
    const response = await fetched(route);
    await route.fulfill({ response, json: { ...((await response.json()) as object), name: LONG } });
  });
  await page.route('**/calendar-openings', async (route) => {
    const response = await fetched(route);
    const answer = (await response.json()) as { marks: { flags: number[] } };
    answer.marks.flags = answer.marks.flags.map(() => CANCELLED);
    await route.fulfill({ response, json: answer });
  });
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await page.getByRole('link', { name: 'カレンダーを印刷' }).click();
  await expect(page.locator('.pm.can').first()).toBeVisible();
  await printed(page);
  const paper = await pages(page, 'print-long');
  for (const text of paper) expect(text).toContain(LONG.replace(/\s/g, ''));
  expect(paper.join('')).toContain('取消');
});

test('a content prints with the same on every page, each entry of a prescription by its own decision', async ({ page, world, hand }) => {
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await expect(page.locator('.m').first()).toBeVisible();
  await page.getByRole('button', { name: '一覧表示' }).click();
  await page.locator('.row-chips button', { hasText: 'レポート' }).click();
  await page.locator('tr', { hasText: '退院時サマリー' }).locator('.title-button').first().click();
  await page.locator('.panel-foot').getByRole('link', { name: '印刷' }).click();
  await expect(page.locator('.paper .doc')).toBeVisible();
  await picture(page, 'print-entry');
  const request = await printed(page);
  const paper = await pages(page, 'print-entry');
  for (const text of paper) {
    for (const part of [world.linked.name.replace(/\s/g, ''), request, 'かわべ診療所']) expect(text).toContain(part);
  }
  expect(paper.join('')).toContain('退院時サマリー');
});

async function toPaper(page: Page): Promise<void> {
  await openSummary(page);
  await page.locator('.panel-foot').getByRole('link', { name: '印刷' }).click();
}
test('the pictures of a document are on its paper, which waits for them', async ({ page, world, hand }) => {
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  let release = () => {};
  const held = new Promise<void>((done) => {
    release = done;
  });
  let asked = 0;
  await page.route('**/original?part=*', async (route) => {
    if (page.url().includes('/print/')) {
      asked += 1;
      await held;
    }
    await route.continue();
  });
  await toPaper(page);
  const button = page.locator('.print-tools').getByRole('button', { name: '印刷' });
  await expect(page.locator('.print-tools')).toContainText('図を取得しています（残り1件）');
  await expect(button).toBeDisabled();
  await expect.poll(() => asked).toBe(1);
  await isAccessible(page);
  release();
  await expect(button).toBeEnabled();
  await expect(page.locator('.print-tools')).not.toContainText('図を取得しています');
  await isAccessible(page);
  await picture(page, 'print-picture');
  await printed(page);
  const out = await copy(page, 'print-picture');
  expect(out.pictures).toContain(480);
  const paper = out.pages.join('');
  expect(paper).toContain('入院第1日からの体温と脈拍');
  expect(paper).toMatch(/添付：別紙.*（この紙には載っていません）/);
});

test('a picture that is not to be had says so on the paper, and can be tried again', async ({ page, world, hand, refusals }) => {
  refusals.add(503);
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  let isLost = true;
  await page.route('**/original?part=*', (route) =>
    isLost
      ? route.fulfill({ status: 503, contentType: 'application/problem+json', json: { status: 503, code: 'gateway_silent' } })
      : route.continue());
  await toPaper(page);
  await expect(page.locator('.paper .no-paper')).toBeVisible();
  await picture(page, 'print-no-picture');
  await printed(page);
  const out = await copy(page, 'print-no-picture');
  expect(out.pictures).toEqual([]);
  const paper = out.pages.join('');
  expect(paper).toContain('図：入院第1日からの体温と脈拍（取得できなかったため、この紙には載っていません）');
  expect(paper).not.toContain('再試行');
  isLost = false;
  await page.locator('.paper .no-paper').getByRole('button', { name: '再試行' }).click();
  await expect(page.locator('.paper .doc-picture img')).toBeVisible();
  await expect(page.locator('.print-tools').getByRole('button', { name: '印刷' })).toBeEnabled();
  await printed(page);
  expect((await copy(page)).pictures).toContain(480);
});

test('without a row in the audit nothing of the patient comes out', async ({ page, world, hand }) => {
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await expect(page.locator('.m').first()).toBeVisible();
  const name = world.linked.name.replace(/\s/g, '');
  const screen = (await pages(page)).join('');
  expect(screen).toContain('「印刷」ボタン');
  expect(screen).not.toContain(name);
  await page.getByRole('link', { name: 'カレンダーを印刷' }).click();
  await expect(page.locator('.paper-block').first()).toBeVisible();
  expect((await pages(page)).join('')).not.toContain(name);
  // a copy has one row: the next needs its own
  await printed(page);
  expect((await pages(page)).join('')).toContain(name);
  await page.evaluate(() => dispatchEvent(new Event('afterprint')));
  await expect(page.locator('.is-printed')).toHaveCount(0);
  expect((await pages(page)).join('')).not.toContain(name);
});

test('a print that the server refuses prints nothing and says why', async ({ page, world, hand, refusals }) => {
  refusals.add(503);
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await page.getByRole('link', { name: 'カレンダーを印刷' }).click();
  await expect(page.locator('.paper-block').first()).toBeVisible();
  await page.route('**/prints', (route) =>
    route.fulfill({ status: 503, contentType: 'application/problem+json', json: { status: 503, code: 'audit_unwritable' } }));
  await page.locator('.print-tools').getByRole('button', { name: '印刷' }).click();
  await expect(page.getByText('記録を残せないため')).toBeVisible();
  await expect(page.locator('.is-printed')).toHaveCount(0);
});
