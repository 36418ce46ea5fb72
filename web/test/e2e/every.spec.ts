// SPDX-License-Identifier: Apache-2.0
/* At every width: each screen keeps to the window, and axe-core finds nothing wrong with it. */
import type { Page } from '@playwright/test';
import { STUDIES, openImages, serveStudies } from './imaging.ts';
import { dialogsOfSources, routesOfSources, seen, wasSeen } from './sources.ts';
import { expect, fetched, isAccessible, login, noSidewaysScroll, openCalendar, openSummary, picture, registerAgain, test } from './test.ts';

async function isGood(page: Page): Promise<void> {
  await noSidewaysScroll(page);
  await isAccessible(page);
  await wasSeen(page);
}
const tab = (page: Page, name: string) =>
  page.getByRole('navigation', { name: '患者の画面' }).getByRole('link', { name, exact: true }).click();

test('login, and what it refuses', async ({ page }) => {
  await page.goto('/');
  await expect(page.locator('#login-id')).toBeVisible();
  await isGood(page);
  await page.getByRole('button', { name: 'ログイン' }).click();
  await expect(page.locator('.summary')).toBeVisible();
  await isGood(page);
});

test('home, the menu, search and registration', async ({ page, world }) => {
  await login(page, world, world.colleague);
  await expect(page.locator('.home .people, .home .empty').nth(1)).toBeVisible();
  await isGood(page);
  await page.locator('.who > button').click();
  await isGood(page);
  for (const place of ['/patients', '/patients/new']) {
    await page.goto(place);
    await expect(page.locator('h1')).toBeVisible();
    await isGood(page);
  }
  await page.getByRole('button', { name: '次へ' }).click();
  await expect(page.locator('.summary')).toBeFocused();
  await isGood(page);
  // large enough of itself, not for want of neighbours: axe-core takes either
  const box = await page.locator('#consent-explained').boundingBox();
  expect(Math.min(box?.width ?? 0, box?.height ?? 0)).toBeGreaterThanOrEqual(24);
  await page.check('#consent-explained');
  await page.getByRole('button', { name: '次へ' }).click();
  await page.getByRole('button', { name: '次へ' }).click();
  await expect(page.locator('.summary a')).toHaveCount(4);
  await expect(page.locator('.summary')).toBeFocused();
  await isGood(page);
});

/* Two hundred lines of a list are made like its first thirty, and axe-core takes seconds for them. */
const LINES = 30;
async function shorten(page: Page): Promise<void> {
  await page.route(/\/openings\/[^/]+\/entries\?/, async (route) => {
    try {
      const response = await fetched(route);
      const answer = (await response.json()) as { entries: unknown[] };
      await route.fulfill({ response, json: { ...answer, entries: answer.entries.slice(0, LINES) } });
    } catch {
      return; // another row was chosen meanwhile
    }
  });
}

test('a calendar with few entries, its reasons, its list and a content', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await openCalendar(page, hand, world.waiting.number);
  await expect(page.locator('.m, .bar').first()).toBeVisible();
  await isGood(page);
  await page.locator('.why-button').click();
  await isGood(page);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: '患者内の検索' }).click();
  await page.fill('#find-words', '錠');
  await isGood(page);
  await page.keyboard.press('Escape');
  await page.locator('.m[tabindex="0"], .bar[tabindex="0"]').focus();
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog')).toBeVisible();
  await isGood(page);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: '行の設定' }).click();
  await page.getByRole('checkbox', { name: '記録を表示' }).uncheck();
  await isGood(page);
  await page.getByRole('button', { name: '既定に戻す' }).click();
  await page.keyboard.press('Escape');
  await shorten(page);
  await page.getByRole('button', { name: '一覧表示' }).click();
  await page.locator('.row-chips button', { hasText: '処方' }).click();
  await expect(page.locator('.list-table .title-button')).toHaveCount(LINES);
  await isGood(page);
  await page.locator('.list-table .title-button').first().click();
  await expect(page.locator('.panel-body')).toHaveAttribute('aria-busy', 'false');
  await isGood(page);
  await page.locator('.panel-foot').getByRole('link', { name: '印刷' }).click();
  await expect(page.locator('.paper')).toBeVisible();
  await isGood(page);
  await page.goBack();
  await page.getByRole('link', { name: 'カレンダーを印刷' }).click();
  await expect(page.locator('.paper')).toBeVisible();
  await isGood(page);
});

