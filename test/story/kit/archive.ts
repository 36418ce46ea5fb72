// SPDX-License-Identifier: Apache-2.0
/* A hospital's DICOM files, and DCMTK's programs, which send it others. */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, readdirSync, statSync } from 'node:fs';

/** The hospital's DICOM files of one number, a study each. */
export function studiesOf(root: string, number: string): { uid: string; files: string[] }[] {
  const studies = new Map<string, string[]>();
  for (const name of readdirSync(root, { recursive: true }) as string[]) {
    const path = `${root}/${name}`;
    if (!statSync(path).isFile()) continue;
    const text = readFileSync(path).toString('latin1');
    if (!text.slice(0, 4096).includes(number)) continue;
    const uid = /\x20\x00\x0d\x00UI..([0-9.]+)/s.exec(text)?.[1] ?? /\x20\x00\x0d\x00....(2\.25\.[0-9.]+)/s.exec(text)?.[1];
    if (uid) studies.set(uid, [...(studies.get(uid) ?? []), path]);
  }
  return [...studies].map(([uid, files]) => ({ uid, files }));
}

/** Copies of files as another study, of another day, with an order of nobody's. */
export function copyAsStudy(files: string[], folder: string, study: { uid: string; day: string; description: string }): string[] {
  const copies = files.map((file, at) => {
    copyFileSync(file, `${folder}/${at}`);
    return `${folder}/${at}`;
  });
  const date = study.day.replaceAll('-', '');
  const changes = [
    `StudyInstanceUID=${study.uid}`, `SeriesInstanceUID=${study.uid}.1`, `StudyDate=${date}`, `SeriesDate=${date}`, `ContentDate=${date}`,
    `StudyDescription=${study.description}`, 'AccessionNumber=',
  ];
  const { status, stderr } = spawnSync('dcmodify', ['-nb', '-gin', ...changes.flatMap((change) => ['-m', change]), ...copies], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`dcmodify: ${stderr}`);
  return copies;
}

/** Runs a program to its end while the browser goes on. */
export function runProgram(program: string, args: string[]): Promise<{ status: number | null; text: string }> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.on('error', fail);
    child.on('close', (status) => done({ status, text }));
  });
}
