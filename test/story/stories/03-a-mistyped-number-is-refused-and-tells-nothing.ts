// SPDX-License-Identifier: Apache-2.0
import { readAudit } from '../kit/audit.ts';
import type { Answer, Link } from '../kit/desk.ts';
import { KAWABE, RINDO, choose, isLinkedAt, numberAt, recordAt, type PlannedPerson } from '../kit/plan.ts';
import { registration } from '../kit/registration.ts';
import { Hand, goToCalendar, tab } from '../kit/screen.ts';
import { story } from '../kit/story.ts';

/* What must not be told apart: everything but ids, the number that was typed and the moment. */
function bare(answer: Answer<Link>, number: string): string {
  const { id, since } = answer.body;
  return answer.text.replace(id, 'ID').replace(String(since), 'SINCE').replace(number, 'NUMBER');
}

const wordsOfPerson = (person: PlannedPerson): string[] => [
  person.name, person.kana, person.birth_day, ...person.name.split(' '), ...person.kana.split(' '),
].filter((word) => word.length > 1);

await story('a number that is not hers', async (stage) => {
  const region = await stage.region();
  const plan = region.plan;
  const she = choose(plan, (person) => person.records.every((record) => record.link === 'none')
    && recordAt(person, RINDO) !== undefined && recordAt(person, KAWABE) !== undefined);
  const linked = choose(plan, (person) => isLinkedAt(person, RINDO) && !isLinkedAt(person, KAWABE) && person.sex === she.sex);
  const taken = new Set(plan.persons.map((person) => recordAt(person, RINDO)?.number));
  const own = numberAt(she, RINDO);
  const free = Array.from({ length: 10 }, (_, digit) => own.slice(0, -1) + digit).find((number) => !taken.has(number)) ?? '';
  const wrong: [string, string][] = [
    ['a number with one wrong digit', free], ['a number of another person', numberAt(linked, RINDO)],
    ['a number that nobody has', '9999999999'],
  ];

  const desk = await region.desk('nemoto');
  const registered = await desk.register(registration(desk, she, [KAWABE]));
  stage.same(registered.status, 201, 'she is registered with the clinic\'s number');
  const answers: { text: string; bytes: number; status: number }[] = [];
  const links: string[] = [];
  for (const [what, number] of wrong) {
    const answer = await desk.addLink(registered.body.id, desk.facility(RINDO).id, number);
    stage.check(answer.status === 201 && answer.body.state !== 'confirmed', `${what} is not confirmed`, answer.text);
    answers.push({ text: bare(answer, number), bytes: answer.text.length, status: answer.status });
    links.push(answer.body.id);
  }
  stage.same(new Set(answers.map((one) => JSON.stringify(one))).size, 1, 'the three answers are the same, to the byte');
  stage.note(answers[0]?.text ?? '');

  for (const [index, link] of links.entries()) {
    const again = await desk.post<Link>(`/api/v1/links/${link}/retries`);
    stage.check(again.status !== 200 || again.body.state !== 'confirmed', `asking again for ${wrong[index]?.[0]} confirms nothing`, again.text);
  }
  const calendar = await desk.openCalendar(registered.body.id, plan.today, plan.today);
  const rindo = desk.facility(RINDO).id;
  stage.check(calendar.body.marks.entry.length === 0 && calendar.body.undated.length === 0
    && calendar.body.refusals.some((one) => one.facility === rindo), 'her calendar has nothing of that hospital and says so', calendar.text);
  const person = await desk.person(registered.body.id);
  stage.check(person.body.links.every((link) => link.facility !== rindo || link.state !== 'confirmed'), 'no link of hers is confirmed there', person.text);

  const strangers = plan.persons.filter((one) => one !== she && recordAt(one, RINDO) !== undefined);
  const words = strangers.flatMap(wordsOfPerson).filter((word) => !`${she.name} ${she.kana}`.includes(word));
  const told = words.filter((word) => desk.heard.some((body) => body.includes(word)));
  const staff = JSON.stringify(plan.staff) + JSON.stringify(plan.facilities);
  stage.same(told.filter((word) => !staff.includes(word)), [], 'no word of a stranger stands in any answer');

  const visit = await stage.visit(region);
  await visit.logIn('kawabe', plan.staff.find((one) => one.login === 'kawabe')?.password ?? '');
  const { page } = visit;
  await goToCalendar(new Hand(page), numberAt(she, KAWABE));
  await tab(page, '施設追加').click();
  await page.locator('#link-facility').selectOption({ label: plan.facilities.find((one) => one.code === RINDO)?.name ?? '' });
  await page.locator('#link-number').fill(numberAt(linked, RINDO));
  await page.locator('form').getByRole('button', { name: '登録', exact: true }).click();
  const refused = page.locator('li.link', { hasText: numberAt(linked, RINDO) });
  await refused.locator('.tag', { hasText: '不一致' }).first().waitFor();
  const shown = await page.locator('body').innerText();
  stage.check(shown.includes('相手施設の登録と一致しません'), 'the page says that the number does not match', shown);
  stage.same(words.filter((word) => shown.includes(word) && !staff.includes(word)), [], 'and no word of a stranger');

  const rows = readAudit(region, RINDO);
  for (const [what, number] of wrong) {
    const tried = rows.filter((row) => row.local_number === number && row.verdict !== 'permit' && row.verdict !== 'done');
    stage.check(tried.length > 0, `the hospital's own audit has the attempt with ${what}`, rows.slice(-6));
  }
});