/* What the server answers, as it were if the hospital had joined the person's number into another. */
async function suspend(page: Page): Promise<void> {
  const stopped = { state: 'suspended', reason: 'number_replaced', successor: '7000100099' };
  interface Link { facility: string; state: string }
  await page.route('**/api/v1/persons/*', async (route) => {
    const response = await fetched(route);
    const person = (await response.json()) as { own_number: string | null; links: Link[] };
    const own = (person.links as (Link & { number: string | null })[]).find((link) => link.number === person.own_number);
    if (own) Object.assign(own, stopped);
    await route.fulfill({ response, json: { ...person, own_number: null } });
  });
  await page.route('**/api/v1/home', async (route) => {
    const response = await fetched(route);
    const home = (await response.json()) as { recent: { id: string; own_number: string; facilities: string[] }[] };
    const suspended = home.recent.slice(0, 1).map((person) => ({
      person,
      link: { id: '0'.repeat(32), facility: person.facilities[0], number: person.own_number, since: 1_795_000_000_000, ...stopped },
    }));
    await route.fulfill({ response, json: { ...home, suspended, suspended_total: suspended.length } });
  });
}

test('numbers that wait for the own staff, and their confirmation', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await openCalendar(page, hand, world.waiting.number);
  const address = new URL(page.url()).pathname.replace('calendar', 'link');
  await suspend(page);
  await page.goto('/');
  await expect(page.getByRole('heading', { name: '番号の確認が必要な患者' })).toBeVisible();
  await isGood(page);
  await picture(page, 'suspended-home');
  await page.goto(address);
  await expect(page.locator('li.link', { hasText: '病院で番号がまとめられました' })).toContainText('→ 7000100099');
  await expect(page.locator('.banner')).toContainText('自施設番号は確認待ち');
  await isGood(page);
  await picture(page, 'suspended-links');
  await page.getByRole('button', { name: '番号を確認' }).click();
  await expect(page.locator('#confirm-number')).toHaveValue('7000100099');
  await isGood(page);
  await picture(page, 'suspended-confirm');
  await page.fill('#confirm-number', '');
  await page.getByRole('button', { name: 'この番号で続ける' }).click();
  await expect(page.getByRole('dialog').locator('.summary')).toBeVisible();
  await isGood(page);
});

test('who may not register finds its own patients only, and asks for others', async ({ page, world }) => {
  await login(page, world, world.asker);
  await page.goto('/patients');
  await page.getByRole('button', { name: '氏名など2つの情報' }).click();
  await expect(page.getByText('自施設の番号がある患者だけが見つかります。')).toBeVisible();
  await page.fill('#search-kana', 'ハヤシ ハナコ');
  await page.fill('#search-birth', '1901-02-03');
  await page.getByRole('button', { name: '検索', exact: true }).last().click();
  await expect(page.locator('.empty')).toContainText('自施設の番号がある患者の中にはいませんでした');
  await isGood(page);
  await picture(page, 'search-own-only');
  await page.locator('.empty').getByRole('link', { name: '登録を依頼' }).click();
  await expect(page.locator('#request-number')).toBeVisible();
});

test('unfinished registrations say how many there are and go on', async ({ page, world }) => {
  await login(page, world, world.colleague);
  const line = (n: number, person: unknown) => ({
    person,
    link: { id: String(n).padStart(32, '0'), facility: '', number: null, state: 'refused', reason: 'mismatch', since: 0, successor: null },
  });
  let person: unknown;
  await page.route('**/api/v1/home', async (route) => {
    const response = await fetched(route);
    const home = (await response.json()) as { recent: unknown[] };
    person = home.recent[0] ?? { id: '0'.repeat(32), name: '林 花子', kana: 'ハヤシ ハナコ', birth_date: '1950-03-04', sex: 'F', own_number: null, facilities: [], consent: 'none' };
    const unfinished = [1, 2, 3].map((n) => line(n, person));
    await route.fulfill({ response, json: { ...home, unfinished, unfinished_next: '7.3', unfinished_total: 5 } });
  });
  await page.route('**/api/v1/links?*', async (route) => {
    expect(new URL(route.request().url()).search).toBe('?list=unfinished&cursor=7.3');
    await route.fulfill({ json: { links: [4, 5].map((n) => line(n, person)), next: null } });
  });
  await page.goto('/');
  const list = page.locator('section.card', { hasText: '未完了の登録' });
  await expect(list.locator('.aside')).toContainText('5');
  await expect(list.locator('li')).toHaveCount(3);
  await isGood(page);
  await picture(page, 'unfinished-more');
  await list.getByRole('button', { name: 'さらに表示' }).click();
  await expect(list.locator('li')).toHaveCount(5);
  await expect(list.getByRole('button', { name: 'さらに表示' })).toHaveCount(0);
  await isGood(page);
});

