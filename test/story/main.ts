// SPDX-License-Identifier: Apache-2.0
/* Prepares one region, then tells the stories, two at a time, each in a process and on a
 * copy of its own; joins their lines to one TAP stream. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Region } from './kit/region.ts';
import { waitUntilInStep } from './kit/step.ts';

const AT_ONCE = 2;
const STORY_SECONDS = 240;
const HERE = new URL('.', import.meta.url).pathname;

let number = 0;
let failures = 0;
const running = new Set<ChildProcess>();

function tell(line: string): void {
  const match = /^(not )?ok - (.*)$/.exec(line);
  if (!match) return console.log(line);
  if (match[1]) failures++;
  console.log(`${match[1] ?? ''}ok ${++number} - ${match[2]}`);
}

function sentence(file: string): string {
  return file.replace(/^\d+-/, '').replace(/\.ts$/, '').replaceAll('-', ' ');
}

async function tellStory(file: string, template: string, work: string): Promise<void> {
  const started = performance.now();
  mkdirSync(work);
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', `${HERE}stories/${file}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, STORY_TEMPLATE: template, STORY_WORK: work },
  });
  running.add(child);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const alarm = setTimeout(() => {
    said += `\nnot ok - ${sentence(file)}: longer than ${STORY_SECONDS} s\n`;
    child.kill('SIGKILL');
  }, STORY_SECONDS * 1000);
  const status = await new Promise<number | null>((done) => child.once('close', done));
  clearTimeout(alarm);
  running.delete(child);
  if (status !== 0 && !said.includes('not ok - ')) said += `\nnot ok - ${sentence(file)}: ended with ${status}\n`;
  for (const line of said.split('\n')) if (line) tell(line);
  console.log(`# ${((performance.now() - started) / 1000).toFixed(1)} s: ${file}`);
  if (!process.env.KEEP) rmSync(work, { recursive: true, force: true });
}

async function main(words: string[]): Promise<void> {
  const files = readdirSync(`${HERE}stories`)
    .filter((file) => /^\d+-.*\.ts$/.test(file) && (words.length === 0 || words.some((word) => file.includes(word))))
    .sort();
  const root = mkdtempSync(`${tmpdir()}/tsumugi-story-`);
  const template = process.env.STORY_TEMPLATE ?? `${root}/template`;
  const end = () => {
    for (const child of running) child.kill('SIGTERM');
    if (!process.env.KEEP) rmSync(root, { recursive: true, force: true });
  };
  process.on('SIGTERM', () => process.exit(143));
  process.on('SIGINT', () => process.exit(130));
  process.on('exit', end);
  if (!process.env.STORY_TEMPLATE) {
    const started = performance.now();
    const region = await Region.start(template);
    try {
      await waitUntilInStep(region);
    } finally {
      await region.stop();
    }
    console.log(`# ${((performance.now() - started) / 1000).toFixed(1)} s: a region, in step`);
  }
  const queue = files.map((file, index) => ({ file, work: `${root}/${index}` }));
  const lane = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await tellStory(next.file, template, next.work);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  console.log(`1..${number}`);
  process.exitCode = failures === 0 && number > 0 ? 0 : 1;
}

await main(process.argv.slice(2)).catch((failure: unknown) => {
  tell('not ok - the stories can be told');
  console.log(`# ${failure instanceof Error ? failure.stack : String(failure)}`);
  console.log(`1..${number}`);
  process.exitCode = 1;
});
