// SPDX-License-Identifier: Apache-2.0
/* The test of this project: a console error, an uncaught exception or a violation of the content
 * security policy fails it; requests are watched for personal data in addresses; clicks are
 * counted. */
import { readFileSync } from 'node:fs';
import { test as base, expect, type APIResponse, type Locator, type Page, type Route } from '@playwright/test';
import { readWorld, type World } from './world.ts';

export { expect };

const AXE = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

export class Hand {
  clicks = 0;
  readonly page: Page;
  constructor(page: Page) {
    this.page = page;
  }
  async click(target: Locator): Promise<void> {
    this.clicks += 1;
    await target.click();
  }
  async enter(): Promise<void> {
    this.clicks += 1;
    await this.page.keyboard.press('Enter');
  }
}

interface Fixtures {
  world: World;
  hand: Hand;
  /** Statuses of refused requests that a test brings about on purpose. */
  refusals: Set<number>;
  /** Takes the server's answers away, and gives them back. */
  gone: (isGone: boolean) => Promise<void>;
  /** Every address that the page asked for. */
  addresses: string[];
  isGone: { value: boolean };
}

export const test = base.extend<Fixtures>({
  world: async ({}, use) => use(readWorld()),
  hand: async ({ page }, use) => use(new Hand(page)),
  refusals: async ({}, use) => use(new Set()),
  addresses: async ({}, use) => use([]),
  gone: async ({ page, isGone }, use) =>
    use(async (now) => {
      isGone.value = true;
      if (now) await page.route('**/api/**', (route) => route.abort());
      else await page.unroute('**/api/**');
    }),
  isGone: async ({}, use) => use({ value: false }),
  page: async ({ page, refusals, addresses, isGone }, use) => {
    const faults: string[] = [];
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      if (isGone.value && message.text().includes('ERR_FAILED')) return;
      const status = /status of (\d+)/.exec(message.text())?.[1];
      if (status && refusals.has(Number(status))) return;
      const path = new URL(message.location().url || 'about:blank').pathname;
      faults.push(`${message.text()} ${path}`);
    });
    page.on('pageerror', (error) => faults.push(`${error.message}\n${error.stack ?? ''}`));
    page.on('request', (request) => addresses.push(request.url()));
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    await use(page);
    expect(faults, 'console errors, exceptions, policy violations').toEqual([]);
  },
});

/** The server's own answer, to be changed. The server ends a connection that nothing was asked on for a while, and
 * unlike a browser this asker does not by itself ask again on a new one when that happens as it asks. */
export const fetched = (route: Route, change: { url?: string; headers?: Record<string, string> } = {}): Promise<APIResponse> =>
  route.fetch({ ...change, maxRetries: 3 });

export async function login(page: Page, world: World, who = world.doctor): Promise<void> {
  await page.goto('/');
  await page.fill('#login-id', who.login);
  await page.fill('#login-password', who.password);
  await page.keyboard.press('Enter');
  await expect(page.locator('#quick-number')).toBeVisible();
}

export async function findByNumber(page: Page, hand: Hand, number: string): Promise<void> {
  await page.fill('#quick-number', number);
  await hand.enter();
  await expect(page.locator('a.person').first()).toBeVisible();
}

/** From home: the calendar of somebody with a number here; from the recent patients where it
 * can be, since searches are counted and limited. */
export async function openCalendar(page: Page, hand: Hand, number: string): Promise<void> {
  await expect(page.locator('.home .people, .home .empty').nth(1)).toBeVisible();
  const recent = page.locator('a.person', { hasText: number });
  if ((await recent.count()) > 0) await hand.click(recent.first());
  else {
    await findByNumber(page, hand, number);
    await hand.click(page.locator('a.person').first());
  }
  await expect(page.locator('.cal-row')).toHaveCount(10);
}

/** From a calendar: a hospital's summary whose text shows a picture and has a paper beside it. */
export async function openSummary(page: Page): Promise<void> {
  await expect(page.locator('.m, .bar').first()).toBeVisible();
  await page.getByRole('button', { name: '一覧表示' }).click();
  await page.locator('.row-chips button', { hasText: 'レポート' }).click();
  const summary = page.locator('tr', { hasText: '退院時サマリー', has: page.locator('.fm[title^="りんどう"]') });
  await summary.locator('.title-button').first().click();
  await expect(page.locator('.doc h3').first()).toBeVisible();
}

/** The wizard, to its end, for somebody whom the network knows already. */
export async function registerAgain(
  page: Page, person: { name: string; kana: string; birth_day: string; sex: string }, number: string,
  words = { next: '次へ', register: '登録' },
): Promise<void> {
  await page.goto('/patients/new');
  await page.check('#consent-explained');
  await page.getByRole('button', { name: words.next }).click();
  await page.fill('#person-name', person.name);
  await page.fill('#person-kana', person.kana);
  await page.fill('#person-birth', person.birth_day);
  await page.locator(`input[name="person-sex"][value="${person.sex}"]`).check();
  await page.getByRole('button', { name: words.next }).click();
  await page.locator('.number-field input').first().fill(number);
  await page.getByRole('button', { name: words.register, exact: true }).click();
}

export async function noSidewaysScroll(page: Page): Promise<void> {
  // a page that is too wide widens a phone's window with it: the device says how wide it may be
  const { width } = page.viewportSize() ?? { width: 0 };
  const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  expect(widths).toEqual([width, width]);
}

/** Nothing that axe-core finds fault with, on what is shown now. */
export async function isAccessible(page: Page): Promise<void> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
  // what slides under the bar of a page that is scrolled is small for axe-core, wherever the scrolling ends
  await page.evaluate(() => scrollTo({ top: 0, behavior: 'instant' }));
  const faults = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run: (options: object) => Promise<{ violations: Violation[] }> } };
    interface Violation {
      id: string;
      help: string;
      nodes: { html: string; target: string[] }[];
    }
    // WCAG 2.5.8 is off by default there
    const rules = { 'target-size': { enabled: true } };
    const { violations } = await axe.run({ resultTypes: ['violations'], rules });
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
  });
  expect(faults).toEqual([]);
}

/** For looking at: kept in the folder PICTURES, when it is named. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.PICTURES;
  if (folder) await page.screenshot({ path: `${folder}/${name}-${page.viewportSize()?.width}.png`, fullPage: true });
}
