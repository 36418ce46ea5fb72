// SPDX-License-Identifier: Apache-2.0
/* Every screen once more in English, whose words are longer: at a desk and as narrow as windows get.
 * Whatever Japanese is still shown must have come from the server: data are never translated, our own words are. */
import type { Page } from '@playwright/test';
import { STUDIES, serveStudies } from './imaging.ts';
import { routesOfSources } from './sources.ts';
import { expect, isAccessible, login, noSidewaysScroll, openCalendar, picture, registerAgain, test } from './test.ts';

const JAPANESE = /[々〆〇\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+/g;
/* Names of eras and examples of Japanese names are what a field takes in any language. */
const isTyped = (run: string) => /^(日本語(で表示)?|明治|大正|昭和|平成|令和|平成元年|[年月日]|髙﨑|タカサキ|サクラ|さくら)$/.test(run);
const places = new Set<string>();
const came: string[] = [];
const coming: Promise<void>[] = [];

test.beforeEach(async ({ page }) => {
  await page.addInitScript(() => {
    localStorage.setItem('tsumugi-preferences', JSON.stringify({ language: 'en' }));
  });
  page.on('response', (response) => {
    if (!/\/api\//.test(response.url()) || !(response.headers()['content-type'] ?? '').includes('json')) return;
    // a page that was left takes its answers along
    coming.push(response.text().then((text) => void came.push(text), () => {}));
  });
});

/** All that is read on the screen, and what is read out. */
const said = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const found: string[] = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) if (!walk.currentNode.parentElement?.closest('noscript')) found.push(walk.currentNode.textContent ?? '');
    for (const node of document.querySelectorAll('[aria-label], [title], [placeholder], [alt]')) {
      for (const name of ['aria-label', 'title', 'placeholder', 'alt']) found.push(node.getAttribute(name) ?? '');
    }
    return [document.title, ...found];
  });

/** Japanese text whose element, or one around it, does not say so. */
const unmarked = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const found: string[] = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const parent = walk.currentNode.parentElement;
      const text = walk.currentNode.textContent ?? '';
      // a name within a sentence of ours is read as the sentence is
      const japanese = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;
      const around = [...(parent?.childNodes ?? [])].map((node) => (node instanceof Text ? node.data : '')).join('');
      const isData = japanese.test(text) && !/[a-z]/i.test(parent?.textContent ?? '');
      const isWord = /^[a-z ]{4,}$/i.test(text) && !japanese.test(around) && parent?.closest('[lang]')?.getAttribute('lang') === 'ja';
      if (isWord) found.push(text);
      if (isData && parent?.closest('[lang]')?.getAttribute('lang') !== 'ja' && !parent?.closest('noscript')) found.push(text);
    }
    return found;
  });

async function isGood(page: Page, name: string): Promise<void> {
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  await noSidewaysScroll(page);
  // English changes how wide words are, and nothing else that axe looks at
  if ((page.viewportSize()?.width ?? 0) < 400) await isAccessible(page);
  const words = await said(page);
  await Promise.all(coming.splice(0));
  const data = came.join('\n');
  const own = words.flatMap((text) => text.match(JAPANESE) ?? []).filter((run) => !data.includes(run) && !isTyped(run));
  expect.soft([...new Set(own)], `Japanese words of our own on ${name}`).toEqual([]);
  expect.soft(await unmarked(page), `Japanese that does not say so on ${name}`).toEqual([]);
  places.add(new URL(page.url()).pathname);
  await picture(page, `en-${name}`);
}
const dialog = async (page: Page, name: string): Promise<void> => {
  await expect(page.getByRole('dialog')).toBeVisible();
  await isGood(page, name);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
};
const tab = (page: Page, name: string) => page.locator(`.tabs a[href$="/${name}"]`).click();

test('login, home, the menu, search, registration, asking, records, nobody', async ({ page, world, refusals }) => {
  refusals.add(409);
  await page.goto('/');
  await expect(page.locator('#login-id')).toBeVisible();
  await page.locator('.login-form button[type="submit"]').click();
  await expect(page.locator('.summary')).toBeVisible();
  await isGood(page, 'login');
  await login(page, world, world.colleague);
  await expect(page.locator('.home .people, .home .empty').nth(1)).toBeVisible();
  await isGood(page, 'home');
  await page.locator('.who > button').click();
  await isGood(page, 'menu');
  for (const [place, name] of [['/patients', 'search'], ['/patients/new', 'register'], ['/requests/new', 'request'], ['/logs', 'logs'], ['/login', 'home-again'], ['/nobody/here', 'nobody']] as const) {
    await page.goto(place);
    await expect(page.locator('h1')).toBeVisible();
    await isGood(page, name);
  }
  await page.goto('/patients');
  await page.locator('.card-tabs button').last().click();
  await page.fill('#search-kana', 'ハヤシ ハナコ');
  await page.locator('form[role="search"] button[type="submit"]').click();
  await expect(page.locator('.wrong').first()).toBeVisible();
  await page.fill('#search-birth', '昭和64年1月8日');
  await page.keyboard.press('Enter');
  await isGood(page, 'search-two');
  await page.fill('#search-birth', '1901-02-03');
  await page.keyboard.press('Enter');
  await expect(page.locator('section .empty b')).toBeVisible();
  await isGood(page, 'search-none');
});

