// SPDX-License-Identifier: Apache-2.0
/* The audit's files, read as docs/specs/audit.md says, without the program's help. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { PROGRAM, type Region } from './region.ts';

export interface AuditRow {
  node: string;
  n: number;
  at: number;
  phase: 'decision' | 'finish' | 'event';
  event: string;
  verdict: string;
  reason?: string;
  request?: string;
  staff?: string;
  facility?: string;
  person?: string;
  provider?: string;
  local_number?: string;
  object?: string;
  bytes?: number;
  detail?: string;
}

const HEAD_BYTES = 44;

function readFile(path: string): AuditRow[] {
  const bytes = readFileSync(path);
  const rows: AuditRow[] = [];
  for (let at = 0; at + HEAD_BYTES <= bytes.length;) {
    if (!['TsA1', 'TsA2'].includes(bytes.toString('latin1', at, at + 4))) throw new Error(`${path}: no record at ${at}`);
    const length = bytes.readUInt32BE(at + 4);
    const end = at + HEAD_BYTES + length + 1;
    if (end > bytes.length) break;
    rows.push(JSON.parse(bytes.toString('utf8', at + HEAD_BYTES, end - 1)) as AuditRow);
    at = end;
  }
  return rows;
}

/** "centre" or a hospital's code. */
export function auditOf(region: Region, name: string): string {
  return name === 'centre' ? `${region.directory}/centre/audit` : `${region.directory}/gateway/${name}/audit`;
}

/** All records of one side, in the order in which it wrote them. */
export function readAudit(region: Region, name: string): AuditRow[] {
  const directory = auditOf(region, name);
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((node) => node.isDirectory())
    .flatMap((node) => readdirSync(`${directory}/${node.name}`).filter((file) => file.endsWith('.log')).sort()
      .flatMap((file) => readFile(`${directory}/${node.name}/${file}`)));
}

/** What `tsumugi audit verify` says: status 0 and the number of records when it is whole. */
export function verifyAudit(region: Region, name: string): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(PROGRAM, ['audit', 'verify', auditOf(region, name)], { encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

/** Decisions that permitted something and that no finish belongs to. */
export function unfinished(rows: AuditRow[]): AuditRow[] {
  const finished = new Set(rows.filter((row) => row.phase === 'finish').map((row) => `${row.request} ${row.event}`));
  return rows.filter((row) => row.phase === 'decision' && row.verdict === 'permit' && !finished.has(`${row.request} ${row.event}`));
}
