// SPDX-License-Identifier: Apache-2.0
/* TSUMUGI_URL: the running server; without it the mock server is started. TSUMUGI_DEMO_DIR: the
 * folder of a running ./demo, whose region.json says who is who there. */
import { defineConfig } from '@playwright/test';

const MOCK_PORT = 8097;
const url = process.env.TSUMUGI_URL;

export default defineConfig({
  testDir: 'test/e2e',
  timeout: 60_000,
  expect: { timeout: 10_000 },
  fullyParallel: false,
  workers: 1,
  reporter: process.env.TSUMUGI_REPORT ? [['line'], ['json', { outputFile: process.env.TSUMUGI_REPORT }]] : 'line',
  outputDir: '../build/e2e',
  use: {
    baseURL: url ?? `http://127.0.0.1:${MOCK_PORT}`,
    locale: 'ja-JP',
    timezoneId: 'Asia/Tokyo',
    viewport: { width: 1280, height: 800 },
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
        '--disable-background-networking', '--disable-component-update', '--disable-sync',
      ],
    },
  },
  ...(url
    ? {}
    : {
        webServer: {
          command: `node test/mock.ts ${MOCK_PORT}`,
          url: `http://127.0.0.1:${MOCK_PORT}/`,
          reuseExistingServer: false,
        },
      }),
});
