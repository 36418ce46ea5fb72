// SPDX-License-Identifier: Apache-2.0
/* Chromium with the client that the server brings. Whatever the console or the content
 * security policy complains about is kept and fails the story. */
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, BrowserContextOptions, ConsoleMessage, Page } from 'playwright';

const require = createRequire(new URL('../../../web/package.json', import.meta.url));
const { chromium } = require('playwright') as typeof import('playwright');

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

export interface Visit {
  page: Page;
  context: BrowserContext;
  /** Complaints that this story provokes on purpose, e.g. the 401 of a wrong password. */
  expects: (pattern: RegExp) => void;
  /** Logs in through the form. */
  logIn: (login: string, password: string) => Promise<void>;
}

export class Browsing {
  private readonly browser: Browser;
  private readonly complaints: { text: string; expected: RegExp[] }[] = [];

  private constructor(browser: Browser) {
    this.browser = browser;
  }

  static async start(): Promise<Browsing> {
    return new Browsing(await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS }));
  }

  async visit(url: string, options: BrowserContextOptions): Promise<Visit> {
    const context = await this.browser.newContext({
      baseURL: url, locale: 'ja-JP', timezoneId: 'Asia/Tokyo', viewport: { width: 1280, height: 800 },
      reducedMotion: 'reduce', ...options,
    });
    context.setDefaultTimeout(15_000);
    const expected: RegExp[] = [];
    const complain = (text: string) => this.complaints.push({ text, expected });
    const page = await context.newPage();
    page.on('console', (message: ConsoleMessage) => {
      if (['error', 'warning'].includes(message.type())) {
        complain(`${message.text()} (${message.location().url.replace(url, '')})`);
      }
    });
    page.on('pageerror', (failure) => complain(failure.stack ?? failure.message));
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    return {
      page, context,
      expects: (pattern) => void expected.push(pattern),
      logIn: async (login, password) => {
        await page.goto('/login');
        await page.locator('input[autocomplete=username]').fill(login);
        await page.locator('input[autocomplete=current-password]').fill(password);
        await page.locator('button[type=submit]').click();
        await page.waitForURL((place) => !place.pathname.startsWith('/login'));
      },
    };
  }

  /** What was complained about and not expected. */
  async end(): Promise<string[]> {
    await this.browser.close();
    return this.complaints
      .filter(({ text, expected }) => !expected.some((pattern) => pattern.test(text)))
      .map(({ text }) => text);
  }
}
