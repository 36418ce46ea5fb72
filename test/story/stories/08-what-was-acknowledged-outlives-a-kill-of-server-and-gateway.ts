// SPDX-License-Identifier: Apache-2.0
import { auditOf, readAudit, unfinished, verifyAudit } from '../kit/audit.ts';
import { askBase } from '../kit/base.ts';
import { differences, linesOfHeads, linesOfTree, listFacility } from '../kit/compare.ts';
import { shift } from '../kit/days.ts';
import { newKey, type Desk, type Person } from '../kit/desk.ts';
import { KAWABE, KEYAKI, RINDO, choose, hasActive, isLinkedAt, numberAt, type PlannedPerson } from '../kit/plan.ts';
import type { Region } from '../kit/region.ts';
import { story, type Stage } from '../kit/story.ts';
import { Tree, compact } from '../kit/tree.ts';
import { pause, until } from '../kit/wait.ts';

const FAMILY = '試験';
const KATAKANA = 'アイウエオカキクケコ';
const BACK_SECONDS = 60;
/* Who is killed when, counted in registrations that were sent; some with one under way. */
const KILLS: { name: string; after: number; underWay: boolean }[] = [
  { name: 'centre', after: 4, underWay: true }, { name: RINDO, after: 8, underWay: false },
  { name: 'centre', after: 12, underWay: false }, { name: RINDO, after: 16, underWay: true },
  { name: 'centre', after: 20, underWay: true },
];

interface Registered { key: string; input: object; id: string }

/* What goes on while processes are killed. */
class Work {
  readonly registered: Registered[] = [];
  readonly contents: string[] = [];
  sent = 0;
  written = 0;
  faults: string[] = [];
  private goesOn = true;
  private onSent: (() => void) | undefined;
  private readonly region: Region;
  private readonly she: PlannedPerson;

  constructor(region: Region, she: PlannedPerson) {
    this.region = region;
    this.she = she;
  }

  stop(): void {
    this.goesOn = false;
  }

  /** The next registration is on its way to the centre. */
  nextSent(): Promise<void> {
    return new Promise((done) => (this.onSent = done));
  }

  private input(desk: Desk, number: number): object {
    const digits = [...String(number).padStart(3, '0')].map((digit) => KATAKANA[Number(digit)]).join('');
    return {
      name: `${FAMILY} ${digits}`, kana: `シケン ${digits}`, birth_date: shift('1950-01-01', number), sex: 'F', is_new_person: true,
      consent: { form: 'comprehensive', channel: 'paper', giver: 'self' },
      numbers: [{ facility: desk.facility(KAWABE).id, number: `88${String(number).padStart(5, '0')}` }],
    };
  }

  /** Registers one after the other, each with one key until there is an answer. */
  async register(desk: Desk): Promise<void> {
    while (this.goesOn) {
      const [key, input] = [newKey(), this.input(desk, ++this.sent)];
      for (let id = ''; !id;) {
        const asked = desk.register(input, key).catch(() => undefined);
        setImmediate(() => {
          this.onSent?.();
          this.onSent = undefined;
        });
        const answer = await asked;
        if (answer?.status === 201) {
          id = answer.body.id;
          this.registered.push({ key, input, id });
        } else {
          if (answer && answer.status < 500) this.faults.push(`register: ${answer.status} ${answer.text}`);
          await pause(50);
        }
      }
    }
  }

  async read(desk: Desk, entry: string): Promise<void> {
    while (this.goesOn) {
      const opened = await desk.openEntry(entry).catch(() => undefined);
      if (opened?.status === 201) {
        const content = await desk.content(opened.body.opening).catch(() => undefined);
        if (content?.status === 200 && content.body.entry.id !== entry) this.faults.push(`content: ${content.text}`);
        if (content?.status === 200) this.contents.push(entry);
      } else if (opened && opened.status < 500) this.faults.push(`read: ${opened.status} ${opened.text}`);
      await pause(20);
    }
  }

  /** The hospital goes on working whatever happens to the gateway. */
  async write(): Promise<void> {
    const tree = new Tree(this.region, RINDO);
    const number = numberAt(this.she, RINDO);
    const like = tree.newestResult(number);
    const days = tree.freeDays(number, this.region.plan.today, 6);
    while (this.goesOn) {
      const day = days[this.written % days.length] ?? '';
      this.written++;
      tree.writeResult(like, { key: `0000000980${String(this.written).padStart(5, '0')}`, day: compact(day), value: `${this.written}.5` });
      await pause(60);
    }
  }
}

async function kill(region: Region, name: string): Promise<void> {
  const killed = region.processOf(name);
  process.kill(killed, 'SIGKILL');
  await until(`${name} is started again`, () => {
    const now = region.processOf(name);
    return now !== 0 && now !== killed;
  }, BACK_SECONDS, 20);
}

