// SPDX-License-Identifier: Apache-2.0
/* What the PDF view fetches when a document needs it, under one address with its version: the
 * worker, the tables of Japanese character codes, the decoders of two picture formats without
 * wasm (the content security policy allows none), and everybody's licence. */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import type { Plugin } from 'vite';

/* Adobe-Japan1 and the codes that lead to it; Chinese and Korean would be three times as much. */
const JAPANESE = /^(78|83pv|90|Add-|Adobe-Japan1|EUC-|Ext-|H\.|V\.|Hankaku|Hiragana|Katakana|Roman|RKSJ|NWP|UniJIS|WP-Symbol)/;
const DECODERS = ['jbig2_nowasm_fallback.js', 'openjpeg_nowasm_fallback.js'];

export function pdfjsFiles(): Plugin {
  const home = dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json'));
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string };
  return {
    name: 'pdfjs-files',
    apply: 'build',
    generateBundle() {
      const emit = (from: string, to: string) =>
        this.emitFile({ type: 'asset', fileName: `assets/pdfjs-${version}/${to}`, source: readFileSync(join(home, from)) });
      emit('legacy/build/pdf.worker.min.mjs', 'worker.js');
      for (const name of DECODERS) emit(`wasm/${name}`, name);
      for (const name of readdirSync(join(home, 'cmaps'))) if (JAPANESE.test(name)) emit(`cmaps/${name}`, `cmaps/${name}`);
      emit('LICENSE', 'licence.txt');
      emit('cmaps/LICENSE', 'licence-cmaps.txt');
      for (const name of readdirSync(join(home, 'wasm'))) {
        if (/^LICENSE_.*(JBIG2|OPENJPEG)$/.test(name)) emit(`wasm/${name}`, `${name.toLowerCase().replace('license_', 'licence-')}.txt`);
      }
    },
  };
}
