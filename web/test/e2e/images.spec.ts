// SPDX-License-Identifier: Apache-2.0
/* The image viewer over pictures of invented bodies: what is fetched when, what is on the screen, what hands and keys do.
 * axe-core looks at the plain viewer and its dialogs in every.spec.ts, at the same widths. */
import type { Page } from '@playwright/test';
import { STUDIES, openImages, serveStudies } from './imaging.ts';
import { expect, isAccessible, login, noSidewaysScroll, openCalendar, picture, test } from './test.ts';

const host = (page: Page, at = 0) => page.locator('.v-host').nth(at);
const slice = (page: Page, at = 0) => page.locator('.v-pane').nth(at).locator('.bl b');
const drawn = (page: Page, what: 'raw' | 'preview' = 'raw', at = 0) => expect(host(page, at)).toHaveAttribute('data-ready', what);
const series = (page: Page, name: string) => page.locator('.v-strip').getByRole('button', { name }).click();
const isPhone = (page: Page) => (page.viewportSize()?.width ?? 0) < 768;

/** A tool that is behind 道具 on a phone. */
async function press(page: Page, name: string): Promise<void> {
  const button = page.locator('.v-tools').getByRole('button', { name, exact: true });
  if (!(await button.isVisible())) await page.locator('.v-tools .only-tools').click();
  await button.click();
}
const closeTools = async (page: Page) => {
  if (await page.locator('.v-tools.open').isVisible()) await page.locator('.v-tools .only-tools').click();
};

/** Grey values of the picture at parts of the pane's width and height. */
const shade = (page: Page, x: number, y: number, at = 0) =>
  host(page, at).locator('canvas').evaluate(
    (canvas, [left, top]) => {
      const { width, height } = canvas as HTMLCanvasElement;
      const pixel = (canvas as HTMLCanvasElement).getContext('2d')?.getImageData(Math.round(width * left), Math.round(height * top), 1, 1).data;
      return [...(pixel ?? [])].slice(0, 3);
    },
    [x, y] as const,
  );

async function drag(page: Page, across: number, down: number, at = 0): Promise<void> {
  const box = await host(page, at).boundingBox();
  if (!box) throw new Error('no pane');
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  for (let step = 1; step <= 5; step += 1) await page.mouse.move(x + (across * step) / 5, y + (down * step) / 5);
  await page.mouse.up();
}

/** The same page with other pictures behind it. */
async function instead(page: Page, serve: () => Promise<unknown>): Promise<void> {
  const address = page.url();
  await page.goto('about:blank'); // nothing is under way any more
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await serve();
  await page.goto(address);
}

test('a CT: stack, windows, measures', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await serveStudies(page, STUDIES.ct());
  await openImages(page, hand, world);
  await drawn(page);
  await expect(slice(page)).toHaveText('1 / 40');
  await page.locator('.v-slider').fill('21');
  await drawn(page);
  await expect(page.locator('.v-around')).toContainText('位置 0.0 mm');
  await expect(page.locator('.edge')).toHaveText(['A', 'L', 'P', 'R']);
  await expect(page.locator('.v-reference')).toHaveText('参考画像（非診断用）');
  await expect(page.locator('.br')).toContainText('幅 400　レベル 40');
  await noSidewaysScroll(page);
  await picture(page, 'images-ct');
  if (!isPhone(page)) expect((await page.locator('.v-tools').boundingBox())?.height).toBeLessThan(page.viewportSize()?.width === 1280 ? 50 : 120);
  // no calendar was open since the page was loaded, and the banner warns all the same
  await page.reload();
  await drawn(page);
  await expect(page.locator(isPhone(page) ? '.banner .allergy-all' : '.banner .allergy').first()).toBeVisible();

  const before = await shade(page, 0.4, 0.5);
  if (isPhone(page)) await page.locator('.v-tools .only-tools').click();
  await page.getByLabel('濃度の設定').selectOption({ label: '肺' });
  await isAccessible(page);
  await picture(page, 'images-lung');
  await closeTools(page);
  await expect(page.locator('.br')).toContainText('幅 1500　レベル −600');
  await expect.poll(() => shade(page, 0.4, 0.5)).not.toEqual(before);
  await press(page, '濃度');
  await drag(page, 60, 30);
  await expect(page.locator('.br')).not.toContainText('幅 1500');
  await press(page, 'もとに戻す');
  await expect(page.locator('.br')).toContainText('幅 400　レベル 40');
  await closeTools(page);

  // 100 pixels of the screen are as many mm as the picture's scale says
  const box = await host(page).boundingBox();
  const mm = (100 / Math.min(box?.width ?? 1, box?.height ?? 1)) * 256 * 1.4;
  await press(page, '距離');
  await closeTools(page);
  await drag(page, 100, 0);
  const measures = page.getByRole('list', { name: '計測' }).getByRole('listitem');
  await expect(measures).toHaveCount(1);
  expect(Number.parseFloat((await measures.textContent()) ?? '')).toBeCloseTo(mm, 0);
  await press(page, '角度');
  await closeTools(page);
  await drag(page, 0, 80);
  await page.mouse.click((box?.x ?? 0) + (box?.width ?? 0) / 2 + 80, (box?.y ?? 0) + (box?.height ?? 0) / 2 + 80);
  await expect(measures).toHaveText([/mm$/, '90.0°']);
  await picture(page, 'images-measures');
  await press(page, '計測を消す');
  await expect(measures).toHaveCount(0);
});