async function checkRegistrations(stage: Stage, region: Region, desk: Desk, work: Work): Promise<void> {
  const wrong: unknown[] = [];
  for (const { key, input, id } of work.registered) {
    const again = await desk.register(input, key);
    const person = await desk.person(id);
    const numbers = (input as { numbers: { number: string }[] }).numbers;
    if (again.status !== 201 || again.body.id !== id || person.body.own_number !== numbers[0]?.number) wrong.push(again.text, person.text);
  }
  stage.same(wrong, [], `all ${work.registered.length} registrations that were acknowledged are there, and the same key gives the same answer`);
  const [row] = askBase<{ count: number }>(region.directory, 'SELECT count(*) AS count FROM person WHERE name LIKE ?', `${FAMILY} %`);
  stage.same(row?.count, work.registered.length, 'and nobody is registered twice');
}

function checkAudits(stage: Stage, region: Region, work: Work, kills: number): void {
  for (const name of ['centre', RINDO, KEYAKI]) {
    const { status, text } = verifyAudit(region, name);
    stage.check(status === 0, `the audit of ${name} is whole: ${text.trim()}`, { text, at: auditOf(region, name) });
    stage.same(unfinished(readAudit(region, name)).length, 0, 'every decision in it has a finish');
  }
  const rows = readAudit(region, 'centre');
  const count = (phase: string, event: string, verdict: string) =>
    rows.filter((row) => row.phase === phase && row.event === event && row.verdict === verdict).length;
  stage.check(rows.some((row) => row.phase === 'finish' && row.verdict === 'unknown'), 'what the kills cut off is closed as unknown');
  stage.check(count('event', 'start', 'done') >= kills + 1, 'every start is in it', count('event', 'start', 'done'));
  stage.check(count('decision', 'register', 'permit') >= work.registered.length, 'so is every registration');
  stage.check(count('decision', 'entry', 'permit') >= work.contents.length, 'and every content that was read');
  const given = readAudit(region, RINDO).filter((row) => row.phase === 'decision' && row.event === 'content' && row.verdict === 'permit');
  stage.check(given.length >= work.contents.length, 'which the hospital has, too', given.length);
}

await story('server and gateway are killed in mid-work', async (stage) => {
  const region = await stage.region();
  const plan = region.plan;
  const she = choose(plan, (person) => hasActive(person) && isLinkedAt(person, RINDO, KAWABE) && !isLinkedAt(person, KEYAKI));
  const nurse = await region.desk('nemoto');
  const doctor = await region.desk('kawabe');
  const found = await doctor.find(numberAt(she, KAWABE));
  const id: Person['id'] = found?.id ?? '';
  const before = await listFacility(doctor, id, RINDO);
  const entry = before.heads.find((head) => head.kind === 'laboratory')?.id ?? '';

  const work = new Work(region, she);
  const running = [work.register(nurse), work.read(doctor, entry), work.write()];
  let readBefore = 0;
  for (const { name, after, underWay } of KILLS) {
    await until(`${after} registrations were sent, and contents read`, () => work.sent >= after && work.contents.length > readBefore,
      BACK_SECONDS, 10);
    readBefore = work.contents.length;
    if (underWay) await work.nextSent();
    await kill(region, name);
  }
  const readSoFar = work.contents.length;
  await until('work goes on after the last kill', () => work.sent > (KILLS.at(-1)?.after ?? 0) + 4 && work.contents.length > readSoFar,
    BACK_SECONDS, 20);
  work.stop();
  await Promise.all(running);
  stage.note(`${work.registered.length} registered, ${work.written} results written, ${work.contents.length} contents read`);
  stage.same(work.faults, [], 'nothing was refused but for the time of being away');

  await checkRegistrations(stage, region, nurse, work);
  const wanted = linesOfTree(region, she, RINDO);
  let last: string[] = [];
  await until('every result is in the calendar', async () => {
    const listed = await listFacility(doctor, id, RINDO);
    last = differences(linesOfHeads(listed.heads), wanted);
    return last.length === 0;
  }, 90, 500).catch(() => undefined);
  stage.same(last, [], 'every result that the hospital wrote is in the calendar once, and nothing else');

  const opened = await doctor.openEntry(entry);
  stage.same(opened.status, 201, 'contents can be opened');
  const centre = region.processOf('centre');
  process.kill(centre, 'SIGKILL');
  await until('the centre is started again', () => ![0, centre].includes(region.processOf('centre')), BACK_SECONDS, 20);
  await until('it answers', async () => (await doctor.get('/healthz').catch(() => undefined))?.status === 200, BACK_SECONDS, 50);
  await region.stop();
  checkAudits(stage, region, work, KILLS.filter(({ name }) => name === 'centre').length + 1);
});
