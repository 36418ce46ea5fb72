// SPDX-License-Identifier: Apache-2.0
/* Studies of invented bodies in the place of a hospital's: what the contract says about a study's
 * routes, over the real program's pages and openings. */
import type { Page, Route } from '@playwright/test';
import type { components } from '../../src/api/schema.d.ts';
import { Darkroom, rawOf, type Body } from './phantom.ts';
import { expect, fetched, openCalendar, type Hand } from './test.ts';
import type { World } from './world.ts';

type Schemas = components['schemas'];
export type Study = Schemas['Study'];
type Series = Schemas['Series'];
type Instance = Schemas['Instance'];

const BARE: Instance = {
  uid: '', number: 1, frames: 1, rows: 0, columns: 0, bits_allocated: 16, bits_stored: 12, is_signed: false, samples: 1,
  photometric: 'MONOCHROME2', syntax: 'Explicit VR Little Endian', is_supported: true, spacing: null, spacing_kind: 'none', aspect: null,
  position: null, orientation: null, slice_location: null, rescale: null, windows: [], voi_function: 'LINEAR', has_modality_lut: false,
  has_voi_lut: false, padding: null, lossy_ratio: null, frame_time_ms: null, has_overlay: false,
};

let made = 0;
const uid = () => `2.25.${(made += 1)}`;
const bodies = new Map<string, Body>();

function series(body: Body | undefined, of: Partial<Series>, instances: Partial<Instance>[]): Series {
  const one: Series = {
    number: 1, uid: uid(), modality: 'CT', description: '', body_part: '', laterality: '', kind: 'image', ...of,
    instances: instances.map((instance, at) => ({ ...BARE, uid: uid(), number: at + 1, ...instance })),
  };
  if (body) bodies.set(one.uid, body);
  return one;
}

const SIZE = 256;
const SLICES = 40;
const CUTS = 12;
const AXIAL = [1, 0, 0, 0, 1, 0];
const CORONAL = [1, 0, 0, 0, 0, -1];
const ct: Partial<Instance> = {
  rows: SIZE, columns: SIZE, spacing: [1.4, 1.4], spacing_kind: 'pixel', rescale: { slope: 1, intercept: -1024, type: 'HU' },
  windows: [{ center: 40, width: 400, text: '' }],
};
const corner = (SIZE * 1.4) / -2;

const axial = (number: number, description: string) =>
  series('axial', { number, description, body_part: 'CHEST', frame_of_reference: '2.25.900' },
    Array.from({ length: SLICES }, (_, at) => ({ ...ct, position: [corner, corner, -140 + at * 7], orientation: AXIAL })));
const coronal = (number: number) =>
  series('coronal', { number, description: 'MPR 冠状断', body_part: 'CHEST', frame_of_reference: '2.25.900' },
    [{
      // one enhanced object: where a frame lies is said of each
      ...ct, frames: CUTS, position: [corner, -80, 180], orientation: CORONAL,
      views: Array.from({ length: CUTS }, (_, at) => (at === 0 ? {} : { position: [corner, -80 + at * 14, 180] })),
      frame_views: Array.from({ length: CUTS }, (_, at) => at),
    }]);

const study = (of: Partial<Study>, all: Series[]): Study => ({
  study_uid: uid(), date: '2026-10-05', time: '10:20:00', description: '胸部CT', accession: 'A1', facility: '', modalities: ['CT'], ...of, series: all,
});

