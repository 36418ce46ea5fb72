// SPDX-License-Identifier: Apache-2.0
/* Recordings of an invented heart in the place of a hospital's: what the contract says about a
 * waveform's route, stretch by stretch. */
import type { Page, Route } from '@playwright/test';
import type { Study } from './imaging.ts';

const LEADS = ['I', 'II', 'III', 'aVR', 'aVL', 'aVF', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6'];
/** R waves of the leads, in mV; each second has one beat, its R at 300 ms. */
const R_MV = [0.6, 1, 0.4, -0.8, 0.15, 0.7, -1.1, -1.4, 0.6, 1.5, 1.3, 1];
export const BEAT_MS = 1000;
const R_AT_MS = 300;
const UV_PER_BIT = 5;

export interface Heart {
  leads: string[];
  rate_hz: number;
  duration_ms: number;
  start: string;
  kind: 'rhythm' | 'long_term';
  label: string;
}

export const TWELVE: Heart = {
  leads: LEADS, rate_hz: 1000, duration_ms: 10_000, start: '2026-10-05T10:20:30', kind: 'rhythm', label: '標準12誘導心電図',
};
export const DAY: Heart = {
  leads: ['CM5', 'NASA'], rate_hz: 125, duration_ms: 86_400_000, start: '2026-10-05T09:30:00', kind: 'long_term', label: '長時間心電図',
};

const bump = (ms: number, at: number, wide: number): number => Math.exp(-(((ms - at) / wide) ** 2));

/** In mV; R is as high as is said, to the microvolt. */
export function millivolts(lead: number, ms: number): number {
  const r = R_MV[lead % R_MV.length] ?? 1;
  const at = ms % BEAT_MS;
  const wave = 0.12 * bump(at, R_AT_MS - 160, 22) + 0.3 * bump(at, R_AT_MS + 250, 45);
  return r * bump(at, R_AT_MS, 9) + Math.sign(r) * (wave - 0.15 * bump(at, R_AT_MS + 28, 8)) * Math.abs(r) ** 0.5;
}
const stored = (lead: number, ms: number): number => Math.round((millivolts(lead, ms) * 1000) / UV_PER_BIT);

function answer(heart: Heart, query: URLSearchParams): Buffer {
  const { leads, rate_hz, duration_ms } = heart;
  const from_ms = Number(query.get('from_ms') ?? 0);
  const to_ms = Math.min(Number(query.get('to_ms') ?? 0) || duration_ms, duration_ms);
  const columns = Number(query.get('columns') ?? 0);
  const first = Math.floor((from_ms * rate_hz) / 1000);
  const span = Math.ceil((to_ms * rate_hz) / 1000) - first;
  const isPair = columns > 0 && span > columns * 2;
  const count = isPair ? columns : span;
  const head = {
    format: 1, start: heart.start, device: '架空電機 ECG-12', filter: 'HPF=0.05 LPF=150',
    groups: [{ kind: heart.kind, label: heart.label, start_ms: 0, duration_ms, leads: leads.length }],
    group: 0, from_ms, to_ms,
    leads: leads.map((lead) => ({
      lead, code: 0, unit: 'V', unit_per_bit: UV_PER_BIT / 1e6, offset: 0, rate_hz, filter: '', is_derived: false, is_supported: true,
      form: isPair ? 'extremes' : 'samples', first, span, count,
    })),
    annotations: heart.kind === 'long_term'
      ? [{ start_ms: 15_900_000, duration_ms: 1_800_000, text: '心室期外収縮（頻発）', code: 0, lead: '' }].filter(({ start_ms }) => isPair || (start_ms >= from_ms && start_ms < to_ms))
      : [],
    annotations_left_off: 0,
    values: [{ name: '心拍数', value: '60', unit: 'bpm', lead: '' }, { name: 'QRS時間', value: '92', unit: 'ms', lead: '' }],
    statements: [{ kind: 'interpretation', text: '洞調律。ＳＴ−Ｔ変化なし。' }],
  };
  let line = JSON.stringify(head);
  if (Buffer.byteLength(line) % 2 === 0) line += ' ';
  const values = new Int16Array(leads.length * count * (isPair ? 2 : 1));
  let at = 0;
  for (let lead = 0; lead < leads.length; lead += 1) {
    for (let i = 0; i < count; i += 1) {
      // a column of a day holds several beats
      if (isPair) {
        values[at++] = stored(lead, R_AT_MS + 28);
        values[at++] = stored(lead, R_AT_MS);
      } else values[at++] = stored(lead, ((first + i) * 1000) / rate_hz);
    }
  }
  return Buffer.concat([Buffer.from(`${line}\n`), Buffer.from(values.buffer)]);
}

const uid = (n: number) => `2.25.77${n}`;
export const waveStudy = (heart: Heart): Study => ({
  study_uid: uid(1), date: heart.start.slice(0, 10), time: heart.start.slice(11), description: heart.label, accession: '', facility: '',
  modalities: ['ECG'],
  series: [{
    number: 1, uid: uid(2), modality: 'ECG', description: heart.label, body_part: '', laterality: '', kind: 'waveform',
    instances: [{
      uid: uid(3), number: 1, frames: 1, rows: 0, columns: 0, bits_allocated: 16, bits_stored: 16, is_signed: true, samples: 1,
      photometric: '', syntax: 'MFER', is_supported: true, spacing: null, spacing_kind: 'none', aspect: null, position: null,
      orientation: null, slice_location: null, rescale: null, windows: [], voi_function: 'LINEAR', has_modality_lut: false,
      has_voi_lut: false, padding: null, lossy_ratio: null, frame_time_ms: null, has_overlay: false,
    }],
  }],
});

/** Which stretches were asked for, in ms; and what was opened so far runs out. */
export async function serveWaves(page: Page, heart: Heart): Promise<{ asked: URLSearchParams[]; expire: () => void }> {
  const asked: URLSearchParams[] = [];
  const opened = new Set<string>();
  const expired = new Set<string>();
  await page.route('**/api/v1/openings/*/waveforms/**', (route: Route) => {
    const url = new URL(route.request().url());
    const query = url.searchParams;
    const opening = /openings\/([0-9a-f]+)/.exec(url.pathname)?.[1] ?? '';
    opened.add(opening);
    if (expired.has(opening)) {
      return route.fulfill({ status: 404, contentType: 'application/problem+json', json: { type: 'about:blank', title: '', status: 404, code: 'not_found' } });
    }
    asked.push(query);
    return route.fulfill({ contentType: 'application/octet-stream', body: answer(heart, query) });
  });
  return { asked, expire: () => opened.forEach((one) => expired.add(one)) };
}
