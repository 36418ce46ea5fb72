// SPDX-License-Identifier: Apache-2.0
/* What the blocks of a document are and what an original may be shown as (docs/specs/entries.md). */

export type Fields = Record<string, string | undefined>;

const BLOCKS = new Set([
  'document', 'heading', 'paragraph', 'list_item', 'table', 'table_row', 'figure', 'preformatted', 'embedded', 'cut', 'file',
  'part',
]);
export const isDocument = (items: Fields[]): boolean => items.length > 0 && items.every((item) => BLOCKS.has(item.type ?? ''));

/** Items of a list stand together, a table with its rows; everything else by itself. */
export function runsOf(items: Fields[]): Fields[][] {
  const runs: Fields[][] = [];
  for (const item of items) {
    const run = runs.at(-1);
    const before = run?.at(-1)?.type;
    const goesOn = (item.type === 'list_item' && before === 'list_item')
      || (item.type === 'table_row' && (before === 'table' || before === 'table_row'));
    if (run && goesOn) run.push(item);
    else runs.push([item]);
  }
  return runs;
}

/** c1 … of the widest row. */
export function columnsOf(rows: Fields[]): string[] {
  let widest = 0;
  for (const row of rows) {
    for (const key of Object.keys(row)) {
      const match = /^c(\d{1,2})$/.exec(key);
      if (match) widest = Math.max(widest, Number(match[1]));
    }
  }
  return Array.from({ length: widest }, (_, index) => `c${index + 1}`);
}

const SIGNATURES: [string, number[]][] = [
  ['application/pdf', [0x25, 0x50, 0x44, 0x46, 0x2d]],
  ['image/jpeg', [0xff, 0xd8, 0xff]],
  ['image/png', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['image/gif', [0x47, 0x49, 0x46, 0x38]],
];
/** These and no others are ever shown: nothing that could be a page or a script. */
export const canOpen = (type: string): boolean => SIGNATURES.some(([known]) => known === type);
export const kindOfBytes = (head: Uint8Array): string | undefined =>
  SIGNATURES.find(([, bytes]) => bytes.every((byte, index) => head[index] === byte))?.[0];

export function sizeText(bytes: string): string {
  const count = Number(bytes);
  if (!Number.isFinite(count)) return '';
  if (count >= 1024 * 1024) return `${(count / 1024 / 1024).toFixed(1)} MB`;
  return count >= 1024 ? `${Math.round(count / 1024)} KB` : `${count} B`;
}