export const STUDIES = {
  ct: () => study({}, [
    axial(2, '軸位断 5mm'), coronal(3),
    series(undefined, { number: 4, modality: 'SR', kind: 'report', description: '読影レポート' }, [{ rows: 0 }]),
    series(undefined, { number: 5, modality: 'DOC', kind: 'document', description: '検査説明書' }, [{ rows: 0 }]),
    series('axial', { number: 6, description: '薄層 HTJ2K' }, [{ ...ct, syntax: 'HTJ2K Lossless', is_supported: false }]),
  ]),
  old: () => study({ date: '2025-04-02', description: '胸部CT（前回）' }, [axial(2, '軸位断 5mm')]),
  chest: (columns = 1024, rows = 1250) => study({ description: '胸部X線', modalities: ['CR'] }, [
    series('chest', { modality: 'CR', description: '立位正面 P→A', body_part: 'CHEST', laterality: '' }, [{
      rows, columns, photometric: 'MONOCHROME1', spacing: [0.3, 0.3], spacing_kind: 'imager', windows: [{ center: 2048, width: 3600, text: '' }],
      patient_orientation: ['L', 'F'],
    }]),
  ]),
  echo: () => study({ description: '心エコー', modalities: ['US'] }, [
    series('echo', { modality: 'US', description: '四腔像' }, [{
      rows: 300, columns: 400, frames: 24, samples: 3, photometric: 'RGB', bits_allocated: 8, bits_stored: 8, frame_time_ms: 40, lossy_ratio: 18.4,
    }]),
  ]),
  scope: () => study({ description: '上部消化管内視鏡', modalities: ['ES'] }, [
    series('scope', { modality: 'ES', description: '胃体部' }, Array.from({ length: 6 }, () => ({
      rows: 480, columns: 640, samples: 3, photometric: 'RGB', bits_allocated: 8, bits_stored: 8, lossy_ratio: 12,
    }))),
  ]),
  none: () => study({ date: '', description: '' }, []),
};

export interface Imaging {
  /** Which frames were asked for, in order: "preview 0/12". */
  asked: string[];
  aborted: () => number;
  /** What a frame's request gets instead of the frame. */
  fail: (when: (asked: string) => boolean) => void;
  /** From now on what was opened so far has run out; what is opened anew has not. */
  expire: () => void;
}

const IMAGE = 64;

