// SPDX-License-Identifier: Apache-2.0
/* The page for links to a patient, p/index.html: as index.html, and it names what the calendar
 * needs, so that the browser asks for all of it at once instead of one after the other. */
import type { Plugin } from 'vite';

const SCREEN = /\/src\/screens\/patient\/Patient\.tsx$/;
/* Nobody knows the language before the script runs; in Japanese the words are there by then. */
const WORDS = /\/src\/i18n\/ja\/(work|calendar)\.ts$/;
/* In the mode of the client's own request, or the browser would ask a second time. */
const SESSION = '<link rel="preload" as="fetch" crossorigin href="/api/v1/session">';

export function pageAhead(): Plugin {
  return {
    name: 'page-ahead',
    enforce: 'post',
    generateBundle(_, bundle) {
      const page = bundle['index.html'];
      if (page?.type !== 'asset') throw new Error('there is no index.html');
      const html = String(page.source);
      const scripts = new Set<string>();
      const styles = new Set<string>();
      const take = (file: string): void => {
        const chunk = bundle[file];
        if (scripts.has(file) || chunk?.type !== 'chunk' || html.includes(file)) return;
        scripts.add(file);
        for (const style of chunk.viteMetadata?.importedCss ?? []) styles.add(style);
        chunk.imports.forEach(take);
      };
      for (const [file, chunk] of Object.entries(bundle)) {
        if (chunk.type !== 'chunk') continue;
        if (SCREEN.test(chunk.facadeModuleId ?? '') || WORDS.test(chunk.facadeModuleId ?? '')) take(file);
      }
      if (scripts.size < 4 || styles.size === 0) throw new Error('the calendar was not found in the build');
      const links = [
        ...[...styles].map((file) => `<link rel="stylesheet" crossorigin href="/${file}">`),
        SESSION,
        ...[...scripts].map((file) => `<link rel="modulepreload" crossorigin href="/${file}">`),
      ];
      const source = html.replace('  </head>', `${links.map((link) => `    ${link}\n`).join('')}  </head>`);
      this.emitFile({ type: 'asset', fileName: 'p/index.html', source });
    },
  };
}