test('what is fetched: pictures while one scrolls, values where one rests, nothing that was passed by', { tag: '@desk' }, async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  const { asked, aborted } = await serveStudies(page, STUDIES.ct());
  await openImages(page, hand, world);
  await drawn(page);
  expect(asked.filter((name) => name.startsWith('preview')).slice(0, 4)).toEqual(['preview 0/0/0', 'preview 0/1/0', 'preview 0/2/0', 'preview 0/3/0']);
  expect(asked.filter((name) => name.startsWith('raw'))).toEqual(['raw 0/0/0']);
  await expect.poll(() => asked.filter((name) => name.startsWith('preview 0/')).length).toBe(40);
  // what is there already is not asked for again; one frame's values come, those of the way do not
  asked.length = 0;
  await host(page).focus();
  // one after another without a rest between them, however long the browser takes to answer each
  await Promise.all(Array.from({ length: 12 }, () => page.keyboard.press('ArrowDown')));
  await expect(slice(page)).toHaveText('13 / 40');
  await drawn(page);
  expect(asked.filter((name) => name.startsWith('preview'))).toEqual([]);
  expect(asked.at(-1)).toBe('raw 0/12/0');
  expect(asked.length).toBeLessThan(6);
  // the window that was chosen stays while one scrolls
  await page.keyboard.press('3');
  asked.length = 0;
  await page.keyboard.press('End');
  await drawn(page);
  // what was about to go out goes first, and no more than that
  expect(asked.slice(0, 5)).toContain('preview 0/39/0');
  await expect(page.locator('.br')).toContainText('幅 1500');
  // another series: what was on its way for the first is given up
  const gone = aborted();
  await page.keyboard.press('2');
  await page.keyboard.press('Home');
  await series(page, 'シリーズ 3 CT MPR 冠状断');
  await drawn(page);
  await expect(page.locator('.edge').first()).toHaveText('H');
  expect(aborted()).toBeGreaterThan(gone);
});