/** From now on entries of the image row have pictures: the first one opened is `first`, others `other`. */
export async function serveStudies(page: Page, first: Study, other: Study = first): Promise<Imaging> {
  const room = await Darkroom.beside(page);
  const asked: string[] = [];
  let fails: (asked: string) => boolean = () => false;
  const expired = new Set<string>();
  let aborted = 0;
  page.on('requestfailed', (request) => {
    if (request.url().includes('/frames/')) aborted += 1;
  });
  const opened = new Map<string, string>(); // opening, entry
  let firstEntry = '';
  const studyOf = (opening: string) => (opened.get(opening) === firstEntry ? first : other);

  const answer = async (route: Route, change: (body: never) => void) => {
    try {
      const response = await fetched(route);
      if (!response.ok()) return await route.fulfill({ response });
      const body = (await response.json()) as never;
      change(body);
      return await route.fulfill({ response, json: body });
    } catch {
      return route.abort().catch(() => undefined); // the page that asked has gone
    }
  };
  await page.route('**/api/v1/entries/*/openings', (route) =>
    answer(route, (body: { opening: string; entry: { id: string; row: string; flags: number } }) => {
      if (body.entry.row !== 'image') return;
      body.entry.flags |= IMAGE;
      firstEntry ||= body.entry.id;
      opened.set(body.opening, body.entry.id);
    }));
  await page.route('**/api/v1/openings/*/entries**', (route) =>
    answer(route, (body: { entries: { row: string; flags: number }[] }) => {
      for (const entry of body.entries) if (entry.row === 'image') entry.flags |= IMAGE;
    }));
  await page.route('**/api/v1/persons/*/calendar-openings', (route) =>
    answer(route, (body: { rows: string[]; marks: { row: number[]; flags: number[] } }) => {
      const image = body.rows.indexOf('image');
      body.marks.row.forEach((row, at) => {
        if (row === image) body.marks.flags[at] = (body.marks.flags[at] ?? 0) | IMAGE;
      });
    }));
  await page.route('**/api/v1/openings/*/study', (route) => {
    const opening = /openings\/([0-9a-f]+)/.exec(route.request().url())?.[1] ?? '';
    return route.fulfill({ json: studyOf(opening) });
  });
  await page.route('**/api/v1/openings/*/frames/**', async (route) => {
    const url = new URL(route.request().url());
    const [, opening = '', ...place] = /openings\/([0-9a-f]+)\/frames\/(\d+)\/(\d+)\/(\d+)/.exec(url.pathname) ?? [];
    const [at = 0, instance = 0, frame = 0] = place.map(Number);
    const quality = url.searchParams.get('q') ?? '';
    const size = Number(url.searchParams.get('size') ?? 1024);
    const name = `${size < 200 ? 'thumbnail' : quality} ${at}/${instance}/${frame}`;
    asked.push(name);
    if (fails(name)) {
      return route.fulfill({ status: 503, contentType: 'application/problem+json', json: { type: 'about:blank', title: '', status: 503, code: 'gateway_away' } });
    }
    if (expired.has(opening)) {
      return route.fulfill({ status: 404, contentType: 'application/problem+json', json: { type: 'about:blank', title: '', status: 404, code: 'not_found' } });
    }
    const of = studyOf(opening).series[at];
    const image = of?.instances[instance];
    if (!of || !image) return route.fulfill({ status: 404, json: {} });
    const body = bodies.get(of.uid) ?? 'grey';
    const count = of.instances.length * image.frames;
    const part = (instance * image.frames + frame) / count;
    const { columns, rows } = image;
    try {
      if (quality === 'raw') {
        return await route.fulfill({ contentType: 'application/octet-stream', body: rawOf(body, columns, rows, part), headers: { 'tsumugi-lossy': 'false' } });
      }
      const own = image.windows[0] ?? { center: 128, width: 256 };
      const [center = own.center, width = own.width] = url.searchParams.get('window')?.split(',').map(Number) ?? [];
      const stored = center - (image.rescale?.intercept ?? 0);
      const jpeg = await room.develop({ body, columns, rows, part, size, center: stored, width, isInverted: image.photometric === 'MONOCHROME1' });
      return await route.fulfill({ contentType: 'image/jpeg', body: jpeg, headers: { 'tsumugi-lossy': 'true' } });
    } catch {
      return undefined; // given up meanwhile
    }
  });
  await page.route('**/api/v1/openings/*/reports/**', (route) =>
    route.fulfill({
      json: {
        items: [
          { type: 'heading', level: '1', text: '読影レポート' }, { type: 'heading', level: '2', text: '所見' },
          { type: 'paragraph', text: '左肺下葉に径12mmの結節を認める。縦隔リンパ節の腫大はない。' },
          { type: 'heading', level: '2', text: '診断' }, { type: 'list_item', level: '1', text: '左肺下葉結節、3か月後の再検を勧める' },
        ],
      },
    }));
  await page.route('**/api/v1/openings/*/documents/**', (route) =>
    route.fulfill({ contentType: 'application/octet-stream', body: PDF }));
  return { asked, aborted: () => aborted, fail: (when) => (fails = when), expire: () => [...opened.keys()].forEach((one) => expired.add(one)) };
}

const PDF = [
  '%PDF-1.4', '1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj', '2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj',
  '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]>>endobj', 'trailer<</Root 1 0 R>>', '%%EOF', '',
].join('\n');

/** From home to the images of an entry of the image row, by way of the calendar and its panel. */
export async function openImages(page: Page, hand: Hand, world: World): Promise<void> {
  await openCalendar(page, hand, world.linked.number);
  await expect(page.locator('.m, .bar').first()).toBeVisible();
  await page.getByRole('button', { name: '一覧表示' }).click();
  await page.locator('.row-chips button', { hasText: '画像' }).click();
  await page.locator('.title-button').first().click();
  await page.getByRole('link', { name: '画像を見る' }).click();
  await expect(page.locator('.v-head')).toBeVisible();
}
