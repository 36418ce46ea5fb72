// SPDX-License-Identifier: Apache-2.0
import { readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { studiesOf } from '../kit/archive.ts';
import { readAudit, unfinished } from '../kit/audit.ts';
import type { Desk, EntryHead, Study } from '../kit/desk.ts';
import { Download } from '../kit/download.ts';
import { KAWABE, RINDO, choose, isLinkedAt, numberAt } from '../kit/plan.ts';
import type { Region } from '../kit/region.ts';
import { story } from '../kit/story.ts';
import { until } from '../kit/wait.ts';

/* More than what lies in sockets and queues between a gateway and a reader that takes nothing. */
const LARGE_BYTES = 16 << 20;
const IMAGE = 64;

async function bytesOf(desk: Desk, path: string, headers: Record<string, string> = {}): Promise<{ response: Response; bytes: Buffer }> {
  const response = await fetch(desk.url + path, { headers: { ...desk.headers('GET'), ...headers } });
  return { response, bytes: Buffer.from(await response.arrayBuffer()) };
}

/** The file with as much behind it that says nothing: Data Set Trailing Padding (PS3.10, 7.2), which every syntax but one writes so. */
function padded(file: Buffer): Buffer {
  const head = Buffer.from([0xfc, 0xff, 0xfc, 0xff, 0x4f, 0x42, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(LARGE_BYTES, 8);
  return Buffer.concat([file, head, Buffer.alloc(LARGE_BYTES, 7)]);
}

async function killGateway(region: Region): Promise<void> {
  const killed = region.processOf(RINDO);
  process.kill(killed, 'SIGKILL');
  await region.waitForEnd(killed);
}

await story('a download whose gateway is killed', async (stage) => {
  const region = await stage.region();
  const plan = region.plan;
  const root = `${region.directory}/images/${RINDO}`;
  const she = choose(plan, (person) => isLinkedAt(person, RINDO, KAWABE)
    && studiesOf(root, numberAt(person, RINDO)).some(({ files }) => files.length > 20));
  const there = studiesOf(root, numberAt(she, RINDO)).find(({ files }) => files.length > 20);
  const file = there?.files[0] ?? '';
  const original = padded(readFileSync(file));
  writeFileSync(`${root}/.part`, original);
  renameSync(`${root}/.part`, file);
  const desk = await region.desk('kawabe');
  desk.hasStudies = true;
  const person = (await desk.find(numberAt(she, KAWABE)))?.id ?? '';
  const from = `${Number(plan.today.slice(0, 4)) - 2}${plan.today.slice(4)}`;

  const heads = async (): Promise<EntryHead[]> => {
    const opened = await desk.openCalendar(person, from, plan.today);
    const all = await desk.list(opened.body.opening, 'image', from, plan.today);
    await desk.ask('DELETE', `/api/v1/openings/${opened.body.opening}`);
    return all.filter((head) => head.state === 'current' && (head.flags & IMAGE) !== 0);
  };
  /** The study's opening and the path of its large file below it. */
  const open = async (): Promise<{ opening: string; path: string } | undefined> => {
    for (const entry of await heads()) {
      const { body: { opening } } = await desk.openEntry(entry.id);
      const study = await desk.get<Study>(`/api/v1/openings/${opening}/study`);
      if (study.status === 200 && study.body.study_uid === there?.uid) {
        for (const [s, series] of study.body.series.entries()) {
          for (const i of series.instances.keys()) {
            const path = `/api/v1/openings/${opening}/instances/${s}/${i}`;
            const head = await bytesOf(desk, path, { Range: 'bytes=0-0' });
            if (head.response.headers.get('content-range') === `bytes 0-0/${original.length}`) return { opening, path };
          }
        }
      }
      await desk.ask('DELETE', `/api/v1/openings/${opening}`);
    }
    return undefined;
  };
  const opened = async (): Promise<{ opening: string; path: string }> => {
    let found: { opening: string; path: string } | undefined;
    await until('the study opens', async () => {
      found = await open();
      return found !== undefined;
    }, 60);
    if (!found) throw new Error('no study of a large file');
    return found;
  };
  /* The rows of the entry's openings that ended, as the centre wrote them. */
  const lastFinish = () => readAudit(region, 'centre').filter((row) => row.phase === 'finish' && row.event === 'entry').at(-1);

  for (const what of ['study.zip', 'file']) {
    const { opening, path } = await opened();
    const at = what === 'file' ? path : `/api/v1/openings/${opening}/${what}`;
    const whole = await bytesOf(desk, at);
    const download = new Download(desk, at);
    download.read(500);
    await until('it has begun', () => download.bytes > 0);
    download.stall();
    await killGateway(region);
    download.read(0);
    await until('it has ended', () => download.hasEnded, 60);
    stage.check(download.status === 200 && !download.isWhole && download.bytes < whole.bytes.length,
      `${what}: what came can be told from what is whole`, { came: download.bytes, of: whole.bytes.length, status: download.status });
    const ended = await desk.ask('DELETE', `/api/v1/openings/${opening}`);
    stage.same(ended.status, 204, 'its opening ends');
    const row = lastFinish();
    stage.check(row?.verdict === 'failed' && (row.bytes ?? 0) > 0, 'and its finish row says that it failed, with the bytes', row);
  }

  const { path } = await opened();
  const first = await bytesOf(desk, path, { Range: 'bytes=0-999999' });
  const tag = first.response.headers.get('etag') ?? '';
  stage.check(/^"[0-9a-f]{64}"$/.test(tag), 'the file has a tag', tag);
  await killGateway(region);
  await until('the gateway is back', async () => {
    const rest = await bytesOf(desk, path, { Range: 'bytes=1000000-', 'If-Range': tag });
    return rest.response.status === 206 && Buffer.concat([first.bytes, rest.bytes]).equals(original);
  }, 60);
  stage.check(true, 'a download goes on where it was, with the gateway that came after');
  utimesSync(file, new Date(), new Date());
  const anew = await bytesOf(desk, path, { Range: 'bytes=1000000-', 'If-Range': tag });
  stage.check(anew.response.status !== 206, 'in a file that was written since it does not go on', anew.response.status);

  const rows = readAudit(region, RINDO).filter((row) => row.event === 'study' && row.phase === 'finish');
  stage.check(rows.filter((row) => row.verdict === 'unknown').length >= 2, 'the hospital\'s audit closes what the kills cut off', rows);
  await desk.ask('DELETE', '/api/v1/session');
  await until('everything has ended', () => unfinished(readAudit(region, 'centre')).length === 0, 30);
  stage.check(true, 'and at the centre every decision has its finish');
});
