// SPDX-License-Identifier: Apache-2.0
/* The centre's database: a file in the region's folder, or, under tools/postgres, one of that server. */
import { spawnSync } from 'node:child_process';
import { DatabaseSync } from 'node:sqlite';

const SOCKET = process.env.TSUMUGI_TEST_POSTGRES;

const nameOf = (directory: string): string => `story${directory.replaceAll(/\W+/g, '_').toLowerCase().slice(-50)}`;

function psql(database: string, sql: string): string {
  const { status, stdout, stderr } = spawnSync(
    'psql', ['-q', '-X', '-A', '-t', '-h', SOCKET ?? '', '-U', 'tsumugi', '-d', database, '-c', sql], { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${sql}: ${stderr}`);
  return stdout;
}

/** What the demo is told of the database of a region's folder. */
export function baseOption(directory: string): string[] {
  return SOCKET ? ['--database', `postgresql://tsumugi@/${nameOf(directory)}?host=${SOCKET}`] : [];
}

export function makeBase(directory: string): void {
  if (SOCKET) psql('postgres', `CREATE DATABASE "${nameOf(directory)}"`);
}

/** Of a region that has been stopped; a file goes with its folder. */
export function copyBase(from: string, to: string): void {
  if (SOCKET) psql('postgres', `CREATE DATABASE "${nameOf(to)}" TEMPLATE "${nameOf(from)}"`);
}

/** Rows of what is asked beside the interface; `?` stand for the words. */
export function askBase<Row>(directory: string, sql: string, ...words: string[]): Row[] {
  if (!SOCKET) {
    const database = new DatabaseSync(`${directory}/centre/centre.db`, { readOnly: true });
    try {
      return database.prepare(sql).all(...words) as Row[];
    } finally {
      database.close();
    }
  }
  const left = [...words];
  const filled = sql.replaceAll('?', () => `'${(left.shift() ?? '').replaceAll('\'', '\'\'')}'`);
  return JSON.parse(psql(nameOf(directory), `SELECT coalesce(json_agg(one), '[]') FROM (${filled}) AS one`)) as Row[];
}
