// SPDX-License-Identifier: Apache-2.0
/* The specs against the real program. tools/screens starts a region and says where it is:
 * TSUMUGI_URL, its address; TSUMUGI_DEMO_DIR, its folder, whose region.json says who is who. */
import { defineConfig } from '@playwright/test';

const DESK = { viewport: { width: 1280, height: 800 } };
const TABLET = { viewport: { width: 820, height: 1180 }, hasTouch: true };
/* What 1280 pixels are at 400 % (WCAG 1.4.10). */
const NARROW = { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
/* Tasks are done once, at a desk; the states on a phone too; the screens at every width. What no width
 * changes is tagged and runs at the desk, or at the desk and on a phone when a finger or little room might: what
 * lies between these brings nothing new. ./check gives the desk a region and the others another. */
const ONCE = /@desk/;
const ENDS = /@desk|@ends/;

const COMPREHENSIVE = [
  { name: '1280', use: DESK, testIgnore: /(phone|pdf|switched|specific|rights)\.spec\.ts$/ },
  { name: '820', use: TABLET, grepInvert: ENDS, testMatch: /(every|images|notes|waves)\.spec\.ts$/ },
  { name: '390', use: PHONE, grepInvert: ONCE, testMatch: /(every|images|notes|pdf|phone|states|waves)\.spec\.ts$/ },
  { name: '320', use: NARROW, grepInvert: ONCE, testMatch: /(every|english)\.spec\.ts$/ },
  { name: 'last', use: DESK, testMatch: /switched\.spec\.ts$/ },
];
/* tools/screens --specific: a region whose consents name each facility. What changes comes last. */
const SPECIFIC = [
  { name: 'specific 1280', use: DESK, testMatch: /rights\.spec\.ts$/ },
  { name: 'specific 820', use: TABLET, testMatch: /rights\.spec\.ts$/ },
  { name: 'specific 390', use: PHONE, testMatch: /rights\.spec\.ts$/ },
  { name: 'specific 320', use: NARROW, testMatch: /rights\.spec\.ts$/ },
  { name: 'specific tasks', use: DESK, testMatch: /specific\.spec\.ts$/ },
];
/* tools/screens --year: one patient with a full year. Counts are a test, times are not. */
const YEAR = [
  { name: 'year', use: DESK, testMatch: /counts\.spec\.ts$/ },
  { name: 'times', use: DESK, testMatch: /timings\.bench\.ts$/, timeout: 1_200_000 },
];
const region = process.env.TSUMUGI_REGION ?? 'comprehensive';
const isYear = region === 'year';

export default defineConfig({
  testDir: isYear ? 'test/perf' : 'test/e2e',
  ...(isYear ? {} : { globalSetup: './test/e2e/ready.ts' }),
  // generous: a busy machine is slow, and nothing here measures time
  timeout: 120_000,
  expect: { timeout: 20_000 },
  fullyParallel: false,
  workers: 1,
  reporter: [['./test/tap.ts']],
  outputDir: '../build/e2e',
  projects: isYear ? YEAR : region === 'specific' ? SPECIFIC : COMPREHENSIVE,
  use: {
    ...(process.env.TSUMUGI_URL ? { baseURL: process.env.TSUMUGI_URL } : {}),
    locale: 'ja-JP',
    timezoneId: 'Asia/Tokyo',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
        '--disable-background-networking', '--disable-component-update', '--disable-sync',
      ],
    },
  },
});