test('登録依頼: the form, what was sent, what arrived, the answer', async ({ page, world, browser }, info) => {
  const person = world.linked;
  await login(page, world, world.asker);
  await expect(page.getByRole('heading', { name: '送った登録依頼' })).toBeVisible();
  await isGood(page);
  await picture(page, 'request-home-asker');
  await page.getByRole('link', { name: '登録を依頼' }).first().click();
  await expect(page.locator('#request-number')).toBeVisible();
  await page.getByRole('button', { name: '依頼を送る' }).click();
  await expect(page.locator('.summary a')).toHaveCount(7);
  await isGood(page);
  await picture(page, 'request-form-errors');
  await page.selectOption('#request-asked', { label: world.clinic });
  await page.fill('#request-number', `Y${info.project.name}${Date.now() % 100_000}`);
  await page.fill('#request-name', person.name);
  await page.fill('#request-kana', person.kana);
  await page.fill('#request-birth', person.birth_day);
  await page.locator(`input[name="request-sex"][value="${person.sex}"]`).check();
  await page.locator('input[name="request-who"][value="held"]').check();
  await isGood(page);
  await picture(page, 'request-form');
  await page.getByRole('button', { name: '依頼を送る' }).click();
  await expect(page.getByText('依頼を送りました')).toBeVisible();
  await isGood(page);
  await picture(page, 'request-sent');
  await page.getByRole('button', { name: '依頼を取り下げる' }).click();
  await isGood(page);
  await page.keyboard.press('Escape');
  const address = new URL(page.url()).pathname;

  const context = await browser.newContext({ viewport: page.viewportSize() });
  const clinic = await context.newPage();
  await login(clinic, world, world.colleague);
  const arrived = clinic.locator(`a[href="${address}"]`);
  await expect(arrived).toBeVisible();
  await isGood(clinic);
  await picture(clinic, 'request-home-asked');
  await arrived.click();
  await expect(clinic.getByRole('button', { name: '登録済みかを確かめる' })).toBeVisible();
  await isGood(clinic);
  await clinic.getByRole('button', { name: '登録済みかを確かめる' }).click();
  await expect(clinic.getByRole('button', { name: 'この方で受諾' })).toBeVisible();
  await isGood(clinic);
  await picture(clinic, 'request-received');
  await clinic.getByRole('button', { name: '見送る' }).click();
  await clinic.getByRole('button', { name: '見送りを返す' }).click();
  await expect(clinic.getByRole('dialog').locator('.summary')).toBeVisible();
  await isGood(clinic);
  await picture(clinic, 'request-decline');
  await clinic.locator('input[name="decline-reason"][value="other"]').check();
  await clinic.fill('#decline-text', '担当からお電話します');
  await clinic.getByRole('button', { name: '見送りを返す' }).click();
  // both sides see it, the asker without doing anything
  await expect(clinic.locator('.page-head .tag')).toHaveText('見送り');
  await expect(page.locator('.page-head .tag')).toHaveText('見送り');
  await expect(page.getByText('担当からお電話します')).toBeVisible();
  await isGood(page);
  await picture(page, 'request-declined');
  await context.close();
});