test('two panes: linked, with lines where one cuts the other', async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await serveStudies(page, STUDIES.ct(), STUDIES.old());
  await openImages(page, hand, world);
  await drawn(page);
  await press(page, '2画面');
  await closeTools(page);
  await drawn(page, 'raw', 1);
  await expect(slice(page, 1)).toHaveText('1 / 12');
  // a slice crosses the coronal one as a yellow line, further up the higher it lies
  await host(page, 0).click();
  const lineAt = (pane = 1) => host(page, pane).locator('canvas').evaluate((node) => {
    const { width, height } = node as HTMLCanvasElement;
    const column = (node as HTMLCanvasElement).getContext('2d')?.getImageData(width >> 1, 0, 1, height).data ?? [];
    for (let row = 0; row < height; row += 1) {
      const [red = 0, green = 0, blue = 0] = column.slice(row * 4, row * 4 + 3);
      if (red > 200 && green > 160 && blue < 120) return row / height;
    }
    return null;
  });
  await page.locator('.v-slider').first().fill('21');
  await expect.poll(() => lineAt()).toBeCloseTo(0.5, 1);
  await page.locator('.v-slider').first().fill('36');
  await expect.poll(async () => ((await lineAt()) ?? 1) < 0.35).toBe(true);
  await page.locator('.v-slider').first().fill('21');
  await expect(slice(page, 1)).toHaveText('1 / 12');
  // and the other way: each frame of the coronal object cuts the slice where it lies itself
  await host(page, 1).click();
  await expect.poll(() => lineAt(0)).not.toBeNull();
  const front = (await lineAt(0)) ?? 1;
  await page.locator('.v-slider').nth(1).fill('9');
  await expect.poll(async () => ((await lineAt(0)) ?? 0) > front + 0.1).toBe(true);
  await page.locator('.v-slider').nth(1).fill('1');
  await host(page, 0).click();
  await noSidewaysScroll(page);
  await isAccessible(page);
  await picture(page, 'images-two');

  await page.getByRole('button', { name: '他の検査と比較' }).click();
  await expect(page.locator('.v-others button').first()).toBeVisible();
  await picture(page, 'images-choose');
  await page.locator('.v-others button').first().click();
  await expect(page.locator('dialog')).toHaveCount(0);
  await drawn(page, 'raw', 1);
  await expect(page.locator('.v-pane').nth(1)).toContainText('2025/04/02');
  // the other one goes along, as far as this one went
  const from = await slice(page, 1).textContent();
  await host(page, 0).focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await expect(slice(page, 0)).toHaveText('23 / 40');
  await expect(slice(page, 1)).not.toHaveText(from ?? '');
  await press(page, '連動');
  await closeTools(page);
  const still = (await slice(page, 1).textContent()) ?? '';
  await host(page, 0).focus();
  await page.keyboard.press('ArrowDown');
  await expect(slice(page, 0)).toHaveText('24 / 40');
  await expect(slice(page, 1)).toHaveText(still);
  await press(page, '4画面');
  await closeTools(page);
  await drawn(page, 'raw', 2);
  await expect(page.locator('.v-pane')).toHaveCount(4);
  await noSidewaysScroll(page);
  expect(await page.evaluate(() => document.documentElement.scrollHeight - innerHeight)).toBeLessThanOrEqual(0);
  await isAccessible(page);
  await picture(page, 'images-four');
});

test('a chest, a heart that beats, a stomach', { tag: '@ends' }, async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await serveStudies(page, STUDIES.chest());
  await openImages(page, hand, world);
  await drawn(page);
  await expect(page.locator('.edge')).toHaveText(['H', 'L', 'F', 'R']);
  await expect(page.locator('.v-slider')).toHaveCount(0);
  await press(page, '距離');
  await closeTools(page);
  await drag(page, 60, 60);
  await expect(page.getByRole('list', { name: '計測' }).getByRole('listitem')).toHaveText(/ mm （検出器面）$/);
  await press(page, '左右反転');
  await expect(page.locator('.edge')).toHaveText(['H', 'R', 'F', 'L']);
  await closeTools(page);
  await isAccessible(page);
  await picture(page, 'images-chest');

  await instead(page, () => serveStudies(page, STUDIES.echo()));
  await drawn(page);
  await expect(page.locator('.tr')).toContainText('非可逆圧縮 1/18');
  if (isPhone(page)) await page.locator('.v-tools .only-tools').click();
  const length = page.locator('.v-tools').getByRole('button', { name: '距離' });
  await expect(length).toHaveAttribute('aria-disabled', 'true');
  await length.click({ force: true });
  await expect(page.locator('.v-why')).toHaveText('この画像には画素の大きさがなく、距離を測れません');
  await expect(page.locator('.v-tools').getByRole('button', { name: '濃度', exact: true })).toHaveAttribute('aria-disabled', 'true');
  await page.locator('.v-tools').getByRole('button', { name: '再生' }).click();
  const frames = new Set<string>();
  await expect.poll(async () => frames.add((await slice(page).textContent()) ?? '').size, { intervals: [50] }).toBeGreaterThan(4);
  await picture(page, 'images-echo');
  await page.locator('.v-tools').getByRole('button', { name: '停止' }).click();
  await isAccessible(page);

  await instead(page, () => serveStudies(page, STUDIES.scope()));
  await drawn(page);
  const [red = 0, , blue = 0] = await shade(page, 0.5, 0.5);
  expect(red).toBeGreaterThan(blue);
  await picture(page, 'images-scope');
});

