// SPDX-License-Identifier: Apache-2.0
import { KAWABE, RINDO, choose, numberAt, recordAt, type Counted } from '../kit/plan.ts';
import { pieces, shift } from '../kit/days.ts';
import { ROWS, type EntryHead } from '../kit/desk.ts';
import { registration } from '../kit/registration.ts';
import { waitForStep } from '../kit/step.ts';
import { story } from '../kit/story.ts';
import { until } from '../kit/wait.ts';

/* What the hospital's files become: one entry per file, or per part (RP, group, problem). */
const KIND_OF_TYPE: Record<string, string> = {
  'ADT-12': 'visit', 'ADT-21': 'admission', 'ADT-22': 'admission', 'ADT-31': 'admission', 'ADT-32': 'admission',
  'ADT-42': 'admission', 'ADT-51': 'admission', 'ADT-52': 'admission', OMD: 'meal', 'OMP-01': 'prescription',
  'OMP-11': 'prescription', 'OMP-02': 'injection', 'OMP-12': 'injection', 'OML-01': 'laboratory',
  'OML-11': 'laboratory', 'OMG-01': 'radiology', 'OMG-11': 'radiology', 'OMG-02': 'endoscopy', 'OMG-12': 'endoscopy',
  'OMG-03': 'physiology', 'OMG-13': 'physiology',
};

function countByKind(counts: Counted[], read: (count: Counted) => number): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const count of counts) {
    const kind = KIND_OF_TYPE[count.type];
    if (kind) sums[kind] = (sums[kind] ?? 0) + read(count);
  }
  return sums;
}
const filled = (sums: Record<string, number>) =>
  Object.fromEntries(Object.entries(sums).filter(([, sum]) => sum > 0).sort());

/* A result of cultures only is a file of the same type. */
function countHeads(heads: EntryHead[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const head of heads) {
    const kind = head.kind === 'microbiology' ? 'laboratory' : head.kind;
    sums[kind] = (sums[kind] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(sums).sort());
}

await story('a clinic registers a person whom the hospital knows', async (stage) => {
  const region = await stage.region();
  const plan = region.plan;
  const she = choose(plan, (person) => person.records.every((record) => record.link === 'none')
    && recordAt(person, RINDO) !== undefined && recordAt(person, KAWABE) !== undefined);
  const desk = await region.desk('nemoto');
  stage.check((await desk.find(numberAt(she, KAWABE))) === undefined, 'nobody is found before');

  const answer = await desk.register(registration(desk, she, [KAWABE, RINDO]));
  stage.same(answer.status, 201, 'the nurse registers her with the clinic\'s and the hospital\'s number');
  const link = (code: string) => answer.body.links.find((one) => one.facility === desk.facility(code).id);
  stage.same(link(KAWABE)?.state, 'confirmed', 'the clinic confirms its own number');
  stage.check(['proposed', 'confirmed'].includes(link(RINDO)?.state ?? ''), 'the hospital is asked about its number');
  await until('the hospital\'s gateway confirms its number', async () => {
    const { body } = await desk.person(answer.body.id);
    return body.links.find((one) => one.facility === desk.facility(RINDO).id)?.state === 'confirmed';
  }, 10);
  stage.check(true, 'the hospital\'s gateway confirms its number');

  const doctor = await region.desk('kawabe');
  const found = await doctor.find(numberAt(she, KAWABE));
  stage.same(found?.id, answer.body.id, 'the doctor finds her by the own number');
  const calendar = await waitForStep(doctor, answer.body.id, [RINDO]);
  stage.same(calendar.freshness.map((one) => one.every_s).filter((one) => one !== null), [], 'what is new there comes by itself');
  stage.check(calendar.marks.row.length > 0, 'the calendar has marks', `${calendar.marks.row.length}`);

  const record = recordAt(she, RINDO);
  const first = calendar.first_day ?? plan.today;
  const opened = await doctor.openCalendar(answer.body.id, shift(plan.today, -30), plan.today);
  const heads: EntryHead[] = [];
  for (const [from, to] of pieces(shift(first, -1), shift(plan.today, 60))) {
    for (const row of ROWS) heads.push(...await doctor.list(opened.body.opening, row, from, to));
  }
  const live = heads.filter((head) => head.state !== 'superseded' && head.state !== 'deleted');
  stage.check(heads.length === new Set(heads.map((head) => head.id)).size, 'no entry is listed twice');
  const released = (record?.counts ?? []).filter((count) => count.type !== 'ADT-00');
  const held = countByKind(released, (count) => count.parts);
  for (const { kind, current } of record?.documents ?? []) held[kind] = (held[kind] ?? 0) + current;
  stage.same(countHeads(live), filled(held), 'every kind counts as many entries as the hospital\'s folders hold');
  stage.same(opened.body.undated.filter((one) => one.kind === 'problem').length,
    released.find((count) => count.type === 'PPR-01')?.parts ?? 0, 'so do the problems');

  const shown = live.find((head) => head.kind === 'laboratory' && head.flags !== 512) ?? live[0];
  const entry = await doctor.openEntry(shown?.id ?? '');
  stage.same([entry.status, entry.body.entry?.id], [201, shown?.id], 'an entry opens');
  const content = await doctor.content(entry.body.opening);
  stage.check(content.status === 200 && content.body.items.length > 0, 'with its items', content.text);
  stage.same(content.body.entry?.id, shown?.id, 'which are those of the entry');
});