/** In the browser's own viewer at a desk, drawn by us where there are fingers only. */
async function paperIsShown(page: Page): Promise<void> {
  if (await page.evaluate(() => matchMedia('(any-pointer: fine)').matches)) {
    await expect(page.locator('.doc-viewer iframe')).toHaveAttribute('src', /^blob:/);
    await noSidewaysScroll(page);
    await wasSeen(page); // axe-core cannot look into the browser's own viewer
    return;
  }
  await expect(page.locator('.pdf-page .sr').first()).not.toBeEmpty();
  await expect(page.locator('.doc-viewer iframe')).toHaveCount(0);
  await isGood(page);
  await picture(page, 'pdf');
}

test('a hospital\'s documents: headings and tables, and a paper from the original', async ({ page, world, hand }) => {
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await expect(page.locator('.m, .bar').first()).toBeVisible();
  await page.getByRole('button', { name: '一覧表示' }).click();
  await page.locator('.row-chips button', { hasText: 'レポート' }).click();
  await page.locator('tr', { hasText: '退院時サマリー' }).locator('.title-button').first().click();
  await expect(page.locator('.doc h3').first()).toBeVisible();
  await expect(page.locator('.doc table').first()).toBeVisible();
  await isGood(page);
  await page.keyboard.press('Escape');
  await page.locator('tr', { hasText: '入院診療計画書' }).locator('.title-button').first().click();
  await expect(page.locator('.doc-file')).toBeVisible();
  await isGood(page);
  await page.locator('.doc-file button').click();
  await paperIsShown(page);
  await page.keyboard.press('Escape');
  await expect(page.locator('.doc-viewer')).toHaveCount(0);
});

test('a picture stands where the text shows it, a paper opens, the rest is saved', async ({ page, world, hand }) => {
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await openSummary(page);
  const figure = page.locator('.doc-picture');
  await figure.scrollIntoViewIfNeeded();
  const drawn = figure.getByRole('img', { name: '入院第1日からの体温と脈拍' });
  await expect(drawn).toBeVisible();
  await expect(drawn).toHaveAttribute('src', /^blob:/);
  await expect.poll(() => drawn.evaluate((one) => (one as HTMLImageElement).naturalWidth)).toBe(480);
  // between the words that it stands between in the document
  const words = await page.locator('.doc').innerText();
  expect(words.indexOf('脈拍（青）を示す')).toBeLessThan(words.indexOf('入院第1日からの体温と脈拍'));
  expect(words.indexOf('入院第1日からの体温と脈拍')).toBeLessThan(words.indexOf('再燃はない'));
  await isGood(page);
  // what only listeners are told does not make the page any longer
  const isLonger = await page.evaluate(() => document.documentElement.scrollHeight > innerHeight + 1);
  expect(isLonger && (page.viewportSize()?.width ?? 0) > 1000).toBe(false);
  await picture(page, 'document-picture');
  const before = (await drawn.boundingBox())?.width ?? 0;
  await figure.getByRole('button').click();
  const larger = page.locator('.doc-viewer img');
  await expect(larger).toBeVisible();
  await expect.poll(async () => (await larger.boundingBox())?.width ?? 0).toBeGreaterThan(before);
  await isGood(page);
  await picture(page, 'document-larger');
  await page.keyboard.press('Escape');
  await expect(page.locator('.doc-viewer')).toHaveCount(0);
  await page.locator('.doc-file', { hasText: '別紙' }).getByRole('button', { name: /開く/ }).click();
  await paperIsShown(page);
  await page.keyboard.press('Escape');
  const left = page.locator('.doc-left');
  await expect(left).toContainText('measured.csv');
  await left.scrollIntoViewIfNeeded();
  await picture(page, 'document-files');
  const [saved] = await Promise.all([page.waitForEvent('download'), left.getByRole('link', { name: /保存/ }).click()]);
  expect(saved.suggestedFilename()).not.toContain('measured');
});

