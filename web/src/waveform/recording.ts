// SPDX-License-Identifier: Apache-2.0
/* A stretch of a recording as the server sends it: one line of JSON, then samples of 16 bits
 * (docs/specs/waveform.md). Framework-free. */

export const GAP = -32768;

export interface Group {
  kind: 'rhythm' | 'representative' | 'long_term';
  label: string;
  start_ms: number;
  duration_ms: number;
  leads: number;
}

interface LeadHead {
  lead: string;
  code: number;
  /** "" = the file names no scale: numbers as stored. */
  unit: string;
  unit_per_bit: number;
  offset: number;
  /** 0 = the file gives none: no time is claimed. */
  rate_hz: number;
  filter: string;
  is_derived: boolean;
  is_supported: boolean;
  /** `extremes`: smallest and largest of each column of span / count samples. */
  form: 'samples' | 'extremes';
  first: number;
  span: number;
  count: number;
}

export interface Lead extends LeadHead {
  values: Int16Array;
}

export interface Annotation {
  start_ms: number;
  duration_ms: number;
  text: string;
  code: number;
  lead: string;
}

interface Head {
  format: number;
  start: string;
  device: string;
  filter: string;
  groups: Group[];
  group: number;
  from_ms: number;
  to_ms: number;
  annotations: Annotation[];
  annotations_left_off: number;
  values: { name: string; value: string; unit: string; lead: string }[];
  statements: { kind: 'interpretation' | 'comment'; text: string }[];
}

export interface Recording extends Head {
  leads: Lead[];
}

export class BrokenRecording extends Error {}

const LINE_END = 10;

export function readRecording(buffer: ArrayBuffer): Recording {
  const bytes = new Uint8Array(buffer);
  const end = bytes.indexOf(LINE_END);
  if (end < 0 || end % 2 === 0) throw new BrokenRecording('line');
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))) as Head & { leads: LeadHead[] };
  if (head.format !== 1 || !Array.isArray(head.leads)) throw new BrokenRecording('format');
  let at = end + 1;
  const leads = head.leads.map((lead): Lead => {
    const words = lead.form === 'extremes' ? lead.count * 2 : lead.count;
    if (!(words >= 0) || at + words * 2 > buffer.byteLength) throw new BrokenRecording('short');
    const values = new Int16Array(buffer, at, words);
    at += words * 2;
    return { ...lead, values };
  });
  return { ...head, leads };
}

/** In mV where the unit is V, else in the unit; stored numbers as they are. */
export const factorOf = ({ unit, unit_per_bit }: LeadHead): number => (unit === 'V' ? unit_per_bit * 1000 : unit_per_bit);
export const valueOf = (lead: LeadHead, stored: number): number => (stored + lead.offset) * factorOf(lead);

/** When the sample is, in ms since the group's start; its number where no rate is known. */
export const timeOf = (lead: LeadHead, sample: number): number => (lead.rate_hz > 0 ? (sample * 1000) / lead.rate_hz : sample);
export const sampleAt = (lead: LeadHead, ms: number): number => (lead.rate_hz > 0 ? (ms * lead.rate_hz) / 1000 : ms);
