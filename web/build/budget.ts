// SPDX-License-Identifier: Apache-2.0
/* Sizes after gzip against the budgets of the client; fails above. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

const KB = 1024;
const folder = process.argv[2] ?? 'dist';
const assets = join(folder, 'assets');
const index = readFileSync(join(folder, 'index.html'), 'utf8');

function packed(file: string): number {
  try {
    return statSync(`${file}.gz`).size;
  } catch {
    return statSync(file).size;
  }
}

const names = readdirSync(assets).filter((name) => /\.(js|css)$/.test(name));
const sum = (filter: (name: string) => boolean) =>
  names.filter(filter).reduce((total, name) => total + packed(join(assets, name)), 0);
const isEntry = (name: string) => index.includes(basename(name));

/** A chunk with everything that it imports before it can run, without the entry. */
function route(prefix: RegExp): (name: string) => boolean {
  const wanted = new Set(names.filter((name) => prefix.test(name)));
  for (const name of wanted) {
    for (const [, other = ''] of readFileSync(join(assets, name), 'utf8').matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) {
      wanted.add(other);
    }
  }
  return (name) => wanted.has(name) && !isEntry(name);
}

/* Groups of words, of the language that has more of them. */
const words = (groups: string[]) =>
  groups.reduce((total, group) => {
    const found = names.filter((name) => new RegExp(`^${group}-.*\\.js$`).test(name));
    if (found.length < 2) throw new Error(`no two languages of ${group}`);
    return total + Math.max(...found.map((name) => packed(join(assets, name))));
  }, 0);

const figures: [string, number, number][] = [
  ['entry js', sum((name) => name.endsWith('.js') && isEntry(name)), 30 * KB],
  ['calendar js', sum(route(/^(Patient|Calendar)-.*\.js$/)), 20 * KB],
  ['images js', sum((name) => /^Images-.*\.js$/.test(name)), 15 * KB],
  ['waves js', sum((name) => /^(Waves|PrintWave)-.*\.js$/.test(name)), 15 * KB],
  ['words before the calendar', words(['work', 'calendar']), 10 * KB],
  ['all other words', words(['help', 'content', 'register', 'audit', 'print', 'problem', 'image']), 15 * KB],
  ['pdf view js', sum((name) => /^PdfPages-.*\.js$/.test(name)), 160 * KB],
  ['css', sum((name) => name.endsWith('.css')), 20 * KB],
];
let isOver = false;
for (const [what, size, limit] of figures) {
  const verdict = size > limit ? 'OVER' : 'ok';
  isOver ||= size > limit;
  console.log(`web: ${what} ${(size / KB).toFixed(1)} of ${limit / KB} KB gz ${verdict}`);
}
if (isOver) process.exit(1);
