// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { studiesOf } from '../kit/archive.ts';
import { readAudit } from '../kit/audit.ts';
import { type Answer, type Desk, type EntryHead, type Study } from '../kit/desk.ts';
import { KAWABE, RINDO, SUZUKAKE, choose, isLinkedAt, numberAt, passwordOf } from '../kit/plan.ts';
import { Hand, goToCalendar, pictureIsDrawn } from '../kit/screen.ts';
import { story } from '../kit/story.ts';
import { until } from '../kit/wait.ts';

const IMAGE = 64;

async function picturesOf(desk: Desk, person: string, from: string, to: string): Promise<EntryHead[]> {
  const opened = await desk.openCalendar(person, from, to);
  const heads = await desk.list(opened.body.opening, 'image', from, to);
  await desk.ask('DELETE', `/api/v1/openings/${opened.body.opening}`);
  return heads.filter((head) => head.state === 'current' && (head.flags & IMAGE) !== 0);
}

async function bytesOf(desk: Desk, path: string, headers: Record<string, string> = {}): Promise<{ response: Response; bytes: Buffer }> {
  const response = await fetch(desk.url + path, { headers: { ...desk.headers('GET'), ...headers } });
  return { response, bytes: Buffer.from(await response.arrayBuffer()) };
}

await story('pictures of a hospital, seen by a clinic', async (stage) => {
  const region = await stage.region();
  const plan = region.plan;
  const root = `${region.directory}/images/${RINDO}`;
  const she = choose(plan, (person) => isLinkedAt(person, RINDO, KAWABE)
    && studiesOf(root, numberAt(person, RINDO)).some(({ files }) => files.length > 20));
  const there = studiesOf(root, numberAt(she, RINDO));
  const desk = await region.desk('kawabe');
  desk.hasStudies = true;
  const person = (await desk.find(numberAt(she, KAWABE)))?.id ?? '';
  const from = `${Number(plan.today.slice(0, 4)) - 2}${plan.today.slice(4)}`;

  const asked: string[] = []; // of which study, by opening
  const opened: { study: Answer<Study>; opening: string; entry: EntryHead }[] = [];
  await until('the studies are there', async () => {
    opened.length = 0;
    for (const entry of await picturesOf(desk, person, from, plan.today)) {
      const { body: { opening } } = await desk.openEntry(entry.id);
      const study = await desk.get<Study>(`/api/v1/openings/${opening}/study`);
      if (study.status === 200) asked.push(study.body.study_uid);
      if (study.status === 200) opened.push({ study, opening, entry });
      else await desk.ask('DELETE', `/api/v1/openings/${opening}`);
    }
    return there.every(({ uid }) => opened.some(({ study }) => study.body.study_uid === uid));
  }, 60);
  stage.check(true, 'each of the hospital\'s studies of hers is an entry that opens');

  // what a hospital keeps to itself is a department of the same name
  const scoped = choose(plan, (one) => isLinkedAt(one, RINDO, KAWABE) && studiesOf(root, numberAt(one, RINDO))
    .some(({ files }) => readFileSync(files[0] ?? '').includes('CS\x02\0ES', 0, 'latin1')));
  const scopedId = (await desk.find(numberAt(scoped, KAWABE)))?.id ?? '';
  const scopes = await until('the endoscopy', async () => {
    const heads = (await picturesOf(desk, scopedId, from, plan.today)).filter(({ title }) => title.startsWith('ES '));
    return heads.length > 0 ? heads : undefined;
  }, 60);
  const scope = await desk.openEntry(scopes[0]?.id ?? '');
  const seen = await desk.get<Study>(`/api/v1/openings/${scope.body.opening}/study`);
  stage.same([seen.status, seen.body.modalities], [200, ['ES']], 'an endoscopy of the hospital opens, too');

  const enhanced = opened.flatMap(({ study: one }) => one.body.series).flatMap(({ instances }) => instances).find(({ views }) => views);
  const places = enhanced?.frame_views?.map((which) => (enhanced.views?.[which]?.position ?? enhanced.position)?.[1]);
  stage.same([enhanced?.frames, places?.slice(0, 3), places?.length], [20, [-80, -72, -64], 20],
    'each frame of an object that holds many slices says where it lies');

  const large = opened.find(({ study }) => study.body.series.some((one) => one.kind === 'image' && one.instances.length > 10));
  if (!large) throw new Error('no study of many slices');
  const { opening, study } = large;
  const series = study.body.series.findIndex((one) => one.kind === 'image');
  const first = study.body.series[series]?.instances[0];
  const at = `/api/v1/openings/${opening}`;
  const preview = await bytesOf(desk, `${at}/frames/${series}/0/0?q=preview`);
  stage.same([preview.response.status, preview.response.headers.get('content-type'), preview.bytes.subarray(0, 2).toString('hex')],
    [200, 'image/jpeg', 'ffd8'], 'a frame comes as a picture');
  const raw = await bytesOf(desk, `${at}/frames/${series}/0/0?q=raw`);
  stage.same(raw.bytes.length, (first?.rows ?? 0) * (first?.columns ?? 0) * ((first?.bits_allocated ?? 0) / 8), 'and as its stored values');
  const file = await bytesOf(desk, `${at}/instances/${series}/0`);
  const original = there.flatMap(({ files }) => files).find((path) => readFileSync(path).equals(file.bytes));
  stage.check(original !== undefined, 'the file is the hospital\'s, byte by byte');
  const rest = await bytesOf(desk, `${at}/instances/${series}/0`, { Range: 'bytes=1000-' });
  stage.check(rest.response.status === 206 && rest.bytes.equals(file.bytes.subarray(1000)), 'a download that was cut goes on where it was');
  const zip = await bytesOf(desk, `${at}/study.zip`);
  stage.same([zip.response.status, zip.bytes.subarray(0, 2).toString()], [200, 'PK'], 'the whole study comes as one ZIP');
  /* files are stored in it as they are */
  const packed = zip.bytes.toString('latin1');
  const instances = study.body.series.reduce((sum, one) => sum + one.instances.length, 0);
  stage.same([packed.includes('DICOMDIR'), packed.match(/DICOM\\S\d{3}\\I\d{5}/g)?.length, packed.includes('DICOM/S001/I00001')],
    [true, instances, true], 'and its DICOMDIR names each of its files');
  const none = await bytesOf(desk, `${at}/frames/${series}/0/999?q=preview`);
  stage.same(none.response.status, 404, 'a frame that is not there is not there');

  const stranger = await region.desk(plan.staff.find((one) => one.posts.every((post) => post.facility === SUZUKAKE))?.login ?? '');
  stage.check((await bytesOf(stranger, `${at}/frames/${series}/0/0?q=preview`)).response.status === 404, 'the handle of another opens nothing');

  const uid = study.body.study_uid;
  const rows = readAudit(region, RINDO).filter((row) => row.event === 'study' && row.phase === 'decision' && row.object?.includes(uid));
  stage.same(rows.map((row) => row.verdict), asked.filter((one) => one === uid).map(() => 'permit'),
    'the hospital\'s audit has one decision for each opening of the study, whatever was asked of it');

  /* a modality's export: another study, one file of it */
  const other = uid.slice(0, -1) + ((Number(uid.slice(-1)) + 1) % 10);
  const copy = Buffer.from(readFileSync(original ?? '').toString('latin1').replaceAll(uid, other), 'latin1');
  const visit = await stage.visit(region);
  await visit.logIn('kawabe', passwordOf(plan, 'kawabe'));
  await goToCalendar(new Hand(visit.page), numberAt(she, KAWABE));
  const before = (await picturesOf(desk, person, from, plan.today)).map(({ id }) => id);
  mkdirSync(`${root}/NEW`);
  writeFileSync(`${root}/NEW/.part`, copy);
  renameSync(`${root}/NEW/.part`, `${root}/NEW/IM1`);
  const fresh = await until('the new study', async () =>
    (await picturesOf(desk, person, from, plan.today)).find((head) => !before.includes(head.id) && head.day === large.entry.day), 15);
  stage.check(fresh.id !== large.entry.id, 'a new study comes by itself');

  await visit.page.goto(`/p/${person}/images/${large.entry.id}`);
  await visit.page.getByText('参考画像（非診断用）').first().waitFor();
  await pictureIsDrawn(visit.page);
  stage.check(true, 'the picture is on the screen');
});
