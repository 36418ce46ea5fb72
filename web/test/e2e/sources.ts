// SPDX-License-Identifier: Apache-2.0
/* The screens and dialogs that the sources have, so that a new one cannot be forgotten: routes of
 * the router, tabs of a patient, titles of dialogs. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';

const root = new URL('../../src/', import.meta.url).pathname;
const read = (path: string) => readFileSync(join(root, path), 'utf8');

export const seen = { places: new Set<string>(), dialogs: new Set<string>() };
/** A paper's own viewer carries the paper's title. */
const VIEWER = 'a paper';

export async function wasSeen(page: Page): Promise<void> {
  seen.places.add(new URL(page.url()).pathname);
  const dialog = page.locator('dialog[open]');
  if ((await dialog.count()) === 0) return;
  const isViewer = (await dialog.locator('.doc-viewer').count()) > 0;
  seen.dialogs.add(isViewer ? VIEWER : ((await dialog.locator('h2').first().textContent()) ?? ''));
}

export function routesOfSources(): RegExp[] {
  const paths = [...read('routes.tsx').matchAll(/<Route path="([^"]+)"/g)].map(([, path = '']) => path);
  const [, tabs = ''] = /const SCREENS[^{]*\{([^}]*)/.exec(read('screens/patient/Patient.tsx')) ?? [];
  const names = [...tabs.matchAll(/^ {2}(\w+):/gm)].map(([, name = '']) => name);
  if (paths.length < 5 || names.length < 3) throw new Error('the sources look different now');
  const hasEntry = (name: string) => paths.some((path) => path.includes(`/${name}/:`));
  const all = paths.flatMap((path) => (path.includes('/:tab') ? names.filter((name) => !hasEntry(name)).map((name) => path.replace(':tab', name)) : [path]));
  // whatever the router does not know is a screen too
  return [...all.map((path) => new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`)), /^\/nobody\//];
}

function words(): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(join(root, 'i18n/ja'))) {
    for (const [, key = '', text = ''] of read(join('i18n/ja', name)).matchAll(/^ {2}'([^']+)': '([^']*)',$/gm)) found.set(key, text);
  }
  return found;
}

/** Each dialog's titles, as patterns; those of specific consent are looked at in its own region. */
export function dialogsOfSources(): RegExp[][] {
  const known = words();
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tsx'));
  const dialogs: RegExp[][] = [];
  for (const file of files) {
    for (const [, title = ''] of read(file).matchAll(/<Dialog\s+title=\{([^\n]*)/g)) {
      const keys = [...title.matchAll(/'([a-z_.]+)'/g)].map(([, key = '']) => key).filter((key) => known.has(key));
      const other = keys.filter((key) => !key.startsWith('rights.'));
      if (keys.length > 0 && other.length === 0) continue;
      dialogs.push(keys.length === 0 ? [new RegExp(`^${VIEWER}$`)] : other.map(
        (key) => new RegExp(`^${(known.get(key) ?? '').replace(/[()]/g, '\\$&').replace(/\{\w+\}/g, '.+')}$`),
      ));
    }
  }
  if (dialogs.length < 5) throw new Error('the sources look different now');
  return dialogs;
}
