// SPDX-License-Identifier: Apache-2.0
/* The test of this project: a console error, an uncaught exception or a violation of the content
 * security policy fails it; requests are watched for personal data in addresses; clicks are
 * counted. */
import { test as base, expect, type Locator, type Page } from '@playwright/test';
import { readWorld, type World } from './world.ts';

export { expect };

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
  /** Every address that the page asked for. */
  addresses: string[];
}

export const test = base.extend<Fixtures>({
  world: async ({ request }, use) => use(await readWorld(request)),
  hand: async ({ page }, use) => use(new Hand(page)),
  refusals: async ({}, use) => use(new Set()),
  addresses: async ({}, use) => use([]),
  page: async ({ page, refusals, addresses }, use) => {
    const faults: string[] = [];
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      const status = /status of (\d+)/.exec(message.text())?.[1];
      if (status && refusals.has(Number(status))) return;
      faults.push(message.text());
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

export async function login(page: Page, world: World): Promise<void> {
  await page.goto('/');
  await page.fill('#login-id', world.login);
  await page.fill('#login-password', world.password);
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

export async function noSidewaysScroll(page: Page): Promise<void> {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  expect(content).toBeLessThanOrEqual(window ?? 0);
}
