// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { canOpen, columnsOf, isDocument, kindOfBytes, runsOf, sizeText } from './blocks.ts';

test('the items of a list stand together, and a table with its rows', () => {
  const types = ['document', 'list_item', 'list_item', 'table', 'table_row', 'table_row', 'list_item', 'table'];
  expect(runsOf(types.map((type) => ({ type }))).map((run) => run.length)).toEqual([1, 2, 3, 1, 1]);
});

test('columns are those of the widest row, empty ones too', () => {
  expect(columnsOf([{ type: 'table_row', c1: 'a' }, { type: 'table_row', c3: 'b' }])).toEqual(['c1', 'c2', 'c3']);
  expect(columnsOf([{ type: 'table_row', code: 'a' }])).toEqual([]);
});

test('only PDF and pictures are opened, and only when their bytes say so', () => {
  expect(['application/pdf', 'image/png', 'image/jpeg', 'image/gif'].every(canOpen)).toBe(true);
  expect(['text/html', 'image/svg+xml', 'application/xml', 'application/octet-stream', ''].some(canOpen)).toBe(false);
  expect(kindOfBytes(new TextEncoder().encode('%PDF-1.4'))).toBe('application/pdf');
  expect(kindOfBytes(new TextEncoder().encode('<html><script>'))).toBeUndefined();
  expect(kindOfBytes(new Uint8Array())).toBeUndefined();
});

test('a document is drawn as one only when all of it is', () => {
  expect(isDocument([{ type: 'heading' }, { type: 'paragraph' }, { type: 'file' }])).toBe(true);
  expect(isDocument([{ type: 'observation' }, { type: 'file' }])).toBe(false);
  expect(isDocument([])).toBe(false);
});

test('sizes are told as people say them', () => {
  expect([sizeText('12'), sizeText('2048'), sizeText('3145728'), sizeText('x')]).toEqual(['12 B', '2 KB', '3.0 MB', '']);
});
