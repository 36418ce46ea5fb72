// SPDX-License-Identifier: Apache-2.0
/* Lengths of functions and components against STYLE.md; fails above. Tests are lists of cases
 * and not measured. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const LINES_MAX = 150;
/* Longer still, until they are taken apart: file and name. */
const LONGER = new Set(['screens/waves/Waves.tsx Waves']);

interface Long {
  name: string;
  line: number;
  lines: number;
}

function longOnes(path: string, text: string): Long[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const lineOf = (at: number) => source.getLineAndCharacterOfPosition(at).line + 1;
  const found: Long[] = [];
  const visit = (node: ts.Node): void => {
    // what is only declared has no body; a class is as long as its methods need
    if (ts.isFunctionLike(node) && 'body' in node && node.body) {
      const line = lineOf(node.getStart());
      const lines = lineOf(node.end) - line + 1;
      const named = ts.isVariableDeclaration(node.parent) ? node.parent.name : node.name;
      if (lines > LINES_MAX) found.push({ name: named?.getText() ?? 'a function', line, lines });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const folder = process.argv[2] ?? 'src';
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name) && !/\.(test|d)\.ts$/.test(name))
  .sort();
const still = new Set<string>();
let isOver = false;
for (const file of files) {
  for (const { name, line, lines } of longOnes(file, readFileSync(join(folder, file), 'utf8'))) {
    const known = `${file} ${name}`;
    still.add(known);
    if (LONGER.has(known)) continue;
    isOver = true;
    console.error(`web: ${folder}/${file}:${line}: ${name} has ${lines} lines, ${LINES_MAX} are allowed`);
  }
}
for (const known of LONGER) {
  if (!still.has(known)) console.log(`web: ${known} is short by now: build/lengths.ts need not name it`);
}
if (isOver) process.exit(1);