test('a picture that is not to be had says so, and what to do', async ({ page, world, hand, refusals }) => {
  refusals.add(503);
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await expect(page.locator('.m, .bar').first()).toBeVisible();
  await page.getByRole('button', { name: '一覧表示' }).click();
  await page.locator('.row-chips button', { hasText: 'レポート' }).click();
  let answers = 0;
  await page.route('**/original?part=1*', async (route) => {
    answers += 1;
    const body = { status: 503, code: answers === 1 ? 'gateway_silent' : 'source_changed' };
    if (answers <= 2) await route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify(body) });
    else if (answers === 3) await route.fulfill({ status: 200, contentType: 'application/octet-stream', body: '<html>x</html>' });
    else await route.fallback();
  });
  const summary = page.locator('tr', { hasText: '退院時サマリー', has: page.locator('.fm[title^="りんどう"]') });
  await summary.locator('.title-button').first().click();
  const figure = page.locator('.doc-picture');
  await figure.scrollIntoViewIfNeeded();
  await expect(figure.getByRole('alert')).toBeVisible();
  await figure.getByRole('button', { name: '再試行' }).click();
  await expect(figure.getByRole('alert')).toContainText('変更されました');
  await isGood(page);
  await picture(page, 'document-changed');
  // the content is read anew, with a list of its own
  await figure.getByRole('button', { name: '再試行' }).click();
  await expect(figure.getByRole('alert')).toHaveCount(0);
  await figure.scrollIntoViewIfNeeded();
  await expect(figure.getByRole('alert')).toContainText('表示できない画像');
  await expect(figure.locator('img')).toHaveCount(0);
  await picture(page, 'document-no-picture');
});

test('facilities, consent, withdrawal and records', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await openCalendar(page, hand, world.waiting.number);
  await tab(page, '施設追加');
  await expect(page.locator('.links > li').first()).toBeVisible();
  await isGood(page);
  await page.getByRole('button', { name: '番号の登録を終了' }).click();
  await isGood(page);
  await page.keyboard.press('Escape');
  await tab(page, '同意');
  await page.getByRole('button', { name: '同意を撤回' }).click();
  await isGood(page);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: '同意を登録し直す' }).click();
  await isGood(page);
  await page.keyboard.press('Escape');
  await tab(page, '参照記録');
  await expect(page.locator('.logs tbody tr').first()).toBeVisible();
  await isGood(page);
});

test('notes: none, writing, taking back', async ({ page, world, hand }) => {
  await login(page, world, world.doctor);
  await openCalendar(page, hand, world.waiting.number);
  await tab(page, '記録');
  await expect(page.locator('.notes .empty, .notes article').first()).toBeVisible();
  await isGood(page);
  await page.getByRole('button', { name: '記録を書く' }).click();
  await page.getByRole('dialog').getByRole('button', { name: '記録に残す' }).click();
  await expect(page.locator('.summary')).toBeVisible();
  await isGood(page);
  await page.getByLabel('記録の本文').fill('様子をみる');
  await page.getByRole('dialog').getByRole('button', { name: '記録に残す' }).click();
  await page.getByRole('button', { name: '取り消す' }).first().click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await isGood(page);
});

test('pictures, what to compare them with, and their keys', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await serveStudies(page, STUDIES.ct());
  await openImages(page, hand, world);
  await expect(page.locator('.v-host').first()).toHaveAttribute('data-ready', 'raw');
  await isGood(page);
  await page.getByRole('button', { name: '他の検査と比較' }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await isGood(page);
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog')).toBeVisible();
  await isGood(page);
  await page.keyboard.press('Escape');
  await page.locator('.v-host').first().focus();
  await page.keyboard.press('k');
  await expect(page.locator('.v-key')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog', { name: 'キー画像が消えます' })).toBeVisible();
  await isGood(page);
});

test('people who may be the same, records of the month, and an address that is nobody\'s', async ({ page, world, refusals }) => {
  refusals.add(409);
  await login(page, world, world.colleague);
  await registerAgain(page, world.linked, 'E2E779');
  await expect(page.getByRole('dialog')).toBeVisible();
  await isGood(page);
  for (const place of ['/logs', '/login', '/nobody/here']) {
    await page.goto(place);
    await expect(page.locator('h1')).toBeVisible();
    await isGood(page);
  }
});

test('every route of the router and every dialog was looked at', () => {
  for (const route of routesOfSources()) {
    expect([...seen.places].some((place) => route.test(place)), `a screen at ${route.source}`).toBe(true);
  }
  for (const titles of dialogsOfSources()) {
    expect([...seen.dialogs].some((title) => titles.some((one) => one.test(title))), `a dialog ${titles.map(String).join(' or ')}`).toBe(true);
  }
});
