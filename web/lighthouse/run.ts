// SPDX-License-Identifier: Apache-2.0
/* Lighthouse's own verdict on the login page and on a link to a calendar, as on a phone, against
 * the real server (tools/screens --lighthouse starts one). One JSON line a page; with --tap the
 * verdicts that do not depend on the machine are tests.
 * usage: run.ts [--tap]     TSUMUGI_URL, TSUMUGI_YEAR_DIR; BENCH_RUNS=3 runs for the times */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from '@playwright/test';
import lighthouse, { type Report } from 'lighthouse';


const isTest = process.argv.includes('--tap');
const RUNS = isTest ? 1 : Number(process.env.BENCH_RUNS ?? 3);
const VERDICTS = ['accessibility', 'best-practices'];

const needed = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; tools/screens --lighthouse sets it`);
  return value;
};
const base = needed('TSUMUGI_URL');
const year = JSON.parse(readFileSync(join(needed('TSUMUGI_YEAR_DIR'), 'year.json'), 'utf8')) as
  { login: string; password: string; number: string };

async function look(port: number, url: string): Promise<Report> {
  const answer = await lighthouse(url, {
    port, output: 'json', logLevel: 'error',
    onlyCategories: isTest ? VERDICTS : ['performance', ...VERDICTS],
  });
  if (!answer) throw new Error(`no report on ${url}`);
  if (answer.lhr.runtimeError) throw new Error(answer.lhr.runtimeError.message);
  return answer.lhr;
}

/* What cost points: the audit, and the first things it names. */
function faults({ categories, audits }: Report): string[] {
  return VERDICTS.flatMap((name) => categories[name]?.auditRefs ?? []).flatMap(({ id, weight }) => {
    const audit = audits[id];
    if (!audit || weight === 0 || audit.score === null || audit.score >= 1) return [];
    const named = (audit.details?.items ?? []).slice(0, 3).map((item) => JSON.stringify(item).slice(0, 300));
    return [[id, audit.title, ...named].join(' | ')];
  });
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

async function judge(what: string, url: string, port: number, budget: number): Promise<boolean> {
  const reports: Report[] = [];
  for (let run = 0; run < RUNS; run += 1) reports.push(await look(port, url));
  const [first] = reports;
  if (!first) return false;
  const found = faults(first);
  for (const fault of found) process.stderr.write(`# ${what}: ${fault}\n`);
  const score = (name: string) => first.categories[name]?.score ?? 0;
  if (!isTest) {
    const of = (id: string) => Math.round(median(reports.map(({ audits }) => audits[id]?.numericValue ?? NaN)));
    process.stdout.write(`${JSON.stringify({
      bench: 'lighthouse', version: first.lighthouseVersion, what, runs: RUNS,
      lcp_ms: of('largest-contentful-paint'), budget_ms: budget, fcp_ms: of('first-contentful-paint'),
      blocked_ms: of('total-blocking-time'), bytes: of('total-byte-weight'),
      performance: median(reports.map(({ categories }) => categories.performance?.score ?? 0)),
      accessibility: score('accessibility'), best_practices: score('best-practices'),
    })}\n`);
  }
  return VERDICTS.every((name) => score(name) === 1);
}

async function openCalendar(page: Page): Promise<string> {
  await page.goto(base);
  await page.fill('#login-id', year.login);
  await page.fill('#login-password', year.password);
  await page.keyboard.press('Enter');
  await page.fill('#quick-number', year.number);
  await page.keyboard.press('Enter');
  await page.locator('a.person').first().click();
  await page.locator('.m').first().waitFor();
  return page.url();
}

const profile = mkdtempSync(join(tmpdir(), 'tsumugi-lighthouse-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', locale: 'ja-JP', timezoneId: 'Asia/Tokyo',
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--remote-debugging-port=0',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
});
const results: [string, boolean][] = [];
try {
  const port = Number(readFileSync(join(profile, 'DevToolsActivePort'), 'utf8').split('\n')[0]);
  results.push(['login', await judge('login', `${base}/`, port, 1500)]);
  const page = await browser.newPage();
  const calendar = await openCalendar(page);
  await page.goto('about:blank');
  results.push(['calendar', await judge('calendar', calendar, port, 2000)]);
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
if (isTest) {
  process.stdout.write(`1..${results.length}\n`);
  results.forEach(([what, isGood], index) => {
    process.stdout.write(`${isGood ? '' : 'not '}ok ${index + 1} - lighthouse: ${what}, accessibility and best practices\n`);
  });
}
