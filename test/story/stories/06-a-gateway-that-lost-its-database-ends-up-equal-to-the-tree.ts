// SPDX-License-Identifier: Apache-2.0
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { askBase } from '../kit/base.ts';
import { differences, linesOfHeads, linesOfTree, listFacility, newDays } from '../kit/compare.ts';
import type { EntryHead } from '../kit/desk.ts';
import { KAWABE, KEYAKI, RINDO, choose, hasActive, isLinkedAt, numberAt } from '../kit/plan.ts';
import { freshness } from '../kit/step.ts';
import type { Region } from '../kit/region.ts';
import { story } from '../kit/story.ts';
import { Tree, compact } from '../kit/tree.ts';
import { until } from '../kit/wait.ts';

const WITHDRAWN = 100;

function wipe(region: Region, code: string): number {
  const directory = `${region.directory}/gateway/${code}`;
  const files = readdirSync(directory).filter((name) => name.startsWith('index.db'));
  for (const name of files) rmSync(`${directory}/${name}`);
  return files.length;
}

/* What the centre keeps of an entry, beside the interface. */
function stateAtCentre(region: Region, entry: string): number | undefined {
  return askBase<{ state: number }>(region.directory, 'SELECT state FROM registry_entry WHERE entry = ?', entry)[0]?.state;
}

const idsOf = (heads: EntryHead[]): string[] => heads.map((head) => head.id).sort();

await story('a gateway\'s database is lost', async (stage) => {
  const region = await stage.region();
  const plan = region.plan;
  const she = choose(plan, (person) => hasActive(person) && isLinkedAt(person, RINDO, KAWABE) && !isLinkedAt(person, KEYAKI));
  const number = numberAt(she, RINDO);
  const tree = new Tree(region, RINDO);
  const desk = await region.desk('nemoto');
  const found = await desk.find(numberAt(she, KAWABE));
  const id = found?.id ?? '';
  const before = await listFacility(desk, id, RINDO);
  stage.same(differences(linesOfHeads(before.heads), linesOfTree(region, she, RINDO)), [], 'the calendar is equal to the tree, entry by entry');
  stage.check(before.heads.length > 50, 'and not empty', before.heads.length);
  stage.same(newDays(before, RINDO), [], 'nothing of it is new');

  region.turn(RINDO, 'off');
  const process = region.processOf(RINDO);
  await region.waitForEnd(process);
  stage.check(wipe(region, RINDO) > 0, 'the gateway is off, and its database is gone');
  const files = tree.files(number).filter((file) => file.flag === '1');
  const visit = files.findLast((file) => file.type === 'ADT-12');
  if (!visit) throw new Error('she has no visit');
  const visited = tree.inspect(visit.path)[0];
  const gone = before.heads.find((head) => head.day === visited?.day && head.kind === 'visit' && head.title === visited.title);
  tree.remove(visit);
  const result = tree.newestResult(number);
  const was = tree.inspect(result.path)[0];
  const corrected = before.heads.find((head) => head.day === was?.day && head.title === was?.title);
  const [day = ''] = tree.freeDays(number, plan.today, 1);
  tree.writeResult(result, { key: '000000099000006', day: compact(day), value: '5.5' });
  tree.correctResult(result, '99999');
  const waves = `${region.directory}/waves/${RINDO}`;
  stage.check(readdirSync(waves).includes(number), 'she has ECGs, which cannot be read for now');
  renameSync(waves, `${waves}.away`);
  region.turn(RINDO, 'on');

  const wanted = linesOfTree(region, she, RINDO);
  stage.check(differences(linesOfHeads(before.heads), wanted).length >= 2, 'a file was deleted, one corrected, one added meanwhile');
  await until('what was corrected and added is there', async () => {
    const { heads } = await listFacility(desk, id, RINDO);
    return differences(linesOfHeads(heads), wanted).length === 1;
  }, 90, 500);
  stage.check(true, 'what was corrected and added comes, and nothing goes while not all has been looked at');
  renameSync(`${waves}.away`, waves);
  let last: string[] = [];
  await until('the calendar is equal to the tree again', async () => {
    const listed = await listFacility(desk, id, RINDO);
    last = differences(linesOfHeads(listed.heads), wanted);
    return last.length === 0 && freshness(desk, listed.calendar, RINDO)?.state === 'in_step' ? listed : undefined;
  }, 90, 500).catch((failure: unknown) => {
    stage.note(last.join('\n'));
    throw failure;
  });
  stage.check(true, 'the calendar ends up equal to the tree, entry by entry, and in step');
  /* opened anew: the last entries may have come between the marks and the list */
  const after = await listFacility(desk, id, RINDO);

  const [old, now] = [idsOf(before.heads), idsOf(after.heads)];
  stage.same(now.length, new Set(now).size, 'no entry stands there twice');
  stage.same(old.filter((entry) => !now.includes(entry)), [gone?.id], 'only the deleted entry is gone; all others kept their ids');
  const added = now.filter((entry) => !old.includes(entry));
  stage.same(added.length, 1, 'only the added one has a new id');
  stage.same(newDays(after, RINDO), [corrected?.day, day].sort(), 'nothing is new that was not corrected or added');
  stage.same(stateAtCentre(region, gone?.id ?? ''), WITHDRAWN, 'the deleted one left a tombstone');
  stage.same((await desk.openEntry(gone?.id ?? '')).status, 404, 'which does not open');
  const opened = await desk.openEntry(corrected?.id ?? '');
  const content = await desk.content(opened.body.opening);
  stage.check(content.text.includes('"99999"'), 'the corrected one has the hospital\'s new words', content.text.slice(0, 400));
});
