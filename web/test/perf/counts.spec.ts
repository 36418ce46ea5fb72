// SPDX-License-Identifier: Apache-2.0
/* A year of 15,000 entries at ten hospitals: what is hard, whatever the machine. Times are in
 * timings.bench.ts and stand in no test. */
import { gzipSync } from 'node:zlib';
import { expect, test, type Page } from '@playwright/test';
import { MARKS_MAX as PLANNED_MAX } from '../../src/calendar/mount.ts';
import { askForYear, counts, loadAll, login, openYear, readYear, scrollThrough, settled, type Counts } from './year.ts';

const MARKS_MAX = 1500;
const OVERSCAN = 4;
const INDEX_BYTES_MAX = 150 * 1024;
const STEP_PIXELS = 160;

const year = readYear();
const zoom = (page: Page, name: string) =>
  page.getByRole('group', { name: '表示の幅' }).getByRole('button', { name, exact: true }).click();

function withinLimits({ marks, weeks, visible }: Counts): void {
  expect(marks).toBeGreaterThan(0);
  expect(marks).toBeLessThanOrEqual(MARKS_MAX);
  expect(weeks).toBeLessThanOrEqual(visible + OVERSCAN);
}

test.beforeEach(async ({ page }) => {
  await login(page, year);
});

test('the index of the year is small, and has ids only where a mark is one entry', async ({ page }) => {
  await askForYear(page);
  const answer = page.waitForResponse((response) => response.url().endsWith('/calendar-openings'));
  await openYear(page, year);
  const body = await (await answer).body();
  const { marks } = JSON.parse(body.toString()) as { marks: { count: number[]; entry: string[] } };
  expect(marks.count.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(year.entries);
  expect(marks.entry.map((id) => id !== '')).toEqual(marks.count.map((count) => count === 1));
  expect(gzipSync(body, { level: 6 }).length).toBeLessThanOrEqual(INDEX_BYTES_MAX);
});

test('a mark of several entries opens the newest, beside the others', async ({ page }) => {
  await openYear(page, year);
  const mark = page.locator('.m.many:not(.more)').last();
  const count = Number(/(\d+)件/.exec((await mark.getAttribute('aria-label')) ?? '')?.[1]);
  await mark.click();
  await expect(page.locator('.of-day button')).toHaveCount(count);
  await expect(page.locator('.of-day button').first()).toHaveAttribute('aria-current', 'true');
});

test('few marks and weeks are in the document, at rest and at every moment of scrolling', async ({ page }) => {
  await openYear(page, year);
  const first = await counts(page);
  withinLimits(first);
  await loadAll(page);
  withinLimits(await counts(page));
  const { marks, weeks } = await scrollThrough(page, STEP_PIXELS);
  withinLimits({ marks, weeks, visible: first.visible });
});

for (const [when, load] of [['when all is there', loadAll], ['while parts arrive', settled]] as const) {
  test(`a jump over months holds no more, ${when}`, async ({ page }) => {
    await openYear(page, year);
    await load(page);
    const { visible } = await counts(page);
    await page.evaluate(() => {
      const held = { marks: 0, weeks: 0 };
      const look = () => {
        held.marks = Math.max(held.marks, document.querySelectorAll('.m').length);
        held.weeks = Math.max(held.weeks, document.querySelectorAll('.cal-weekhead').length);
        requestAnimationFrame(look);
      };
      look();
      Object.assign(globalThis, { held });
    });
    for (const left of [0, 1e6, 2769, 3692, 5538, 3000, 0]) {
      await page.locator('.cal-scroll').evaluate((node, to) => node.scrollTo({ left: to }), left);
      await settled(page);
    }
    const held = await page.evaluate(() => (globalThis as unknown as { held: Counts }).held);
    withinLimits({ ...held, visible });
    // at no moment more than what is planned for a place at rest: here the view alone is less
    expect(held.marks).toBeLessThanOrEqual(PLANNED_MAX);
  });
}

for (const [name, id] of [['日', 'day'], ['月', 'month']] as const) {
  test(`few marks and weeks by ${id} too`, async ({ page }) => {
    await openYear(page, year);
    await loadAll(page);
    await zoom(page, name);
    await expect(page.locator(`.cal-canvas[data-zoom="${id}"]`)).toBeVisible();
    await settled(page);
    withinLimits(await counts(page));
  });
}

test('the week with the focus stays while everything else goes by', async ({ page }) => {
  await openYear(page, year);
  await loadAll(page);
  await page.locator('.cal-scroll').evaluate((node) => node.scrollTo({ left: 1e6 }));
  await settled(page);
  await page.locator('.m[tabindex="0"], .bar[tabindex="0"]').focus();
  const name = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
  const before = await name();
  await page.locator('.cal-scroll').evaluate((node) => node.scrollTo({ left: 0 }));
  await settled(page);
  expect(await name()).toBe(before);
  await page.keyboard.press('ArrowLeft');
  expect(await name()).not.toBe(before);
  await expect(page.locator('.m:focus, .bar:focus')).toBeInViewport();
});

test('Tab leads to one mark wherever one is, and past the names of the rows without moving anything', async ({ page }) => {
  await openYear(page, year);
  await loadAll(page);
  const scroll = page.locator('.cal-scroll');
  for (const left of [1e6, 6000, 3000, 0, 2000, 5000]) {
    await scroll.evaluate((node, to) => node.scrollTo({ left: to }), left);
    await settled(page);
    await expect(page.locator('.m[tabindex="0"], .bar[tabindex="0"]')).toHaveCount(1);
  }
  const place = () => scroll.evaluate((node) => node.scrollLeft);
  const before = await place();
  expect(before).toBeGreaterThan(0);
  for (const name of await page.locator('.cal-rowname').all()) {
    await name.focus();
    expect(await place()).toBe(before);
  }
  // from name to name, until it is the one mark's turn: that one may come into view
  await page.locator('.cal-rowname').first().focus();
  const mark = page.locator('.m:focus, .bar:focus');
  for (let at = 0; at < 30 && await mark.count() === 0; at += 1) {
    expect(await place()).toBe(before);
    await page.keyboard.press('Tab');
  }
  await expect(mark).toHaveCount(1);
});

test('marks of a row are read in the order of their days', async ({ page }) => {
  await openYear(page, year);
  await page.locator('.cal-scroll').evaluate((node) => node.scrollTo({ left: node.scrollWidth - 3000 }));
  await settled(page);
  await page.locator('.cal-scroll').evaluate((node) => node.scrollTo({ left: 1e6 }));
  await settled(page);
  const columns = await page.locator('.cal-row').evaluateAll((rows) =>
    rows.map((row) => [...row.querySelectorAll('[role="gridcell"]')].map((cell) => Number(cell.getAttribute('aria-colindex')))));
  for (const row of columns) expect(row).toEqual([...row].sort((a, b) => a - b));
});

/* A request that waits until the test lets it go. */
async function hold(page: Page, url: string | RegExp): Promise<() => void> {
  let release = () => {};
  const released = new Promise<void>((done) => {
    release = done;
  });
  await page.route(url, async (route) => {
    await released;
    await route.continue();
  });
  return release;
}

test('a link to a calendar: all it needs is asked for before any script has run', async ({ page, context }) => {
  await openYear(page, year);
  const link = page.url();
  const other = await context.newPage();
  const asked: string[] = [];
  other.on('request', (request) => asked.push(new URL(request.url()).pathname.replace(/-[\w-]{8}\./, '.')));
  const release = await hold(other, /\/assets\/index-[\w-]+\.js$/);
  await other.goto(link, { waitUntil: 'commit' });
  const needed = ['base.js', 'Patient.js', 'Calendar.js', 'people.js', 'work.js', 'calendar.js', 'calendar.css']
    .map((name) => `/assets/${name}`);
  await expect.poll(() => asked).toEqual(expect.arrayContaining([...needed, '/api/v1/session']));
  release();
  await settled(other);
  for (const path of [...needed, '/api/v1/session']) {
    expect(asked.filter((one) => one === path), path).toHaveLength(1);
  }
  // what comes until the marks are there: the scripts above, and who, what, where
  const atMarks = asked.slice(0, asked.findIndex((path) => path.endsWith('/calendar-openings')) + 1);
  expect(atMarks.filter((path) => path.endsWith('.js'))).toHaveLength(needed.length);
});

test('the calendar is opened while the person is asked for, and given back when nobody comes to show it', async ({ page, context }) => {
  await openYear(page, year);
  const link = page.url();
  const other = await context.newPage();
  const release = await hold(other, /\/api\/v1\/persons\/\w+$/);
  const opened = other.waitForResponse((response) => response.url().endsWith('/calendar-openings'));
  await other.goto(link, { waitUntil: 'commit' });
  const { opening } = (await (await opened).json()) as { opening: string };
  const given = other.waitForRequest(
    (request) => request.method() === 'DELETE' && request.url().endsWith(`/api/v1/openings/${opening}`),
  );
  await other.getByRole('link', { name: '患者検索' }).click();
  await given;
  release();
});
