// SPDX-License-Identifier: Apache-2.0
/* Waveforms on millimetre paper: on the screen, in time, and in millimetres of a PDF. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { openImages, serveStudies } from './imaging.ts';
import { expect, isAccessible, login, noSidewaysScroll, picture, test, type Hand } from './test.ts';
import { DAY, serveWaves, TWELVE, waveStudy, type Heart } from './waving.ts';
import type { World } from './world.ts';

async function openWave(page: Page, world: World, hand: Hand, heart: Heart) {
  await login(page, world, world.colleague);
  await serveStudies(page, waveStudy(heart));
  const served = await serveWaves(page, heart);
  await openImages(page, hand, world);
  await expect(page.locator('.w-paper canvas')).toBeVisible();
  return served;
}
const choose = (page: Page, label: string, option: string) => page.locator('.w-pick', { hasText: label }).locator('select').selectOption(option);

/* ------------------------------------------------------------------ what a PDF's lines measure */

type Point = [x: number, y: number];
interface Line {
  points: Point[];
}
const MM_OF_PT = 25.4 / 72;

/** The stroked lines of a page, in millimetres from its left upper corner. */
function linesOf(svg: string): Line[] {
  const lines: Line[] = [];
  for (const [element] of svg.matchAll(/<path [^>]*>/g)) {
    const d = / d="([^"]*)"/.exec(element)?.[1] ?? '';
    if (!/stroke:(?!none)/.test(element) || /[CZ]/.test(d)) continue;
    const matrix = /matrix\(([^)]*)\)/.exec(element)?.[1]?.split(/[ ,]+/).map(Number) ?? [1, 0, 0, 1, 0, 0];
    const [a = 1, b = 0, c = 0, e = 1, x0 = 0, y0 = 0] = matrix;
    for (const part of d.split('M').slice(1)) {
      const numbers = part.split(/[ L]+/).filter(Boolean).map(Number);
      const points: Point[] = [];
      for (let at = 0; at + 1 < numbers.length; at += 2) {
        const [x = 0, y = 0] = [numbers[at], numbers[at + 1]];
        points.push([(a * x + c * y + x0) * MM_OF_PT, (b * x + e * y + y0) * MM_OF_PT]);
      }
      lines.push({ points });
    }
  }
  return lines;
}

interface Printed {
  texts: string[];
  sheets: { width_mm: number; height_mm: number; lines: Line[]; pictures: number }[];
}

