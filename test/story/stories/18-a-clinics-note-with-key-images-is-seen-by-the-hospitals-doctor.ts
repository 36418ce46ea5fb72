// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { components } from '../../../web/src/api/schema.d.ts';
import { studiesOf } from '../kit/archive.ts';
import { readAudit } from '../kit/audit.ts';
import type { Answer, Consent, Desk, Study } from '../kit/desk.ts';
import { KAWABE, RINDO, TSUBASA, choose, hasActive, isLinkedAt, numberAt, passwordOf } from '../kit/plan.ts';
import type { Region } from '../kit/region.ts';
import { story } from '../kit/story.ts';
import { until } from '../kit/wait.ts';

type Note = components['schemas']['Note'];
type Notes = Answer<{ notes: Note[] }>;
type Picture = components['schemas']['NotePictureInput'];

const IMAGE = 64;
const WORDS = '左下肺野に結節。3か月後に再検を。';

const notesOf = (desk: Desk, person: string): Promise<Notes> => desk.get(`/api/v1/persons/${person}/notes`);
const reads = ({ status, text }: Notes): boolean => status === 200 && text.includes(WORDS);

/** Two pictures of a study of the hospital, as the clinic's doctor sees it. */
async function picturesFor(desk: Desk, person: string, from: string, to: string): Promise<Picture[]> {
  const entry = await until('a study of the hospital', async () => {
    const opened = await desk.openCalendar(person, from, to);
    const heads = await desk.list(opened.body.opening, 'image', from, to, desk.facility(RINDO).id);
    await desk.ask('DELETE', `/api/v1/openings/${opened.body.opening}`);
    return heads.find((head) => head.state === 'current' && (head.flags & IMAGE) !== 0);
  }, 60);
  const { body: { opening } } = await desk.openEntry(entry.id);
  const { body } = await desk.get<Study>(`/api/v1/openings/${opening}/study`);
  const series = body.series.find((one) => one.kind === 'image' && one.instances.length > 1);
  return (series?.instances ?? []).slice(0, 2).map(({ uid }) => (
    { entry: entry.id, series: series?.uid ?? '', instance: uid, frame: 0, comment: '矢印の所' }));
}

function office(region: Region, ...words: string[]): { status: number | null; said: string } {
  const program = process.env.TSUMUGI ?? 'tsumugi';
  const { status, stdout, stderr } = spawnSync(program, ['admin', '--config', `${region.directory}/config/centre.json`, ...words], { encoding: 'utf8' });
  return { status, said: stdout + stderr };
}

await story('a clinic writes a note with key images', async (stage) => {
  const region = await stage.region();
  const { plan } = region;
  const root = `${region.directory}/images/${RINDO}`;
  const she = choose(plan, (person) => hasActive(person) && isLinkedAt(person, RINDO, KAWABE)
    && studiesOf(root, numberAt(person, RINDO)).some(({ files }) => files.length > 20));
  const he = choose(plan, (person) => person !== she && hasActive(person) && isLinkedAt(person, RINDO, KAWABE));
  const from = `${Number(plan.today.slice(0, 4)) - 2}${plan.today.slice(4)}`;
  const clinic = await region.desk('kawabe');
  clinic.hasStudies = true;
  const person = (await clinic.find(numberAt(she, KAWABE)))?.id ?? '';
  const pictures = await picturesFor(clinic, person, from, plan.today);
  const written = await clinic.post<Note>(`/api/v1/persons/${person}/notes`, { text: WORDS, pictures });
  stage.same([written.status, pictures.length], [201, 2], 'its doctor writes, with two pictures of the hospital');
  stage.check(reads(await notesOf(clinic, person)), 'and reads it');

  const pharmacy = await region.desk('tsubasa');
  if (!isLinkedAt(she, TSUBASA)) await pharmacy.addLink(person, pharmacy.facility(TSUBASA).id, '99887766', she.birth_day);
  const there = await notesOf(pharmacy, person);
  stage.same([there.status, there.text.includes(WORDS)], [200, false], 'the pharmacy, which the clinic\'s policy leaves out, does not see it');
  const worker = await notesOf(await region.desk('kurosu'), person);
  stage.same([worker.status, worker.text.includes(WORDS)], [200, false], 'nor does the hospital\'s social worker');

  const doctor = await region.desk('fujishiro');
  const seen = await notesOf(doctor, person);
  const [note] = seen.body.notes;
  stage.same([seen.status, note?.text, note?.facility, note?.may_correct, note?.may_withdraw], [200, WORDS, clinic.facility(KAWABE).id, false, false],
    'the hospital\'s doctor does, as the clinic\'s');
  stage.same(note?.pictures.map(({ entry, instance }) => [entry?.id, instance]), pictures.map(({ entry, instance }) => [entry, instance]),
    'with the pictures of the own study');
  const other = (await doctor.find(numberAt(he, RINDO)))?.id ?? '';
  stage.check(!reads(await notesOf(doctor, other)), 'under another patient there is nothing of it');
  const rows = readAudit(region, 'centre').filter((row) => row.event === 'notes' && row.phase === 'decision' && row.person === person);
  stage.same(rows.map(({ verdict }) => verdict), Array.from({ length: 4 }, () => 'permit'), 'the audit has a row of each view');

  const visit = await stage.visit(region);
  await visit.logIn('fujishiro', passwordOf(plan, 'fujishiro'));
  await visit.page.goto(`/p/${person}/notes`);
  const shown = visit.page.locator('article.note', { hasText: WORDS });
  await shown.locator('.note-shown img').first().waitFor();
  stage.check(await shown.getByText('かわべ診療所').first().isVisible(), 'in the browser, too, with a picture drawn by the hospital');

  const file = `${region.directory}/kept.json`;
  writeFileSync(file, '{"version":2,"rules":[]}');
  stage.check(office(region, 'facility', 'policy', RINDO, file).said.includes('policy_of_gateway'), 'the office says no policy for a hospital with a gateway');
  const before = office(region, 'facility', 'policy', KAWABE).said;
  stage.same(office(region, 'facility', 'policy', KAWABE, file).status, 0, 'for the clinic it keeps one that shows nothing');
  await until('the policy counts', async () => !reads(await notesOf(doctor, person)), 2, 50);
  stage.check(true, 'within two seconds the note is the clinic\'s own');
  writeFileSync(file, before);
  office(region, 'facility', 'policy', KAWABE, file);
  await until('the former policy counts', async () => reads(await notesOf(doctor, person)), 2, 50);

  const consents = await clinic.get<{ consents: Consent[] }>(`/api/v1/persons/${person}/consents`);
  await clinic.withdraw(consents.body.consents.find((one) => one.state === 'active')?.id ?? '');
  stage.check(!reads(await notesOf(doctor, person)), 'once the consent is withdrawn, the doctor does not see it any more');
  stage.check(reads(await notesOf(clinic, person)), 'the clinic does');
});