test('what is no picture, what cannot be shown, what is not there', { tag: '@ends' }, async ({ page, world, hand, refusals }) => {
  await login(page, world, world.colleague);
  const imaging = await serveStudies(page, { ...STUDIES.ct(), is_cut: true, instance_total: 23456 });
  await openImages(page, hand, world);
  await drawn(page);
  await expect(page.locator('.v-cut')).toContainText('この検査（全23456件）のはじめの44件だけを表示しています。「保存」に入るのも同じ44件です');
  await series(page, 'シリーズ 4 SR 読影レポート');
  await expect(page.locator('.v-paper')).toContainText('径12mmの結節');
  await isAccessible(page);
  await picture(page, 'images-report');
  await series(page, 'シリーズ 5 DOC 検査説明書');
  await expect(page.locator('.v-paper iframe, .v-paper .pdf, .v-paper .notice')).toBeVisible();
  await series(page, 'シリーズ 6 CT 薄層 HTJ2K');
  await expect(page.locator('.v-over')).toContainText('HTJ2K Lossless');
  await expect(page.locator('.v-over a[download]')).toHaveAttribute('href', /\/instances\/4\/0$/);
  await isAccessible(page);
  await picture(page, 'images-unsupported');
  await page.locator('.v-menu summary').click();
  await expect(page.locator('.v-menu a')).toHaveText(['この画像（DICOM）', 'このシリーズ（ZIP）', '検査全体（ZIP）']);
  await expect(page.locator('.v-menu a').nth(1)).toHaveAttribute('href', /\/study\.zip\?series=4$/);
  await page.locator('.v-menu summary').click();

  // one frame that did not come costs that frame
  refusals.add(503);
  imaging.fail((name) => name === 'preview 1/0/3' || name === 'raw 1/0/3');
  await series(page, 'シリーズ 3 CT MPR 冠状断');
  await drawn(page);
  await page.locator('.v-slider').fill('4');
  await expect(page.locator('.v-over .notice')).toBeVisible();
  await isAccessible(page);
  await picture(page, 'images-failed');
  await page.locator('.v-slider').fill('5');
  await drawn(page);
  await page.locator('.v-slider').fill('4');
  imaging.fail(() => false);
  await page.locator('.v-over').getByRole('button', { name: '再試行' }).click();
  await drawn(page);

  await instead(page, () => serveStudies(page, STUDIES.none()));
  await expect(page.locator('.notice')).toContainText('画像がありません');
  await isAccessible(page);
  await picture(page, 'images-none');
  // the order names a study that the hospital's archive does not have
  refusals.add(404);
  await instead(page, () => page.route('**/api/v1/openings/*/study', (route) =>
    route.fulfill({ status: 404, contentType: 'application/problem+json', json: { type: 'about:blank', title: '', status: 404, code: 'not_found' } })));
  await expect(page.locator('.notice')).toContainText('まだ施設から届いていません');
  await picture(page, 'images-absent');
  await instead(page, () => page.route('**/api/v1/openings/*/study', (route) =>
    route.fulfill({ status: 503, contentType: 'application/problem+json', json: { type: 'about:blank', title: '', status: 503, code: 'gateway_away' } })));
  await expect(page.locator('.notice')).toBeVisible();
  await expect(page.getByRole('button', { name: '再試行' })).toBeVisible();
  await isAccessible(page);
});

test('an opening that has run out is opened once more by itself, where one was, and not again at once', { tag: '@desk' }, async ({ page, world, hand, refusals }) => {
  await login(page, world, world.colleague);
  const imaging = await serveStudies(page, STUDIES.ct());
  await openImages(page, hand, world);
  await drawn(page);
  await series(page, 'シリーズ 3 CT MPR 冠状断');
  await drawn(page);
  await page.locator('.v-slider').fill('4');
  await drawn(page);
  refusals.add(404);
  const opened: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST' && /\/entries\/[^/]+\/openings$/.test(request.url())) opened.push(request.url());
  });
  imaging.expire();
  await page.locator('.v-slider').fill('5');
  await expect.poll(() => opened.length).toBe(1);
  await expect(slice(page)).toHaveText('5 / 12');
  await drawn(page);
  expect(opened.length).toBe(1);
  // each opening is a decision in the audit: one that runs out again within the minute waits for a hand
  imaging.expire();
  await page.locator('.v-slider').fill('6');
  await expect(page.locator('.tr')).toContainText('元の画像を取得できません');
  expect(opened.length).toBe(1);
});

