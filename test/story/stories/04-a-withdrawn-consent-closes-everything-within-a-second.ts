// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { readAudit } from '../kit/audit.ts';
import { shift } from '../kit/days.ts';
import type { Consent, Desk, EntryHead } from '../kit/desk.ts';
import { Download } from '../kit/download.ts';
import { KAWABE, KEYAKI, RINDO, choose, hasActive, isLinkedAt, numberAt } from '../kit/plan.ts';
import type { Region } from '../kit/region.ts';
import { Hand, goToCalendar, mark, panelText } from '../kit/screen.ts';
import { story, type Stage } from '../kit/story.ts';
import { Tree, compact } from '../kit/tree.ts';
import { until } from '../kit/wait.ts';

const SECOND_MS = 1000;
const LONG_COMMENTS = 70;
const LONG_COMMENT = 160_000;

async function resultOf(desk: Desk, opening: string, day: string): Promise<EntryHead> {
  return until(`a result of ${day}`, async () => {
    await desk.calendar(opening, day, day);
    const heads = await desk.list(opening, 'test', day, day, desk.facility(RINDO).id);
    return heads.find((head) => head.kind === 'laboratory' && head.state === 'current');
  }, 60, 200);
}

/* When nothing of the hospital was left on the page, by the page's own clock. */
function watchPage(): Promise<number> {
  return new Promise((done) => {
    const look = () => {
      if (document.querySelector('.m, .bar, .panel, .banner-care .problem, .allergy')) return;
      observer.disconnect();
      done(Date.now());
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { childList: true, subtree: true, attributes: true });
    look();
  });
}

interface Running { download: Download; opening: string; request: string }

async function beginDownload(region: Region, entry: string): Promise<Running> {
  const desk = await region.desk('kawabe');
  const opened = await desk.openEntry(entry);
  const request = readAudit(region, 'centre')
    .findLast((row) => row.phase === 'decision' && row.event === 'entry' && row.object === entry)?.request ?? '';
  const { opening } = opened.body;
  const download = new Download(desk, `/api/v1/openings/${opening}/original`);
  download.read(50);
  await until('a running download', () => download.bytes > 100_000 || download.hasEnded, 20, 20);
  return { download, opening, request };
}

async function checkCut(
  stage: Stage, region: Region, what: string, { download, request }: Running, at: number, size: number,
): Promise<void> {
  const cut = await until(`the finish row of the ${what} answer`, () => readAudit(region, 'centre')
    .find((row) => row.phase === 'finish' && row.event === 'entry' && row.request === request), 20);
  stage.same([cut.verdict, cut.reason], ['cut', 'consent_withdrawn'], `the audit says that the ${what} answer was cut, and why`);
  stage.check(cut.at - at <= SECOND_MS, 'within a second', cut.at - at);
  stage.note(`it was cut after ${cut.at - at} ms`);
  download.read(0);
  await until('the end of the download', () => download.hasEnded, 20, 20);
  stage.check(!download.isWhole && download.bytes < size, 'it did not come whole', { bytes: download.bytes, size });
  stage.check((cut.bytes ?? 0) > 0 && (cut.bytes ?? 0) < size, 'the row has the bytes that were given', cut);
  download.close();
}

async function checkRefusals(stage: Stage, desk: Desk, open: { person: string; calendar: string; content: string; entry: string }, today: string): Promise<void> {
  const calendar = await desk.calendar(open.calendar, shift(today, -30), today);
  const isEmpty = calendar.status === 200 && calendar.body.marks.entry.length === 0;
  stage.check(calendar.code === 'consent_withdrawn' || isEmpty, 'the open calendar has nothing any more', calendar.text);
  const content = await desk.content(open.content);
  stage.same([content.status, content.code], [403, 'consent_withdrawn'], 'the open entry is refused');
  const entry = await desk.openEntry(open.entry);
  stage.same([entry.status, entry.code], [403, 'consent_withdrawn'], 'so is opening it again');
  const again = await desk.openCalendar(open.person, shift(today, -30), today);
  const rindo = desk.facility(RINDO).id;
  stage.check(again.status === 201 && again.body.marks.entry.length === 0 && again.body.undated.length === 0
    && again.body.refusals.some((one) => one.facility === rindo && one.reason === 'consent_withdrawn'),
    'a new calendar says why there is nothing', again.text);
}

