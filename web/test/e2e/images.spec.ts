// SPDX-License-Identifier: Apache-2.0
import type { Page } from '@playwright/test';
import { STUDIES, openImages, serveStudies } from './imaging.ts';
import { expect, isAccessible, login, noSidewaysScroll, picture, test } from './test.ts';

const host = (page: Page, at = 0) => page.locator('.v-host').nth(at);
const slice = (page: Page) => page.locator('.bl b').first();
const drawn = (page: Page, what: 'raw' | 'preview' = 'raw') => expect(host(page)).toHaveAttribute('data-ready', what);

test('a CT on the screen', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await serveStudies(page, STUDIES.ct());
  await openImages(page, hand, world);
  await drawn(page);
  await expect(slice(page)).toHaveText('1 / 40');
  await page.locator('.v-slider').fill('21');
  await drawn(page);
  await picture(page, 'ct');
  await noSidewaysScroll(page);
  await isAccessible(page);
});
