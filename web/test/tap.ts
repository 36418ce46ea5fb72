// SPDX-License-Identifier: Apache-2.0
/* Playwright's results as TAP, one line a test, so that ./check counts each of them; with a failure, what
 * its page showed; at the end how long each file took at each width. */
import { readFileSync } from 'node:fs';
import type { FullResult, Reporter, Suite, TestCase, TestError, TestResult } from '@playwright/test/reporter';

export default class Tap implements Reporter {
  private number = 0;
  private readonly took = new Map<string, number>();

  onBegin(_config: unknown, suite: Suite): void {
    process.stdout.write(`1..${suite.allTests().length}\n`);
  }
  onTestEnd(test: TestCase, result: TestResult): void {
    this.number += 1;
    const [, width = '', file = '', ...names] = test.titlePath();
    const place = `${width} ${file.replace('.spec.ts', '')}`;
    this.took.set(place, (this.took.get(place) ?? 0) + result.duration);
    const name = `${place}: ${names.join(', ')}`.replaceAll('#', '');
    if (result.status === 'skipped') {
      const why = test.annotations.find(({ type }) => type === 'skip')?.description ?? '';
      process.stdout.write(`ok ${this.number} - ${name} # SKIP ${why}\n`);
      return;
    }
    process.stdout.write(`${result.status === 'passed' ? '' : 'not '}ok ${this.number} - ${name}\n`);
    for (const error of result.errors) this.tell(error);
    this.show(result.attachments.find((one) => one.name === 'error-context')?.path);
  }
  onError(error: TestError): void {
    this.tell(error);
  }
  onEnd(result: FullResult): void {
    const longest = [...this.took].sort(([, one], [, other]) => other - one);
    for (const [place, ms] of longest) process.stdout.write(`# ${Math.round(ms / 1000)} s ${place}\n`);
    process.stdout.write(`# ${result.status}\n`);
  }
  private tell({ message, value, location, stack }: TestError): void {
    const text = (message ?? value ?? stack ?? '').replace(/\u001b\[[0-9;]*m/g, '');
    const where = location ? `${location.file}:${location.line}: ` : '';
    for (const line of `${where}${text}`.split('\n').filter((one) => one.trim()).slice(0, 40)) process.stdout.write(`# ${line}\n`);
  }
  /* The words of its main part and of what lies over it; the file that has them goes away with the run. */
  private show(path: string | undefined): void {
    const page = path ? readFileSync(path, 'utf8') : '';
    const from = page.search(/^- main/m);
    if (from < 0) return;
    for (const line of page.slice(from).split('\n').filter((one) => !/\/url:|^```|^$/.test(one)).slice(0, 30)) process.stdout.write(`# ${line}\n`);
  }
}
