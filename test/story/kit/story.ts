// SPDX-License-Identifier: Apache-2.0
/* One story: a file of its own, run as a process of its own, told as lines of TAP without
 * numbers (main.ts numbers them). */
import { rmSync } from 'node:fs';
import type { BrowserContextOptions } from 'playwright';
import { Browsing, type Visit } from './browse.ts';
import { Region } from './region.ts';
import { waitUntilConnected, waitUntilKnown } from './step.ts';

export class Stage {
  private failures = 0;
  private regions: Region[] = [];
  private browsing: Browsing | undefined;

  check(isGood: boolean, what: string, details?: unknown): boolean {
    console.log(`${isGood ? 'ok' : 'not ok'} - ${what}`);
    if (!isGood) {
      this.failures++;
      if (details !== undefined) this.note(details);
    }
    return isGood;
  }

  same(got: unknown, wanted: unknown, what: string): boolean {
    const [one, other] = [JSON.stringify(got), JSON.stringify(wanted)];
    return this.check(one === other, what, `got ${one}, wanted ${other}`);
  }

  note(what: unknown): void {
    const text = typeof what === 'string' ? what : JSON.stringify(what);
    console.log(text.split('\n').map((line) => `# ${line.slice(0, 600)}`).join('\n'));
  }

  /** A running copy of the prepared region; its hospitals are connected and in step. */
  async region(options: { tls?: boolean } = {}): Promise<Region> {
    const template = process.env.STORY_TEMPLATE;
    const work = process.env.STORY_WORK;
    if (!template || !work) throw new Error('stories are started by test/story/run');
    const region = await Region.copy(template, `${work}/region-${this.regions.length}`, options.tls);
    this.regions.push(region);
    // over TLS only a browser shows a certificate, and it sees for itself who is connected
    await (options.tls ? waitUntilKnown(region) : waitUntilConnected(region));
    return region;
  }

  async visit(region: Region, options: BrowserContextOptions = {}): Promise<Visit> {
    this.browsing ??= await Browsing.start();
    return this.browsing.visit(region.url, options);
  }

  async end(): Promise<boolean> {
    const complaints = (await this.browsing?.end()) ?? [];
    if (this.browsing) {
      this.check(complaints.length === 0, 'the browser had nothing to complain about', complaints.join('\n'));
    }
    for (const region of this.regions) {
      await region.stop();
      if (this.failures > 0) this.tellLogs(region);
      if (!process.env.KEEP) rmSync(region.directory, { recursive: true, force: true });
    }
    return this.failures === 0;
  }

  private tellLogs(region: Region): void {
    for (const name of ['centre', ...region.plan.facilities.filter((one) => one.has_gateway).map((one) => one.code)]) {
      const lines = region.log(name).trim().split('\n').slice(-12);
      this.note(`${name}:\n${lines.join('\n')}`);
    }
  }
}

export async function story(title: string, run: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = new Stage();
  console.log(`# ${title}`);
  try {
    await run(stage);
  } catch (failure) {
    stage.check(false, title, failure instanceof Error ? (failure.stack ?? failure.message) : String(failure));
  }
  const isGood = await stage.end();
  process.exit(isGood ? 0 : 1);
}
