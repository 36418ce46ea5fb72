// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readFileSync, statSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { runProgram, studiesOf } from '../kit/archive.ts';
import { readAudit } from '../kit/audit.ts';
import { type Desk, type Study } from '../kit/desk.ts';
import { KAWABE, RINDO, choose, isLinkedAt, numberAt } from '../kit/plan.ts';
import { story } from '../kit/story.ts';
import { until } from '../kit/wait.ts';

const IMAGE = 64;
const CURL_PARTIAL = 18;
const CURL_NO_RANGE = 33;

/** A line to the server that breaks off after so many bytes of each answer. */
async function badLine(desk: Desk, bytes: number): Promise<{ server: Server; url: string }> {
  const { hostname, port } = new URL(desk.url);
  const server = createServer((near) => {
    const far = connect({ host: hostname, port: Number(port) });
    let left = bytes;
    const end = (): void => { near.destroy(); far.destroy(); };
    near.on('data', (chunk) => far.write(chunk)).on('error', end).on('close', end);
    far.on('error', end).on('close', end).on('data', (chunk: Buffer) => {
      const part = chunk.subarray(0, left);
      left -= part.length;
      near.write(part, () => { if (left === 0) end(); });
    });
  });
  await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done); });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

await story('a study\'s download over a line that breaks off', async (stage) => {
  const region = await stage.region();
  const plan = region.plan;
  const root = `${region.directory}/images/${RINDO}`;
  const she = choose(plan, (person) => isLinkedAt(person, RINDO, KAWABE)
    && studiesOf(root, numberAt(person, RINDO)).some(({ files }) => files.length > 20));
  const there = studiesOf(root, numberAt(she, RINDO)).find(({ files }) => files.length > 20);
  const desk = await region.desk('kawabe');
  desk.hasStudies = true;
  const person = (await desk.find(numberAt(she, KAWABE)))?.id ?? '';
  const from = `${Number(plan.today.slice(0, 4)) - 2}${plan.today.slice(4)}`;
  const open = (): Promise<{ opening: string; count: number }> => until('the study is there', async () => {
    const calendar = await desk.openCalendar(person, from, plan.today);
    const heads = await desk.list(calendar.body.opening, 'image', from, plan.today);
    await desk.ask('DELETE', `/api/v1/openings/${calendar.body.opening}`);
    for (const head of heads.filter((one) => one.state === 'current' && (one.flags & IMAGE) !== 0)) {
      const opened = await desk.openEntry(head.id);
      const study = await desk.get<Study>(`/api/v1/openings/${opened.body.opening}/study`);
      if (study.status === 200 && study.body.study_uid === there?.uid) {
        return { opening: opened.body.opening, count: study.body.series.reduce((sum, one) => sum + one.instances.length, 0) };
      }
      await desk.ask('DELETE', `/api/v1/openings/${opened.body.opening}`);
    }
    return undefined;
  }, 60);
  const ask = async (path: string, headers: Record<string, string> = {}): Promise<{ response: Response; bytes: Buffer }> => {
    const response = await fetch(desk.url + path, { headers: { ...desk.headers('GET'), ...headers } });
    return { response, bytes: Buffer.from(await response.arrayBuffer()) };
  };

  const { opening, count } = await open();
  const path = `/api/v1/openings/${opening}/study.zip`;
  const whole = await ask(path);
  const length = whole.bytes.length;
  const tag = whole.response.headers.get('etag') ?? '';
  stage.same([whole.response.status, whole.response.headers.get('content-length'), whole.response.headers.get('accept-ranges'), tag.length],
    [200, String(length), 'bytes', 66], 'the whole says its length, its tag, and that it may go on');

  /* over and over, a quarter of it each time */
  const file = `${region.directory}/study.zip`;
  const curl = (url: string, into = file, of = path): Promise<{ status: number | null; text: string }> =>
    runProgram('curl', ['-s', '-S', '-C', '-', '-o', into, '-H', `Cookie: ${desk.cookie}`, '-w', '%{http_code}', url + of]);
  const line = await badLine(desk, Math.ceil(length / 4));
  const ends: string[] = [];
  for (let at = 0; at < 3; at++) {
    const { status, text } = await curl(line.url);
    ends.push(`${status} ${text.slice(-3)}`);
  }
  line.server.close();
  stage.same(ends, [`${CURL_PARTIAL} 200`, `${CURL_PARTIAL} 206`, `${CURL_PARTIAL} 206`], 'curl is cut three times, and goes on twice');
  const broken = statSync(file).size;
  stage.check(broken > length / 2 && broken < length, 'each time it has some more', `${broken} of ${length}`);
  const rest = await curl(desk.url);
  stage.same([rest.status, rest.text], [0, '206'], 'and the rest over a good one');
  stage.check(readFileSync(file).equals(whole.bytes), 'what it has is the study\'s ZIP, byte by byte');
  const read = await runProgram('python3', ['-c',
    'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(len(z.namelist()))', file]);
  stage.same([read.status, read.text.trim()], [0, String(count + 1)], 'another program finds each file and its DICOMDIR in order');

  const half = Math.floor(length / 2);
  const other = await ask(path, { 'Range': `bytes=${half}-`, 'If-Range': tag });
  stage.same([other.response.status, other.response.headers.get('content-range'), other.bytes.equals(whole.bytes.subarray(half))],
    [206, `bytes ${half}-${length - 1}/${length}`, true], 'a browser that names the tag gets the rest of that very archive');
  const behind = await ask(path, { Range: `bytes=${length}-` });
  stage.same([behind.response.status, behind.response.headers.get('content-range')], [416, `bytes */${length}`],
    'behind its end there is nothing, and where that is, is said');
  const last = await ask(path, { Range: 'bytes=-1000' });
  stage.same([last.response.status, last.bytes.equals(whole.bytes.subarray(length - 1000))], [206, true], 'the last bytes come as they are asked for');

  /* wget and a browser go on by themselves */
  const wget = (url: string, into: string, of: string): Promise<{ status: number | null; text: string }> =>
    runProgram('wget', ['-q', '-c', '-t', '9', '--waitretry=0', '-O', into, '--header', `Cookie: ${desk.cookie}`, url + of]);
  const worse = await badLine(desk, Math.ceil(length / 4));
  const wgot = await wget(worse.url, `${region.directory}/wget.zip`, path);
  stage.same([wgot.status, readFileSync(`${region.directory}/wget.zip`).equals(whole.bytes)], [0, true], 'wget has it after four cuts, byte by byte');
  const visit = await stage.visit(region);
  const [name = '', value = ''] = desk.cookie.split('=');
  await visit.context.addCookies([{ name, value, url: worse.url }]);
  const [download] = await Promise.all([visit.page.waitForEvent('download'), visit.page.goto(worse.url + path).catch(() => undefined)]);
  stage.check(readFileSync(await download.path()).equals(whole.bytes), 'and so has a browser, which nobody asked to go on');
  worse.server.close();

  await desk.ask('DELETE', `/api/v1/openings/${opening}`);
  const sent = await until('the finish row', async () =>
    readAudit(region, 'centre').find((row) => row.phase === 'finish' && row.event === 'entry' && (row.bytes ?? 0) > length), 15);
  stage.check(sent.verdict === 'done' && (sent.bytes ?? 0) >= 2 * length + (length - half), 'the audit says how much went out in all', sent);
  const gone = await ask(path, { 'Range': `bytes=${half}-`, 'If-Range': tag });
  stage.same(gone.response.status, 404, 'what was closed goes on nowhere');

  /* the hospital writes one file anew, as long as it was; the DICOMDIR of another opening may be longer */
  const again = `/api/v1/openings/${(await open()).opening}/study.zip`;
  const before = await ask(again);
  const begun = ['curl', 'wget'].map((program) => `${region.directory}/${program}.begun`);
  for (const one of begun) writeFileSync(one, before.bytes.subarray(0, half));
  const changed = there?.files.at(-1) ?? '';
  const { atime, mtime, size } = statSync(changed);
  const handle = openSync(changed, 'r+');
  writeSync(handle, '!', size - 1);
  closeSync(handle);
  utimesSync(changed, atime, mtime);
  const anew = await ask(again, { 'Range': `bytes=${half}-`, 'If-Range': before.response.headers.get('etag') ?? '' });
  stage.same([anew.response.status, anew.bytes.length, anew.response.headers.get('etag') !== before.response.headers.get('etag')],
    [200, before.bytes.length, true], 'of an archive that is another one now, all comes anew');
  const refused = [await curl(desk.url, begun[0], again), await wget(desk.url, begun[1] ?? '', again)];
  stage.check(refused[0]?.status === CURL_NO_RANGE && refused[1]?.status !== 0, 'curl and wget do not go on with another one', refused);
  stage.same(begun.map((one) => readFileSync(one).equals(before.bytes.subarray(0, half))), [true, true], 'and leave what they had');
  stage.check(anew.bytes.includes(readFileSync(changed)) && !before.bytes.includes(readFileSync(changed)), 'with the file as it is now');
});
