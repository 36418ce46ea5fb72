// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { BrokenRecording, readRecording, sampleAt, timeOf, valueOf } from './recording.ts';

export function answer(head: object, words: number[]): ArrayBuffer {
  let line = JSON.stringify({
    format: 1, start: '', device: '', filter: '', groups: [], group: 0, from_ms: 0, to_ms: 0, annotations: [],
    annotations_left_off: 0, values: [], statements: [], ...head,
  });
  if (new TextEncoder().encode(line).length % 2 === 0) line += ' ';
  const start = new TextEncoder().encode(`${line}\n`);
  const bytes = new Uint8Array(start.length + words.length * 2);
  bytes.set(start);
  words.forEach((word, at) => new DataView(bytes.buffer).setInt16(start.length + at * 2, word, true));
  return bytes.buffer;
}

const lead = (more: object) => ({
  lead: 'I', code: 1, unit: 'V', unit_per_bit: 5e-6, offset: 0, rate_hz: 500, filter: '', is_derived: false,
  is_supported: true, form: 'samples', first: 0, span: 2, count: 2, ...more,
});

describe('an answer of the server', () => {
  it('is one line and the samples of each lead', () => {
    const pairs = lead({ lead: '紬', form: 'extremes', span: 100, count: 1 });
    const { leads } = readRecording(answer({ leads: [lead({}), pairs] }, [1, -32768, -5, 7]));
    expect([...(leads[0]?.values ?? [])]).toEqual([1, -32768]);
    expect([...(leads[1]?.values ?? [])]).toEqual([-5, 7]);
    expect(leads[1]?.lead).toBe('紬');
  });

  it('is refused when samples are missing, and when it is something else', () => {
    expect(() => readRecording(answer({ leads: [lead({ count: 3 })] }, [1, 2]))).toThrow(BrokenRecording);
    expect(() => readRecording(answer({ leads: [lead({ count: -1 })] }, [1, 2]))).toThrow(BrokenRecording);
    expect(() => readRecording(answer({ format: 2, leads: [] }, []))).toThrow(BrokenRecording);
    expect(() => readRecording(new TextEncoder().encode('no line').buffer as ArrayBuffer)).toThrow(BrokenRecording);
  });

  it('has values in mV, and times where there is a rate', () => {
    const [volts, plain] = readRecording(answer({
      leads: [lead({ offset: -100, count: 1 }), lead({ unit: '', unit_per_bit: 1, rate_hz: 0, count: 1 })],
    }, [300, 7])).leads;
    expect(volts && valueOf(volts, 300)).toBeCloseTo(1);
    expect(volts && timeOf(volts, 250)).toBe(500);
    expect(volts && sampleAt(volts, 500)).toBe(250);
    expect(plain && valueOf(plain, 7)).toBe(7);
    expect(plain && timeOf(plain, 7)).toBe(7);
  });
});
