// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readAudit } from '../kit/audit.ts';
import { type Desk } from '../kit/desk.ts';
import { KAWABE, RINDO, choose, isLinkedAt, numberAt, recordAt } from '../kit/plan.ts';
import { story } from '../kit/story.ts';
import { until } from '../kit/wait.ts';

const PEER = new URL('../../../tools/dicomweb_peer.py', import.meta.url).pathname;

type Attribute = { vr: string; Value?: (string | number)[] };
type Found = Record<string, Attribute>;
interface Got { status: number; type: string; bytes: Buffer; warning: string }

const CT_IMAGE = '1.2.840.10008.5.1.4.1.1.2';
const STUDY = '0020000D';
const SERIES = '0020000E';
const INSTANCE = '00080018';

const value = (found: Found | undefined, tag: string): string => String(found?.[tag]?.Value?.[0] ?? '');

/** UIDs of the studies in which the hospital's files name one number early, and how many do. */
function studiesOf(root: string, number: string): Map<string, number> {
  const studies = new Map<string, number>();
  for (const name of readdirSync(root, { recursive: true }) as string[]) {
    const path = `${root}/${name}`;
    if (!statSync(path).isFile()) continue;
    const bytes = readFileSync(path);
    const text = bytes.toString('latin1');
    if (!text.slice(0, 4096).includes(number)) continue;
    const uid = /\x20\x00\x0d\x00UI..([0-9.]+)/s.exec(text)?.[1] ?? /\x20\x00\x0d\x00....(2\.25\.[0-9.]+)/s.exec(text)?.[1];
    if (uid) studies.set(uid, (studies.get(uid) ?? 0) + 1);
  }
  return studies;
}

const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function filesOf(root: string): Set<string> {
  const paths = (readdirSync(root, { recursive: true }) as string[]).map((name) => `${root}/${name}`);
  return new Set(paths.filter((path) => statSync(path).isFile()).map((path) => hashOf(readFileSync(path))));
}

async function get(desk: Desk, path: string, accept?: string): Promise<Got> {
  const response = await fetch(desk.url + path, { headers: { ...desk.headers('GET'), ...(accept ? { Accept: accept } : {}) } });
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    warning: response.headers.get('warning') ?? '',
    bytes: Buffer.from(await response.arrayBuffer()),
  };
}

async function search(desk: Desk, path: string): Promise<Found[]> {
  const { status, bytes } = await get(desk, path, 'application/dicom+json');
  return status === 200 ? JSON.parse(bytes.toString()) as Found[] : [];
}

/** The parts of a multipart body, as bytes. */
function partsOf({ type, bytes }: Got): Buffer[] {
  const boundary = /boundary=([0-9a-f]+)$/.exec(type)?.[1] ?? '';
  const pieces = bytes.toString('latin1').split(`--${boundary}`);
  if (pieces[0] !== '' || pieces.at(-1) !== '--\r\n') return [];
  return pieces.slice(1, -1).map((piece) => Buffer.from(piece.slice(piece.indexOf('\r\n\r\n') + 4, -2), 'latin1'));
}

