// SPDX-License-Identifier: Apache-2.0
/* The sheet of marked pictures as one picture: for records and letters that take pictures only. */
import type { Person, Printed } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { eraYear, fullInstant, slashed } from '../../i18n/wareki.ts';

const WIDTH = 1240; // A4 at 150 dots an inch
const EDGE = 48;
const LINE = 26;
const FONT = '20px sans-serif';
const PER_ROW = 2;
const CELL = (WIDTH - EDGE * 3) / PER_ROW;
const PICTURE = 420;

export interface Part {
  blob: Blob;
  lines: string[];
  comment?: string;
}

/** Cut where it would leave its room: Japanese breaks anywhere. */
export function wrap(text: string, room: number, widthOf: (text: string) => number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const letter of text) {
    if (letter === '\n' || (line !== '' && widthOf(line + letter) > room)) {
      lines.push(line);
      line = letter === '\n' ? '' : letter;
    } else line += letter;
  }
  return line === '' ? lines : [...lines, line];
}

export async function drawSheet(person: Person, parts: Part[], printed: Printed[]): Promise<Blob> {
  const canvas = document.createElement('canvas');
  const pen = canvas.getContext('2d', { alpha: false });
  if (!pen) throw new Error('canvas');
  pen.font = FONT;
  const cut = (lines: string[], room: number) => lines.flatMap((line) => wrap(line, room, (text) => pen.measureText(text).width));
  const last = printed.at(-1);
  const head = cut([
    `${person.name}　${person.kana}`,
    `${slashed(person.birth_date)}（${eraYear(person.birth_date)}）　${t(`sex.${person.sex}`)}` +
      (person.own_number ? `　${t('person.own_number')} ${person.own_number}` : ''),
  ], WIDTH - EDGE * 2);
  const foot = last
    ? cut([
        `${t('print.by', { staff: last.staff, facility: last.facility })}　${fullInstant(last.at)}`,
        t('print.request', { id: printed.map(({ request }) => request).join(' ') }),
      ], WIDTH - EDGE * 2)
    : [];
  const cells = await Promise.all(parts.map(async ({ blob, lines, comment = '' }) => ({
    bitmap: await createImageBitmap(blob), text: cut(comment ? [...lines, comment] : lines, CELL),
  })));
  const rows = Array.from({ length: Math.ceil(cells.length / PER_ROW) }, (_, row) => cells.slice(row * PER_ROW, (row + 1) * PER_ROW));
  const heights = rows.map((row) => PICTURE + (Math.max(...row.map(({ text }) => text.length)) + 1.5) * LINE);
  canvas.width = WIDTH;
  canvas.height = Math.ceil(EDGE * 3 + (head.length + foot.length) * LINE + heights.reduce((sum, height) => sum + height, 0));
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.font = FONT;
  pen.textBaseline = 'top';
  pen.fillStyle = '#000';
  const say = (lines: string[], x: number, y: number) => lines.forEach((line, at) => pen.fillText(line, x, y + at * LINE));
  say(head, EDGE, EDGE);
  let y = EDGE * 2 + head.length * LINE;
  rows.forEach((row, at) => {
    row.forEach(({ bitmap, text }, column) => {
      const x = EDGE + column * (CELL + EDGE);
      const scale = Math.min(CELL / bitmap.width, PICTURE / bitmap.height);
      pen.drawImage(bitmap, x, y, bitmap.width * scale, bitmap.height * scale);
      say(text, x, y + PICTURE + LINE / 2);
      bitmap.close();
    });
    y += heights[at] ?? 0;
  });
  say(foot, EDGE, y);
  return new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error('canvas'))), 'image/png'));
}
