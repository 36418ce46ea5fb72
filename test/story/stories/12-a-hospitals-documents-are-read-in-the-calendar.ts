// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { KAWABE, RINDO, choose, facilityName, hasActive, isLinkedAt, numberAt, passwordOf, recordAt } from '../kit/plan.ts';
import { type Desk, type EntryHead } from '../kit/desk.ts';
import { Hand, goToCalendar, mark, openMark, panelText } from '../kit/screen.ts';
import { story } from '../kit/story.ts';
import { Tree, compact } from '../kit/tree.ts';
import { until } from '../kit/wait.ts';

const SUMMARY = '^退院時サマリー^^18842-5^退院時サマリー^LN';
const PAGE = 'L077^院内ページ^99LOC';
const PHOTO = 'P014^皮膚・創部写真^99LOC';
const SCRIPT = '<html><body><script>document.title = "taken over"</script>秘密の一文</body></html>';

/* A folder of a document, as the hospital's system makes it. */
function writeDocument(tree: Tree, at: { number: string; day: string; type: string; key: string; version: number },
  file: string, bytes: string | Uint8Array): string {
  const { number, type, key, version } = at;
  const day = compact(at.day);
  const code = type.split('^')[3] || type.split('^')[0];
  const folder = `${tree.documents}/${number.slice(0, 3)}/${number.slice(3, 6)}/${number}/${day}/${type}`
    + `/${number}_${day}_${code}_${key}_${day}12000000${version}_01_1`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/part.tmp`, bytes);
  renameSync(`${folder}/part.tmp`, `${folder}/${file}`);
  return folder;
}

function summaryOf(tree: Tree, number: string): string {
  const patient = `${tree.documents}/${number.slice(0, 3)}/${number.slice(3, 6)}/${number}`;
  for (const day of readdirSync(patient).sort().reverse()) {
    const type = `${patient}/${day}/${SUMMARY}`;
    const current = existsSync(type) ? readdirSync(type).find((name) => name.endsWith('_1')) : undefined;
    if (current) return readFileSync(`${type}/${current}/main_document.xml`, 'utf8');
  }
  throw new Error(`${number} has no summary`);
}

async function headsOf(desk: Desk, person: string, day: string): Promise<EntryHead[]> {
  const opened = await desk.openCalendar(person, day, day);
  const heads: EntryHead[] = [];
  for (const row of ['report', 'file'] as const) heads.push(...await desk.list(opened.body.opening, row, day, day));
  await desk.ask('DELETE', `/api/v1/openings/${opened.body.opening}`);
  return heads.filter((head) => head.state === 'current');
}

await story('documents of a hospital, written while somebody looks', async (stage) => {
  const region = await stage.region();
  const plan = region.plan;
  const she = choose(plan, (person) => hasActive(person) && isLinkedAt(person, RINDO, KAWABE)
    && (recordAt(person, RINDO)?.documents.find((one) => one.kind === 'document')?.current ?? 0) > 2);
  const tree = new Tree(region, RINDO);
  const number = numberAt(she, RINDO);
  const [day = ''] = tree.freeDays(number, plan.today, 1);
  const desk = await region.desk('kawabe');
  const person = (await desk.find(numberAt(she, KAWABE)))?.id ?? '';
  const before = await headsOf(desk, person, day);
  const place = { number, day, type: SUMMARY, key: '000000099000001', version: 1 };

  const text = summaryOf(tree, number).replace('数日前からの', '合言葉アルファ。数日前からの');
  const first = writeDocument(tree, place, 'main_document.xml', text);
  const seen = (what: string, holds: (head: EntryHead) => boolean) => until(what, async () =>
    (await headsOf(desk, person, day)).find((head) => holds(head) && !before.some((one) => one.id === head.id)), 30);
  const summary = await seen('the summary', (head) => head.kind === 'document');
  stage.same(summary.title, '退院時サマリー', 'a summary becomes an entry with its name');
  const read = async (entry: EntryHead) => {
    const opened = await desk.openEntry(entry.id);
    return { opened, content: await desk.content(opened.body.opening) };
  };
  stage.check((await read(summary)).content.text.includes('合言葉アルファ'), 'and opens with what was written');

  renameSync(first, first.replace(/_1$/, '_2'));
  writeDocument(tree, { ...place, version: 2 }, 'main_document.xml', text.replace('合言葉アルファ', '合言葉ベータ'));
  await until('the newer version', async () => (await read(summary)).content.text.includes('合言葉ベータ'), 30);
  const now = await headsOf(desk, person, day);
  stage.same(now.filter((head) => head.title === '退院時サマリー').length, 1, 'a newer version takes its place');

  const page = await (async () => {
    writeDocument(tree, { ...place, type: PAGE, key: '000000099000002' }, 'main_document.html', SCRIPT);
    return seen('the page', (head) => head.title === '院内ページ');
  })();
  stage.same(page.kind, 'unknown', 'a local type that nobody knows is of no known kind');
  const opened = await read(page);
  stage.check(!opened.content.text.includes('秘密の一文') && opened.content.text.includes('document_type_unknown'),
    'a page of the hospital is not interpreted, and it is said so', opened.content.text);
  const original = await fetch(`${desk.url}/api/v1/openings/${opened.opened.body.opening}/original`, {
    headers: desk.headers('GET') });
  const saved = await original.text();
  stage.same(saved, SCRIPT, 'its original can be saved as it is');
  stage.same([original.headers.get('content-type'), original.headers.get('x-content-type-options')],
    ['application/octet-stream', 'nosniff'], 'as bytes that no browser runs');
  stage.check((original.headers.get('content-disposition') ?? '').startsWith('attachment'), 'and only to be saved');

  const hostile = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><ClinicalDocument>&x;</ClinicalDocument>';
  writeDocument(tree, { ...place, key: '000000099000003' }, 'main_document.xml', hostile);
  await until('the refused document', async () => {
    const opening = await desk.openCalendar(person, day, day);
    const heads = await desk.list(opening.body.opening, 'report', day, day);
    return heads.some((head) => head.state === 'incomplete');
  }, 30);
  stage.check(true, 'one with a document type declaration stands there as incomplete');

  const png = `${tree.documents}`;
  const photo = findPng(png);
  writeDocument(tree, { ...place, type: PHOTO, key: '000000099000004' }, 'main_document.png', photo);
  await seen('the photo', (head) => head.title === '皮膚・創部写真');
  const visit = await stage.visit(region);
  const screen = visit.page;
  await visit.logIn('kawabe', passwordOf(plan, 'kawabe'));
  await goToCalendar(new Hand(screen), numberAt(she, KAWABE));
  const rindo = facilityName(plan, RINDO);
  const report = mark(screen, day, 'レポート', rindo).first();
  await openMark(screen, report);
  const group = screen.locator('.of-day button', { hasText: '退院時サマリー' });
  if (await group.count() > 0) await group.first().click();
  await screen.locator('.doc h3').first().waitFor();
  const words = await panelText(screen);
  stage.check(words.includes('合言葉ベータ') && words.includes('診断名'), 'on the screen it has its headings', words);
  stage.check(await screen.locator('.doc table th').count() > 2, 'and its tables');
  await screen.keyboard.press('Escape');

  await openMark(screen, mark(screen, day, 'ファイル', rindo).first());
  const photos = screen.locator('.of-day button', { hasText: '創部写真' });
  if (await photos.count() > 0) await photos.first().click();
  await screen.getByRole('button', { name: '開く' }).click();
  const picture = screen.locator('.doc-viewer img');
  await picture.waitFor();
  await until('the picture is drawn', () => picture.evaluate((one) => (one as HTMLImageElement).naturalWidth > 0), 15);
  stage.check((await picture.getAttribute('src') ?? '').startsWith('blob:'), 'a picture opens from the original');
});

/* Any picture of the region. */
function findPng(root: string): Uint8Array {
  for (const entry of readdirSync(root, { recursive: true }) as string[]) {
    if (entry.endsWith('.png')) return readFileSync(`${root}/${entry}`);
  }
  throw new Error('the region has no picture');
}