test('a report of the region says the name of each section once', { tag: '@desk' }, async ({ page, world, hand, refusals }) => {
  refusals.add(404); // a region that has just begun does not know all of its pictures
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await page.getByRole('button', { name: '一覧表示' }).click();
  await page.locator('.row-chips button', { hasText: '画像' }).click();
  await page.locator('.title-button', { hasText: /^MR / }).first().click();
  await page.getByRole('link', { name: '画像を見る' }).click();
  const report = page.locator('.v-strip').getByRole('button', { name: /読影レポート/ });
  await expect(async () => {
    if (!(await report.isVisible())) await page.reload();
    await expect(report).toBeVisible({ timeout: 5000 });
  }).toPass({ timeout: 60_000 });
  await report.click();
  const doc = page.locator('.v-paper .doc');
  await expect(doc).toContainText('結論');
  expect((await doc.innerText()).match(/所見|結論/g)).toEqual(['所見', '結論']);
});

test('an opening that has run out takes neither panes nor marks with it', { tag: '@desk' }, async ({ page, world, hand, refusals }) => {
  await login(page, world, world.colleague);
  const imaging = await serveStudies(page, STUDIES.ct(), STUDIES.old());
  await openImages(page, hand, world);
  await drawn(page);
  await page.keyboard.press('k');
  const marks = page.locator('.v-marks').getByRole('listitem');
  await expect(marks).toHaveCount(1);
  await page.getByRole('button', { name: '他の検査と比較' }).click();
  await page.locator('.v-others button').first().click();
  await drawn(page, 'raw', 1);
  await page.getByLabel('濃度の設定').selectOption({ label: '肺' });
  const opened: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST' && /\/entries\/[^/]+\/openings$/.test(request.url())) opened.push(request.url());
  });
  const isAsBefore = async (first: string) => {
    await expect(page.locator('.v-pane')).toHaveCount(2);
    await expect(slice(page, 0)).toHaveText(first);
    await expect(page.locator('.v-pane').nth(1)).toContainText('2025/04/02');
    await expect(marks).toHaveCount(1);
    await drawn(page);
    await drawn(page, 'raw', 1);
    await expect(page.locator('.v-cut')).toHaveCount(0);
  };
  refusals.add(404);
  imaging.expire();
  await page.locator('.v-slider').first().fill('22');
  await expect.poll(() => opened.length).toBe(2);
  await isAsBefore('22 / 40');
  await expect(page.locator('.br').first()).toContainText('幅 1500');

  // within the minute by hand, where nothing of the frames has come yet
  imaging.expire();
  await host(page, 0).click();
  await series(page, 'シリーズ 3 CT MPR 冠状断');
  await page.locator('.v-over').getByRole('button', { name: '再試行' }).first().click();
  await isAsBefore('1 / 12');
  expect(opened).toHaveLength(4);

  // the other hospital does not open it again: said, and the rest stays
  refusals.add(403);
  await page.route(`**${new URL(opened[1] ?? '').pathname}`, (route) => route.fulfill({
    status: 403, contentType: 'application/problem+json', json: { type: 'about:blank', title: '', status: 403, code: 'consent_missing' },
  }));
  imaging.expire();
  await host(page, 0).click();
  await page.locator('.v-strip section').nth(1).getByRole('button', { name: 'シリーズ 2 CT 軸位断 5mm' }).click();
  await page.locator('.v-over').getByRole('button', { name: '再試行' }).first().click();
  await expect(page.locator('.v-cut')).toContainText('開き直せなかった');
  await expect(page.locator('.v-pane.empty')).toHaveCount(1);
  await drawn(page);
  await expect(marks).toHaveCount(1);
});

