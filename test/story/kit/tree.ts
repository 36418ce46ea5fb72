// SPDX-License-Identifier: Apache-2.0
/* A hospital's SS-MIX2 storage: what its system writes, and what stands in there. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { shift } from './days.ts';
import { PROGRAM, type Region } from './region.ts';

export interface Stored {
  path: string;
  folder: string;
  name: string;
  number: string;
  day: string;
  type: string;
  key: string;
  flag: string;
}

export interface Item { type: string; name?: string; value?: string; [key: string]: string | undefined }
/** What `tsumugi inspect` reads from one entry of a file. */
export interface Inspected {
  path: string;
  kind: string;
  row?: string;
  day: string;
  title: string;
  department_code?: string;
  state: string;
  items: Item[];
}

const LINES_BYTES = 256 * 1024 * 1024;

export class Tree {
  readonly root: string;
  readonly documents: string;

  constructor(region: Region, facility: string) {
    this.root = `${region.directory}/storage/${facility}`;
    this.documents = `${region.directory}/extended/${facility}`;
  }

  /** The patient's folders in both storages, as far as there are any. */
  folders(number: string): string[] {
    const below = `${number.slice(0, 3)}/${number.slice(3, 6)}/${number}`;
    return [`${this.root}/${below}`, `${this.documents}/${below}`].filter((folder) => existsSync(folder));
  }

  patient(number: string): string {
    return `${this.root}/${number.slice(0, 3)}/${number.slice(3, 6)}/${number}`;
  }

  /** All files of a patient, oldest day first. */
  files(number: string): Stored[] {
    const found: Stored[] = [];
    const patient = this.patient(number);
    for (const day of readdirSync(patient).sort()) {
      for (const type of readdirSync(`${patient}/${day}`).sort()) {
        const folder = `${patient}/${day}/${type}`;
        for (const name of readdirSync(folder).sort()) {
          const parts = name.split('_');
          found.push({
            path: `${folder}/${name}`, folder, name, number, day, type,
            key: parts[3] ?? '', flag: parts.at(-1) ?? '',
          });
        }
      }
    }
    return found;
  }

  /** The newest current result of a patient that the hospital's system wrote as a table of numbers. */
  newestResult(number: string): Stored {
    const found = this.files(number).filter((file) => file.type === 'OML-11' && file.flag === '1'
      && readFileSync(file.path, 'latin1').includes('|NM|')).at(-1);
    if (!found) throw new Error(`${number} has no results`);
    return found;
  }

  /** The last days up to `today` on which the patient has no results, newest first. */
  freeDays(number: string, today: string, count: number): string[] {
    const taken = new Set(this.files(number).filter((file) => file.type.startsWith('OML')).map((file) => file.day));
    const days = Array.from({ length: 30 }, (_, ago) => shift(today, -ago)).filter((day) => !taken.has(compact(day)));
    if (days.length < count) throw new Error(`${number} has results on every day`);
    return days.slice(0, count);
  }

  /** A result that was not there before: `like` with another key, day and first value. */
  writeResult(like: Stored, result: { key: string; day: string; value: string; comments?: string[] }): Stored {
    const moment = `${result.day}093000001`;
    let text = readFileSync(like.path, 'latin1')
      .replaceAll(like.key, result.key)
      .replaceAll(like.day, result.day)
      .replace(/(\rOBX\|1\|NM\|[^|]*\|[^|]*\|)[^|]*/, `$1${result.value}`);
    for (const [index, comment] of (result.comments ?? []).entries()) text += `NTE|${index + 1}||${comment}\r`;
    const folder = `${this.patient(like.number)}/${result.day}/OML-11`;
    const name = `${like.number}_${result.day}_OML-11_${result.key}_${moment}_${like.name.split('_')[5]}_1`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/${name}`, text, 'latin1');
    return { path: `${folder}/${name}`, folder, name, number: like.number, day: result.day, type: 'OML-11', key: result.key, flag: '1' };
  }

  /** The same result, corrected by the hospital: the old file steps back, a newer one is current. */
  correctResult(old: Stored, value: string): Stored {
    const text = readFileSync(old.path, 'latin1').replace(/(\rOBX\|1\|NM\|[^|]*\|[^|]*\|)[^|]*/, `$1${value}`);
    const parts = old.name.split('_');
    const newer = [...parts];
    newer[4] = `${BigInt(parts[4] ?? '0') + 1n}`;
    renameSync(old.path, old.path.replace(/_1$/, '_2'));
    const name = newer.join('_');
    writeFileSync(`${old.folder}/${name}`, text, 'latin1');
    return { ...old, name, path: `${old.folder}/${name}` };
  }

  /** The hospital joins `old` into `next`: all files move, and the patient's own file says so (ADT^A40). */
  joinInto(old: string, next: string): void {
    for (const file of this.files(old)) {
      const folder = file.folder.replace(this.patient(old), this.patient(next));
      const isPatient = file.type === 'ADT-00' && file.flag === '1';
      let text = readFileSync(file.path, 'latin1').replaceAll(old, next);
      if (isPatient) text = `${text.replace(/ADT\^A08\^ADT_A01/, 'ADT^A40^ADT_A39')}MRG|${old}^^^^PI\r`;
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${folder}/${file.name.replace(old, next)}`, text, 'latin1');
    }
    rmSync(this.patient(old), { recursive: true });
  }

  remove(file: Stored): void {
    rmSync(file.path);
  }

  /** Every entry that the program reads from a patient's folder, or from one file. */
  inspect(path: string): Inspected[] {
    if (!existsSync(path)) throw new Error(`nothing at ${path}`);
    const told = spawnSync(PROGRAM, ['inspect', '--json', path], { encoding: 'utf8', maxBuffer: LINES_BYTES });
    const entries: Inspected[] = [];
    for (const line of told.stdout.split('\n')) {
      if (!line) continue;
      const read = JSON.parse(line) as { path: string; ok: boolean; entries?: Omit<Inspected, 'path'>[] };
      if (read.ok) for (const entry of read.entries ?? []) entries.push({ ...entry, path: read.path });
    }
    return entries;
  }
}

/** "2026-11-20" as folders have it. */
export const compact = (day: string): string => day.replaceAll('-', '');
