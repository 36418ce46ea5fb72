// SPDX-License-Identifier: Apache-2.0
import { expect, test, vi } from 'vitest';

test('only scripts of this build become workers', async () => {
  const started: string[] = [];
  vi.stubGlobal('Worker', class {
    constructor(url: string) {
      started.push(url);
    }
  });
  const { startWorker } = await import('./trusted.ts');
  startWorker('/assets/pdfjs-6.5.438/worker.js');
  const others = [
    'https://elsewhere.example/assets/a.js', '//elsewhere.example/assets/a.js', 'blob:https://here/1', 'data:text/javascript,1',
    '/api/v1/a.js', '/assets/../api/a.js', '/assets/a.js?x', '/assets/a.txt', '',
  ];
  for (const url of others) expect(() => startWorker(url), url).toThrow(TypeError);
  expect(started).toEqual(['/assets/pdfjs-6.5.438/worker.js']);
  vi.unstubAllGlobals();
});