test('keys, focus, and back to where one came from', { tag: '@ends' }, async ({ page, world, hand }) => {
  test.skip(isPhone(page), 'no keyboard');
  await login(page, world, world.colleague);
  await serveStudies(page, STUDIES.ct());
  await openImages(page, hand, world);
  await drawn(page);
  const calendar = `${page.url().split('/images/')[0]}/calendar`;
  await page.locator('.v-head a').first().focus();
  const stops: string[] = [];
  for (let step = 0; step < 40; step += 1) {
    stops.push(await page.evaluate(() => document.activeElement?.closest('.v-head, .v-tools, .v-strip, .v-pane')?.className.split(' ')[0] ?? ''));
    await page.keyboard.press('Tab');
  }
  expect(stops.filter((stop, at) => stop !== stops[at - 1]).slice(0, 4)).toEqual(['v-head', 'v-tools', 'v-strip', 'v-pane']);
  await host(page).focus();
  await page.keyboard.press('PageDown');
  await expect(slice(page)).toHaveText('11 / 40');
  await expect(page.locator('[aria-live]')).toHaveText('40枚中11枚目 位置 −70.0 mm');
  await page.keyboard.press('w');
  await expect(page.locator('.v-tools').getByRole('button', { name: '濃度', exact: true })).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('i');
  await expect(page.locator('.v-tools').getByRole('button', { name: '白黒反転' })).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('r');
  await expect(page.locator('.v-tools').getByRole('button', { name: '白黒反転' })).toHaveAttribute('aria-pressed', 'false');
  for (const [key, name] of [['p', '移動'], ['z', '拡大'], ['l', '距離'], ['a', '角度'], ['s', '送り']] as const) {
    await page.keyboard.press(key);
    await expect(page.locator('.v-tools').getByRole('button', { name, exact: true }), key).toHaveAttribute('aria-pressed', 'true');
  }
  await page.keyboard.press('ArrowUp');
  await expect(slice(page)).toHaveText('10 / 40');
  await page.keyboard.press('Space');
  await expect(page.getByRole('button', { name: '停止' })).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('Space');
  await expect(page.getByRole('button', { name: '再生' })).toHaveAttribute('aria-pressed', 'false');
  await page.keyboard.press('ArrowRight');
  await expect(slice(page)).toHaveText('1 / 12');
  await page.keyboard.press('ArrowLeft');
  await expect(slice(page)).toHaveText(/ \/ 40$/);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: '画像のキー操作' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.locator('dialog')).toHaveCount(0);
  await page.getByRole('button', { name: '印刷' }).click();
  await expect(page.locator('.paper-image')).toBeVisible();
  await expect(page.locator('.paper')).toContainText('参考画像（非診断用）');
  await isAccessible(page);
  await page.getByRole('button', { name: '画面へ戻る' }).click();
  await drawn(page);
  await page.keyboard.press('Escape');
  await expect(page).toHaveURL((url) => url.href.startsWith(calendar));
  await expect(page.locator('.panel, .cal-tools').first()).toBeVisible();
});

test('fingers', async ({ page, world, hand }) => {
  test.skip(!isPhone(page), 'a mouse');
  await login(page, world, world.colleague);
  await serveStudies(page, STUDIES.ct());
  await openImages(page, hand, world);
  await drawn(page);
  const box = await host(page).boundingBox();
  const [x, y] = [(box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) + (box?.height ?? 0) / 2];
  const session = await page.context().newCDPSession(page);
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...points: [number, number][]) =>
    session.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([left, top], id) => ({ x: left, y: top, id })) });
  // where the machine is so slow that a finger seems to rest, the tools open instead: once more then
  await expect(async () => {
    await closeTools(page);
    await touch('touchStart', [x, y]);
    for (let step = 1; step <= 8; step += 1) await touch('touchMove', [x, y + step * 10]);
    await touch('touchEnd');
    await expect(slice(page)).not.toHaveText('1 / 40', { timeout: 1000 });
  }).toPass();
  await touch('touchStart', [x - 40, y], [x + 40, y]);
  for (let step = 1; step <= 5; step += 1) await touch('touchMove', [x - 40 - step * 8, y], [x + 40 + step * 8, y]);
  await touch('touchEnd');
  await expect(page.locator('.br')).toContainText('200%');
  await expect(async () => {
    await closeTools(page);
    for (let tap = 0; tap < 2; tap += 1) {
      await touch('touchStart', [x, y]);
      await touch('touchEnd');
    }
    await expect(page.locator('.br')).toContainText('100%', { timeout: 1000 });
  }).toPass();
  await touch('touchStart', [x, y]);
  await expect(page.locator('.v-tools.open')).toBeVisible();
  await touch('touchEnd');
  // the picture stays in sight: the tools are two lines of a finger's height, one of which goes sideways
  const [tools, shown] = [await page.locator('.v-tools').boundingBox(), await host(page).boundingBox()];
  expect(tools?.height).toBeLessThan(120);
  expect(shown?.height).toBeGreaterThan(340);
  expect((tools?.y ?? 0) - (shown?.y ?? 0) - (shown?.height ?? 0)).toBeGreaterThanOrEqual(0);
  const last = page.locator('.v-tools').getByRole('button', { name: '4画面' });
  await last.scrollIntoViewIfNeeded();
  await expect(last).toBeInViewport({ ratio: 1 });
  await isAccessible(page);
  await picture(page, 'images-tools');
});