async function checkOwnHospital(stage: Stage, region: Region, number: string, day: string): Promise<void> {
  const desk = await region.desk('fujishiro');
  const found = await desk.find(number);
  const calendar = await desk.openCalendar(found?.id ?? '', shift(day, -364), day);
  const own = calendar.body.facilities.findIndex((one) => one.code === RINDO);
  stage.check(calendar.body.marks.facility.some((one) => one === own)
    && calendar.body.marks.facility.every((one) => one === own), 'the hospital still sees its own, and nobody else\'s');
  const head = await resultOf(desk, calendar.body.opening, day);
  const entry = await desk.openEntry(head.id);
  const content = await desk.content(entry.body.opening);
  stage.check(content.status === 200 && content.body.items.length > 0, 'with its content', content.text.slice(0, 300));
}

await story('a consent is withdrawn while others are looking', async (stage) => {
  const region = await stage.region();
  const plan = region.plan;
  const { today } = plan;
  const she = choose(plan, (person) => hasActive(person) && isLinkedAt(person, RINDO, KEYAKI, KAWABE));
  const tree = new Tree(region, RINDO);
  const like = tree.newestResult(numberAt(she, RINDO));
  const [day = '', longDay = ''] = tree.freeDays(numberAt(she, RINDO), today, 2);
  tree.writeResult(like, { key: '000000099000001', day: compact(day), value: '6.6' });
  const comments = Array.from({ length: LONG_COMMENTS }, () => 'x'.repeat(LONG_COMMENT));
  const long = tree.writeResult(like, { key: '000000099000002', day: compact(longDay), value: '6.7', comments });

  const doctor = await region.desk('kawabe');
  const found = await doctor.find(numberAt(she, KAWABE));
  const calendar = await doctor.openCalendar(found?.id ?? '', shift(today, -30), today);
  const short = await resultOf(doctor, calendar.body.opening, day);
  const entry = await doctor.openEntry(short.id);
  const content = await doctor.content(entry.body.opening);
  stage.check(content.text.includes('"6.6"'), 'the doctor has a content open', content.text.slice(0, 300));

  const visit = await stage.visit(region);
  await visit.logIn('kawabe', plan.staff.find((one) => one.login === 'kawabe')?.password ?? '');
  const { page } = visit;
  await goToCalendar(new Hand(page), numberAt(she, KAWABE));
  const rindo = plan.facilities.find((one) => one.code === RINDO)?.name ?? '';
  await mark(page, day, '検査', rindo).first().click();
  stage.check((await panelText(page)).includes('6.6'), 'and another window of his shows it');

  const large = await resultOf(doctor, calendar.body.opening, longDay);
  const size = statSync(long.path).size;
  const slow = await beginDownload(region, large.id);
  stage.check(slow.download.status === 200 && !slow.download.hasEnded, 'a third one takes a large original slowly', slow.download.bytes);
  const stalled = await beginDownload(region, large.id);
  stalled.download.stall();
  stage.check(stalled.download.status === 200 && !stalled.download.hasEnded, 'a fourth one has stopped taking it', stalled.download.bytes);

  const clerk = await region.desk('hanamura');
  const hers = await clerk.find(numberAt(she, RINDO));
  const consents = await clerk.get<{ consents: Consent[] }>(`/api/v1/persons/${hers?.id}/consents`);
  const active = consents.body.consents.find((one) => one.state === 'active');
  const goneAt = page.evaluate(watchPage);
  const withdrawn = await clerk.withdraw(active?.id ?? '');
  const at = Date.now();
  stage.same([withdrawn.status, withdrawn.body.state], [200, 'withdrawn'], 'the hospital\'s nurse withdraws the consent');
  visit.expects(/403/);

  await checkRefusals(stage, doctor, {
    person: found?.id ?? '', calendar: calendar.body.opening, content: entry.body.opening, entry: short.id,
  }, today);
  const pageMs = await goneAt - at;
  stage.check(pageMs <= SECOND_MS, 'nothing of the hospital is left on the page after a second', pageMs);
  stage.note(`the page was empty after ${pageMs} ms`);
  await page.getByText('患者が同意を撤回しました').or(page.locator('.banner .tag', { hasText: '同意撤回' })).first().waitFor();
  stage.check(true, 'the page says that the consent is withdrawn');

  for (const [what, running] of [['slow', slow], ['stalled', stalled]] as const) await checkCut(stage, region, what, running, at, size);

  await checkOwnHospital(stage, region, numberAt(she, RINDO), day);
});
