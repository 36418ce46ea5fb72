// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { auditOf, verifyAudit } from '../kit/audit.ts';
import { newKey } from '../kit/desk.ts';
import { KAWABE, choose, hasActive, isLinkedAt, numberAt, passwordOf, RINDO } from '../kit/plan.ts';
import type { Region } from '../kit/region.ts';
import { Hand, goToCalendar, tab } from '../kit/screen.ts';
import { story } from '../kit/story.ts';
import { until } from '../kit/wait.ts';

/* No file of the centre may grow beyond what its audit is now: as if the disk were full. */
function limit(region: Region, bytes: string): void {
  execFileSync('prlimit', ['--pid', `${region.processOf('centre')}`, `--fsize=${bytes}`]);
}

function auditBytes(region: Region): number {
  const folder = `${auditOf(region, 'centre')}/centre`;
  const newest = readdirSync(folder).filter((name) => name.endsWith('.log')).sort().at(-1) ?? '';
  return statSync(`${folder}/${newest}`).size;
}

await story('the disk of the centre is full, and then it is not', async (stage) => {
  const region = await stage.region();
  const plan = region.plan;
  const she = choose(plan, (person) => hasActive(person) && isLinkedAt(person, RINDO, KAWABE));
  const desk = await region.desk('kawabe');
  const found = await desk.find(numberAt(she, KAWABE));
  const visit = await stage.visit(region);
  const { page } = visit;
  await visit.logIn('kawabe', passwordOf(plan, 'kawabe'));
  await goToCalendar(new Hand(page), numberAt(she, KAWABE));
  await page.locator('.m').first().waitFor();

  visit.expects(/status of 503/);
  limit(region, `${auditBytes(region)}:unlimited`);
  await tab(page, '同意').click();
  await tab(page, 'カレンダー').click();
  await page.getByText('記録を残せないため、情報を表示できません。').first().waitFor();
  stage.check(true, 'the page says that nothing is shown because it cannot be recorded');
  stage.check(await page.getByText('事務局へ知らせてください').first().isVisible(), 'and what to do');
  stage.same(await page.locator('.m').count(), 0, 'and shows nothing');
  const input = {
    name: '試験 アア', kana: 'シケン アア', birth_date: '1950-01-01', sex: 'F', is_new_person: true,
    consent: { form: 'comprehensive', channel: 'paper', giver: 'self' },
    numbers: [{ facility: desk.facility(KAWABE).id, number: '8800001' }],
  };
  const key = newKey();
  const refused = await desk.register(input, key);
  stage.same([refused.status, (refused.body as unknown as { code: string }).code], [503, 'audit_unwritable'], 'a registration is refused by name');
  stage.same((await desk.get('/healthz')).status, 503, 'the centre says that it is not ready');

  limit(region, 'unlimited:unlimited');
  await until('it is ready again', async () => (await desk.get('/healthz')).status === 200, 60, 50);
  await page.getByRole('button', { name: '再試行' }).first().click();
  await page.locator('.m').first().waitFor();
  stage.check(true, 'with room again, the same page goes on');
  stage.same((await desk.register(input, key)).status, 201, 'the registration that was refused succeeds, with its key');
  stage.same((await desk.openCalendar(found?.id ?? '', plan.today, plan.today)).status, 201, 'calendars open');
  await visit.context.close();
  await region.stop();
  const { status, text } = verifyAudit(region, 'centre');
  stage.check(status === 0, `the audit is whole: ${text.trim()}`, text);
});