test('key images: marked by key or button, as a strip, on a page, and not lost without a word', { tag: '@ends' }, async ({ page, world, hand }) => {
  await login(page, world, world.colleague);
  await serveStudies(page, STUDIES.ct());
  const printed: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST' && /\/openings\/[^/]+\/prints$/.test(request.url())) printed.push(request.url());
  });
  await openImages(page, hand, world);
  await drawn(page);
  const strip = page.locator('.v-marks');
  await expect(strip).toHaveCount(0);
  await host(page).focus();
  await page.keyboard.press('k');
  await expect(page.locator('.v-key')).toHaveText('★ キー画像');
  await expect(strip.locator('h2')).toHaveText('キー画像 1');
  await page.locator('.v-slider').fill('21');
  await expect(page.locator('.v-key')).toHaveCount(0);
  await drawn(page);
  await press(page, 'キー画像');
  await closeTools(page);
  await expect(strip.getByRole('listitem')).toHaveCount(2);
  await expect(strip.locator('img').last()).toBeVisible();
  await noSidewaysScroll(page);
  await isAccessible(page);
  await picture(page, 'images-marked');

  // back to what was marked; a second press takes the mark away
  await strip.getByRole('button', { name: /^キー画像を開く/ }).first().click();
  await expect(slice(page)).toHaveText('1 / 40');
  await press(page, 'キー画像');
  await closeTools(page);
  await expect(strip.getByRole('listitem')).toHaveCount(1);
  await press(page, 'キー画像');
  await closeTools(page);

  await page.keyboard.press('Escape');
  const question = page.getByRole('dialog', { name: 'キー画像が消えます' });
  await expect(question).toContainText('2枚');
  await picture(page, 'images-leave');
  await page.keyboard.press('Escape');
  await expect(question).toHaveCount(0);
  await expect(strip.getByRole('listitem')).toHaveCount(2);

  await strip.getByRole('button', { name: 'キー画像の用紙' }).click();
  const sheet = page.locator('.key-sheet figure');
  await expect(sheet).toHaveCount(2);
  await expect(sheet.first()).toContainText('シリーズ 2　画像番号 21');
  await expect(sheet.first()).toContainText('位置 0.0 mm　幅 400　レベル 40');
  await expect(sheet.first()).toContainText('参考画像（非診断用）');
  await page.getByLabel('画像1のコメント').fill('右肺の結節、k 前回より増大');
  await expect(page.getByRole('button', { name: '印刷', exact: true })).toBeEnabled();
  await noSidewaysScroll(page);
  await isAccessible(page);
  await picture(page, 'images-sheet');
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: '画像ファイルとして保存' }).click();
  const file = await coming;
  expect(file.suggestedFilename()).toBe('key-images.png');
  expect(printed.length).toBe(1);
  // Esc leads back to the viewer with its marks, not out of it
  await page.getByRole('heading', { name: 'キー画像の用紙' }).click();
  await page.keyboard.press('Escape');
  await expect(strip.getByRole('listitem')).toHaveCount(2);
});