async function copy(page: Page, name: string): Promise<Printed> {
  const folder = mkdtempSync(join(tmpdir(), 'wave-'));
  try {
    const file = join(folder, 'paper.pdf');
    writeFileSync(file, await page.pdf({ preferCSSPageSize: true, printBackground: true }));
    if (process.env.PICTURES) execFileSync('pdftoppm', ['-r', '100', '-png', file, join(process.env.PICTURES, name)]);
    const texts = execFileSync('pdftotext', ['-layout', file, '-'], { encoding: 'utf8' }).split('\f').slice(0, -1);
    const sheets = texts.map((_, at) => {
      const args = ['-svg', '-f', String(at + 1), '-l', String(at + 1), file, '-'];
      const svg = execFileSync('pdftocairo', args, { encoding: 'utf8', maxBuffer: 1 << 28 });
      const [, width = 0, height = 0] = (/<svg [^>]*width="([\d.]+)(?:pt)?" height="([\d.]+)/.exec(svg) ?? []).map(Number);
      return { width_mm: width * MM_OF_PT, height_mm: height * MM_OF_PT, lines: linesOf(svg), pictures: svg.match(/<image /g)?.length ?? 0 };
    });
    return { texts: texts.map((one) => one.replace(/\s/g, '')), sheets };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const spread = (values: number[]): number => Math.max(...values) - Math.min(...values);
/** Up, along, down again: the calibration pulses of a page. */
const pulsesOf = (lines: Line[]): Line[] =>
  lines.filter(({ points }) => points.length === 5 && points[1]?.[0] === points[2]?.[0] && points[3]?.[0] === points[4]?.[0]);
const near = (value: number, wanted: number) => expect(Math.abs(value / wanted - 1), `${value} mm, not ${wanted}`).toBeLessThan(0.01);

test.beforeEach(async ({ page }) => {
  await page.addInitScript(() => {
    globalThis.print = () => {};
  });
});

// "twelve rows" goes from every width to the paper; what is on it, no width changes
test('an ECG is printed to scale, as lines, across A4', { tag: '@desk' }, async ({ page, world, hand }) => {
  await openWave(page, world, hand, TWELVE);
  for (const { speed, gain, sheets } of [{ speed: 25, gain: 10, sheets: 1 }, { speed: 50, gain: 20, sheets: 2 }, { speed: 25, gain: 5, sheets: 1 }]) {
    await choose(page, '並べ方', '3×4＋1');
    await choose(page, '紙送り', `${speed} mm/s`);
    await choose(page, '感度', `${gain} mm/mV`);
    await page.getByRole('button', { name: '等倍で印刷' }).click();
    await expect(page.locator('.wave-page')).toHaveCount(sheets);
    if (gain === 10) {
      await isAccessible(page);
      await picture(page, 'wave-paper');
    }
    await page.locator('.print-tools').getByRole('button', { name: '印刷' }).click();
    await expect(page.locator('.is-printed')).toBeVisible();
    const paper = await copy(page, `wave-${speed}-${gain}`);
    expect(paper.sheets).toHaveLength(sheets);
    for (const { width_mm, height_mm, lines, pictures } of paper.sheets) {
      expect([Math.round(width_mm), Math.round(height_mm)]).toEqual([297, 210]);
      expect(pictures).toBe(0);
      const pulses = pulsesOf(lines);
      expect(pulses).toHaveLength(4);
      for (const { points } of pulses) {
        near(spread(points.map(([, y]) => y)), gain);
        near(Math.abs((points[3]?.[0] ?? 0) - (points[1]?.[0] ?? 0)), 5);
      }
      // the rhythm's R waves stand a second apart, each of 1 mV
      const rhythm = lines.filter(({ points }) => points.length > 500).at(-1)?.points ?? [];
      const base = pulses.at(-1)?.points[0]?.[1] ?? 0;
      const tops = rhythm.filter(([, y], at) => y < (rhythm[at - 1]?.[1] ?? 0) && y <= (rhythm[at + 1]?.[1] ?? 0) && base - y > gain * 0.9);
      expect(tops).toHaveLength(250 / speed);
      near(((tops.at(-1)?.[0] ?? 0) - (tops[0]?.[0] ?? 0)) / (tops.length - 1), speed);
      for (const [, y] of tops) near(base - y, gain);
      // the grid: a millimetre, and five
      const upright = lines.filter(({ points }) => points.length === 2 && Math.abs((points[0]?.[0] ?? 0) - (points[1]?.[0] ?? 1)) < 1e-3);
      const places = [...new Set(upright.map(({ points }) => Math.round((points[0]?.[0] ?? 0) * 100)))].sort((one, other) => one - other);
      expect(places.length).toBeGreaterThan(200);
      near(((places[200] ?? 0) - (places[0] ?? 0)) / 100, 200);
    }
    const name = world.linked.name.replace(/\s/g, '');
    for (const text of paper.texts) {
      for (const part of [
        name, world.linked.number, '標準12誘導心電図', '2026/10/05', `${speed}mm/s`, `${gain}mm/mV`, 'HPF=0.05LPF=150', '心拍数60bpm',
        '参考波形（非診断用）', 'かわべ診療所',
      ]) expect(text).toContain(part);
    }
    expect(paper.texts[0]).toContain('洞調律');
    await page.getByRole('button', { name: '画面へ戻る' }).click();
    await expect(page.locator('.w-paper canvas')).toBeVisible();
  }
});

test('twelve rows go on two sheets', { tag: '@ends' }, async ({ page, world, hand }) => {
  await openWave(page, world, hand, TWELVE);
  await choose(page, '並べ方', '1列');
  await page.getByRole('button', { name: '等倍で印刷' }).click();
  await expect(page.locator('.wave-page')).toHaveCount(2);
  await page.locator('.print-tools').getByRole('button', { name: '印刷' }).click();
  await expect(page.locator('.is-printed')).toBeVisible();
  const { sheets } = await copy(page, 'wave-rows');
  expect(sheets.map(({ lines }) => pulsesOf(lines).length)).toEqual([6, 6]);
});

test('an ECG on the screen: layouts, speeds, caliper', async ({ page, world, hand }) => {
  await openWave(page, world, hand, TWELVE);
  await noSidewaysScroll(page);
  await isAccessible(page);
  await picture(page, 'wave');
  // a file of another kind is not called DICOM, and what is alone has no list and no panes to choose
  await expect(page.getByRole('link', { name: 'ファイルを保存（MFER）' })).toBeVisible();
  await expect(page.locator('.v-tools')).toHaveCount(0);
  const options = page.locator('.w-pick', { hasText: '並べ方' }).locator('option');
  for (const layout of await options.allTextContents()) {
    await choose(page, '並べ方', layout);
    await picture(page, `wave-${layout.slice(0, 3)}`);
  }
  await page.getByRole('button', { name: '計測' }).click();
  await expect(page.locator('.w-said')).toContainText('800 ms');
  await isAccessible(page);
  await picture(page, 'wave-caliper');
});

test('a day of ECG is fetched by stretches, and gone through by pages and by the clock', { tag: '@ends' }, async ({ page, world, hand }) => {
  const { asked } = await openWave(page, world, hand, DAY);
  await expect(page.locator('.w-all')).toBeVisible();
  await noSidewaysScroll(page);
  await isAccessible(page);
  await picture(page, 'wave-day');
  const field = page.getByLabel('日時', { exact: true });
  const slider = page.locator('.w-where input[type=range]');
  const shown = () => slider.inputValue().then(Number);
  const first = '2026/10/05 09:30:00';
  await expect(field).toHaveValue(first);
  await page.getByRole('button', { name: '次のページ' }).click();
  await expect(field).not.toHaveValue(first);
  const turned = await shown();
  await page.locator('.w-paper').focus();
  await page.keyboard.press('PageDown');
  await expect.poll(shown).toBeGreaterThan(turned);
  await page.keyboard.press('PageUp');
  await page.getByRole('button', { name: '前のページ' }).click();
  await expect(field).toHaveValue(first);

  // half past one in the night, by the keyboard, and without its day
  await page.locator('.w-paper').focus();
  await page.keyboard.press('t');
  await expect(field).toBeFocused();
  await field.fill('１：３０');
  await page.keyboard.press('Enter');
  const wanted = 16 * 3_600_000;
  const about = (query: URLSearchParams) => Number(query.get('from_ms')) <= wanted && Number(query.get('to_ms')) > wanted && !query.has('columns');
  await expect.poll(() => asked.some(about)).toBe(true);
  await expect.poll(async () => Math.abs((await shown()) - wanted) < 10_000).toBe(true);
  await expect(slider).toHaveAttribute('aria-valuetext', /01:30:00.*16:00:00/);

  // outside nothing moves, and the field says why
  const before = await shown();
  await field.fill('2026/10/07 12:00:00');
  await page.getByRole('button', { name: '移動' }).click();
  await expect(page.locator('.w-out')).toContainText('2026/10/05 09:30:00 から 2026/10/06 09:30:00 まで');
  expect(await shown()).toBe(before);
  await isAccessible(page);
  await noSidewaysScroll(page);
  await picture(page, 'wave-day-out');
  for (const query of asked) {
    const span = Number(query.get('to_ms')) - Number(query.get('from_ms'));
    expect(query.has('columns') || span <= 120_000, query.toString()).toBe(true);
  }
});

test('a recording whose opening has run out is opened again by a press', { tag: '@ends' }, async ({ page, world, hand, refusals }) => {
  const { asked, expire } = await openWave(page, world, hand, DAY);
  await expect(page.locator('.w-all')).toBeVisible();
  refusals.add(404);
  expire();
  await page.getByLabel('日時', { exact: true }).fill('1:30');
  await page.keyboard.press('Enter');
  const notice = page.locator('.notice', { hasText: '表示の有効期限が切れました' });
  await expect(notice).toBeVisible();
  await isAccessible(page);
  await picture(page, 'wave-ended');
  // on the paper that is empty, and nothing lies on its button
  const [paper, said] = [await page.locator('.w-paper').boundingBox(), await notice.boundingBox()];
  expect(said?.y).toBeGreaterThanOrEqual(paper?.y ?? 0);
  expect((said?.y ?? 0) + (said?.height ?? 0)).toBeLessThanOrEqual((paper?.y ?? 0) + (paper?.height ?? 0));
  const again = notice.getByRole('button', { name: '再試行' });
  const box = await again.boundingBox();
  const [left, right] = [box?.x ?? 0, (box?.x ?? 0) + (box?.width ?? 0)];
  for (const [x, y] of [[left + 3, (box?.y ?? 0) + 3], [right - 3, (box?.y ?? 0) + (box?.height ?? 0) - 3]] as const) {
    expect(await again.evaluate((one, [across, down]) => one.contains(document.elementFromPoint(across, down)), [x, y] as const)).toBe(true);
  }
  const before = asked.length;
  await again.click();
  await expect.poll(() => asked.length).toBeGreaterThan(before);
  await expect(notice).toHaveCount(0);
  // where one was, not at the start
  await expect(page.locator('.w-where input[type=range]')).toHaveAttribute('aria-valuetext', /01:30:00/);
});