await story('a hospital\'s studies, read by a program', async (stage) => {
  const region = await stage.region();
  const plan = region.plan;
  const root = `${region.directory}/images/${RINDO}`;
  const she = choose(plan, (person) => isLinkedAt(person, RINDO, KAWABE)
    && [...studiesOf(root, numberAt(person, RINDO)).values()].some((count) => count > 20));
  const there = studiesOf(root, numberAt(she, RINDO));
  const desk = await region.desk('kawabe');
  const person = (await desk.find(numberAt(she, KAWABE)))?.id ?? '';
  const base = `/dicom-web/persons/${person}/studies`;

  let found: Found[] = [];
  await until('the studies are there', async () => {
    found = await search(desk, `${base}?limit=50`);
    return [...there.keys()].every((uid) => found.some((one) => value(one, STUDY) === uid));
  }, 60);
  stage.check(true, 'a search finds each of the hospital\'s studies of hers, also those that an order shows');
  stage.same(new Set(found.map((one) => value(one, STUDY))).size, found.length, 'and each once');

  const uid = [...there].find(([, count]) => count > 20)?.[0] ?? '';
  const one = await search(desk, `${base}?StudyInstanceUID=${uid}`);
  stage.same([one.length, value(one[0], STUDY)], [1, uid], 'a study is found by its UID');
  const series = (await search(desk, `${base}/${uid}/series?Modality=CT`))[0];
  const at = `${base}/${uid}/series/${value(series, SERIES)}`;
  const instances = await search(desk, `${at}/instances`);
  stage.same([instances.length, value(instances[0], '00080016')], [Number(value(series, '00201209')), CT_IMAGE], 'its instances are listed');

  const all = await get(desk, `${base}/${uid}`, 'multipart/related; type="application/dicom"');
  const bodies = partsOf(all);
  stage.same([all.status, all.type.split(';')[0], bodies.length], [200, 'multipart/related', Number(value(one[0], '00201208'))],
    'the whole study comes in parts, as many as the search has said');
  const files = filesOf(root);
  stage.same([bodies.every((body) => files.has(hashOf(body))), new Set(bodies.map(hashOf)).size], [true, bodies.length],
    'each is a file of the hospital\'s, byte by byte');

  const first = `${at}/instances/${value(instances[0], INSTANCE)}`;
  const frames = await get(desk, `${first}/frames/1`);
  stage.same(partsOf(frames)[0]?.length, Number(value(instances[0], '00280010')) * Number(value(instances[0], '00280011')) * 2, 'a frame comes as its values');
  const plain = await get(desk, `${first}/frames/1`, 'application/octet-stream');
  stage.check(plain.type === 'application/octet-stream' && plain.bytes.equals(partsOf(frames)[0] ?? Buffer.of()), 'alone without parts, too');
  for (const picture of [`${first}/rendered`, `${first}/frames/1/rendered?window=40,400`, `${first}/thumbnail`, `${at}/thumbnail`, `${base}/${uid}/thumbnail`]) {
    const { status, type, bytes } = await get(desk, picture, 'image/jpeg');
    stage.same([status, type, bytes.subarray(0, 3).toString('hex')], [200, 'image/jpeg', 'ffd8ff'], `${picture.slice(at.length).replace(/[0-9.]{6,}/, 'UID') || 'the study\'s thumbnail'} is a picture`);
  }

  const list = partsOf(await get(desk, `${first}/frames/1,1,1`));
  stage.same([list.length, list.every((part) => part.equals(plain.bytes))], [3, true], 'frames of a list come as parts of one answer');
  const metadata = await get(desk, `${at}/metadata`, 'application/dicom+json');
  stage.same([metadata.status, metadata.type], [200, 'application/dicom+json'], 'the metadata come as JSON');
  const folder = `${region.directory}/dicomweb`;
  mkdirSync(folder);
  const whole = await get(desk, at);
  for (const [name, got] of [['files', whole], ['frames', frames]] as const) {
    writeFileSync(`${folder}/${name}`, got.bytes);
    writeFileSync(`${folder}/${name}.type`, got.type);
  }
  writeFileSync(`${folder}/metadata.json`, metadata.bytes);
  writeFileSync(`${folder}/search.json`, JSON.stringify(instances));
  const peer = spawnSync('/usr/bin/python3', [PEER, folder], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  if (peer.stdout.trim() === 'skip') stage.note('pydicom is not installed: it has not read the answers');
  else stage.same([peer.status, peer.stdout.split('\n').slice(0, 5).join('; '), peer.stderr], [0, '', ''], 'pydicom reads all of it, and both say the same');

  const he = choose(plan, (each) => recordAt(each, RINDO) !== undefined && !recordAt(each, KAWABE));
  const hospital = await region.desk(plan.staff.find((each) => each.posts.every(({ facility }) => facility === RINDO))?.login ?? '');
  const other = (await hospital.find(numberAt(he, RINDO)))?.id ?? '';
  const theirs = `/dicom-web/persons/${other}/studies`;
  const refused = await Promise.all([theirs, `${theirs}/${uid}`, first.replace(person, other)].map((path) => get(desk, path)));
  stage.same([other.length, ...refused.map(({ status }) => status)], [32, 404, 404, 404], 'of whom the clinic has no number it gets nothing');
  const rows = readAudit(region, RINDO).filter((row) => row.event === 'study' && row.phase === 'decision' && row.object?.includes(uid));
  stage.same(rows.map((row) => row.verdict), ['permit'], 'the hospital\'s audit has one decision for all that was asked of the study');
});