test('a person with a number that waits: calendar, its dialogs, numbers, consent, records, notes, paper', async ({ page, world, hand }) => {
  await login(page, world, world.doctor);
  await openCalendar(page, hand, world.waiting.number);
  await expect(page.locator('.m, .bar').first()).toBeVisible();
  await isGood(page, 'calendar');
  for (const zoom of [0, 2]) {
    await page.locator('.cal-tools .seg').nth(1).getByRole('button').nth(zoom).click();
    await isGood(page, `calendar-${zoom}`);
  }
  await page.locator('.why-button').click();
  await dialog(page, 'why');
  await page.getByRole('button', { name: 'Search within the patient' }).click();
  await page.fill('#find-words', '錠');
  await dialog(page, 'find');
  await page.locator('.m[tabindex="0"], .bar[tabindex="0"]').focus();
  await page.keyboard.press('?');
  await dialog(page, 'keys');
  await page.getByRole('button', { name: 'Rows', exact: true }).click();
  await dialog(page, 'rows');
  await page.getByRole('link', { name: 'Print the calendar' }).click();
  await expect(page.locator('.paper-block').first()).toBeVisible();
  await isGood(page, 'print-calendar');
  await page.goBack();
  await tab(page, 'link');
  await expect(page.locator('.links > li').first()).toBeVisible();
  await isGood(page, 'numbers');
  await page.getByRole('button', { name: 'End this number' }).click();
  await dialog(page, 'numbers-end');
  await tab(page, 'consent');
  await page.getByRole('button', { name: 'Withdraw consent' }).click();
  await dialog(page, 'withdraw');
  await page.locator('.card .actions .btn.plain').click();
  await page.getByRole('dialog').locator('button[type="submit"]').click();
  await expect(page.locator('.summary')).toBeVisible();
  await dialog(page, 'consent-again');
  await isGood(page, 'consent');
  await tab(page, 'access');
  await expect(page.locator('.logs tbody tr').first()).toBeVisible();
  await isGood(page, 'access');
  await tab(page, 'notes');
  await page.getByRole('button', { name: 'Write a note' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Keep as a note' }).click();
  await expect(page.locator('.summary')).toBeVisible();
  await dialog(page, 'note');
  await isGood(page, 'notes');
});

test('the contents of each row, their paper, and pictures', async ({ page, world, hand, refusals }) => {
  refusals.add(503); // of a hospital that is away
  await login(page, world, world.doctor);
  await openCalendar(page, hand, world.linked.number);
  await expect(page.locator('.m, .bar').first()).toBeVisible();
  await page.getByRole('button', { name: 'List', exact: true }).click();
  for (const row of ['Periods', 'Drugs', 'Injections', 'Tests', 'Images', 'Reports', 'Visits']) {
    await page.locator('.row-chips button', { hasText: row }).click();
    await page.locator('.list-table tr', { hasNot: page.locator(`.fm[title^="${world.away.name}"]`) }).locator('.title-button').first().click();
    await expect(page.locator('.panel-foot')).toBeVisible();
    await isGood(page, `content-${row.toLowerCase()}`);
    if (row !== 'Visits') await page.keyboard.press('Escape');
  }
  await page.locator('.panel-foot a[href^="/print/entry/"]').click();
  await expect(page.locator('.paper')).toBeVisible();
  await isGood(page, 'print-entry');
});

test('pictures', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await serveStudies(page, STUDIES.ct());
  await openCalendar(page, hand, world.linked.number);
  await expect(page.locator('.m, .bar').first()).toBeVisible();
  await page.getByRole('button', { name: 'List', exact: true }).click();
  await page.locator('.row-chips button', { hasText: 'Images' }).click();
  await page.locator('.title-button').first().click();
  await page.getByRole('link', { name: 'View images' }).click();
  await expect(page.locator('.v-host').first()).toHaveAttribute('data-ready', 'raw');
  await isGood(page, 'images');
  await page.getByRole('button', { name: 'Compare', exact: true }).click();
  await dialog(page, 'images-compare');
  await page.locator('.v-host').first().focus();
  await page.keyboard.press('?');
  await dialog(page, 'images-keys');
});

test('somebody who is registered already', async ({ page, world, refusals }) => {
  refusals.add(409);
  await login(page, world, world.colleague);
  await registerAgain(page, world.linked, 'E2E780', { next: 'Next', register: 'Register' });
  await dialog(page, 'candidates');
});

test('every route of the router was looked at', () => {
  for (const route of routesOfSources()) {
    if (/requests/.test(route.source)) continue; // sent and answered in every.spec
    expect([...places].some((place) => route.test(place)), `a screen at ${route.source}`).toBe(true);
  }
});
