// SPDX-License-Identifier: Apache-2.0
/* One region of `tsumugi demo`: its folder, its processes, its switches. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { baseOption, copyBase, makeBase } from './base.ts';
import { Desk } from './desk.ts';
import { readPlan, type Plan } from './plan.ts';
import { until } from './wait.ts';

export const PROGRAM = process.env.TSUMUGI ?? new URL('../../../build/release/tsumugi', import.meta.url).pathname;

/** As many people as hold every case that the stories need. */
export const PEOPLE = 40;

/* cp keeps times to the nanosecond, by which a gateway knows files that it has read. */
function copyTree(from: string, to: string): void {
  const { status, stderr } = spawnSync('cp', ['-a', '--', from, to], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the region cannot be copied: ${stderr}`);
}

export class Region {
  readonly directory: string;
  private demo: ChildProcess | undefined;
  private said = '';
  port = 0;
  /** How long each hospital's log was at the start. */
  private before = new Map<string, number>();

  /** The page over TLS, for browsers with a facility's certificate only. */
  private readonly hasTls: boolean;

  private constructor(directory: string, hasTls: boolean) {
    this.directory = directory;
    this.hasTls = hasTls;
  }

  /** Makes the region when the folder holds none. */
  static async start(directory: string, hasTls = false): Promise<Region> {
    const region = new Region(directory, hasTls);
    if (!region.isMade) makeBase(directory);
    await region.run();
    return region;
  }

  /** A copy of a region that has been stopped. */
  static async copy(from: string, to: string, hasTls = false): Promise<Region> {
    copyTree(from, to);
    copyBase(from, to);
    return Region.start(to, hasTls);
  }

  get plan(): Plan {
    return readPlan(this.directory);
  }

  get url(): string {
    return `http${this.hasTls ? 's' : ''}://localhost:${this.port}`;
  }

  /** The words of the line by which the demo says how pictures are sent to its hospital. */
  get sending(): string[] {
    const line = /storescu .*(?= FILE…)/.exec(this.said)?.[0];
    if (!line) throw new Error(`no hospital takes pictures: ${this.said}`);
    return line.split(' ').slice(1);
  }

  async run(): Promise<void> {
    this.before = new Map(this.isMade ? this.hospitals().map((code) => [code, this.log(code).length]) : []);
    const today = process.env.TODAY ? ['--today', process.env.TODAY] : [];
    const demo = spawn(
      PROGRAM,
      ['demo', '--dir', this.directory, '--port', '0', '--people', String(PEOPLE), ...today, ...baseOption(this.directory), ...(this.hasTls ? ['--tls'] : [])],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.demo = demo;
    this.said = '';
    demo.stdout.on('data', (chunk: Buffer) => (this.said += chunk.toString()));
    demo.stderr.on('data', (chunk: Buffer) => (this.said += chunk.toString()));
    await until('the demo is ready', () => {
      if (demo.exitCode !== null) throw new Error(`the demo ended: ${this.said}`);
      return this.said.includes('Ctrl-C ends it');
    }, 120);
    this.port = Number(/https?:\/\/localhost:(\d+)/.exec(this.said)?.[1] ?? 0);
  }

  /** Asks the demo to end, as Ctrl-C does, and waits. */
  async stop(): Promise<void> {
    const demo = this.demo;
    this.demo = undefined;
    if (!demo || demo.exitCode !== null) return;
    const ended = new Promise((done) => demo.once('exit', done));
    demo.kill('SIGTERM');
    await ended;
  }

  /** Someone at this region's page; logged in when a login is named. */
  async desk(login: string, facility?: string): Promise<Desk> {
    const desk = new Desk(this.url);
    const staff = this.plan.staff.find((one) => one.login === login);
    if (!staff) throw new Error(`nobody logs in as ${login}`);
    await desk.logIn(login, staff.password, facility);
    return desk;
  }

  /** "on" or "off". */
  turn(facility: string, word: 'on' | 'off'): void {
    writeFileSync(`${this.directory}/switch/${facility}`, `${word}\n`);
  }

  /** The process of "centre" or of a hospital's gateway, 0 when it does not run. */
  processOf(name: string): number {
    const demo = this.demo?.pid;
    if (!demo) return 0;
    const children = readFileSync(`/proc/${demo}/task/${demo}/children`, 'utf8').split(' ');
    const found = children.find((child) => child && commandOf(child).includes(`/config/${name}.json`));
    return found ? Number(found) : 0;
  }

  async waitForEnd(process: number): Promise<void> {
    await until('the process has ended', () => commandOf(String(process)) === '', 20, 50);
  }

  /** Codes of those that are on from the start. */
  hospitals(): string[] {
    return this.plan.facilities.filter((one) => one.has_gateway && !one.is_away_at_start).map((one) => one.code);
  }

  /** True when all of them have read their storages once since this region was started. */
  hospitalsKnowTheirStorage(): boolean {
    return this.hospitals().every((code) => this.log(code).slice(this.before.get(code) ?? 0).includes('"storage_known"'));
  }

  private get isMade(): boolean {
    return existsSync(`${this.directory}/region.json`);
  }

  log(name: string): string {
    const path = `${this.directory}/log/${name}.log`;
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }
}

function commandOf(process: string): string {
  try {
    return readFileSync(`/proc/${process}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
