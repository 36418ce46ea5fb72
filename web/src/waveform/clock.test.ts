// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { clockOf, dayAt, readElapsed, readLocal, timeAt } from './clock.ts';
import type { Recording } from './recording.ts';

const of = (start: string, start_ms = 0) => ({ start, group: 0, groups: [{ start_ms }] }) as unknown as Recording;

describe("a recorder's clock", () => {
  it('is the time on its paper, whatever zone the reader is in', () => {
    const clock = clockOf(of('2026-10-05T23:59:58.500', 2000)) ?? NaN;
    expect([dayAt(clock), timeAt(clock)]).toEqual(['2026-10-06', '00:00:00']);
    expect(clockOf(of('2026-10-05T09:30'))).toBe(Date.UTC(2026, 9, 5, 9, 30));
  });

  it('is not there when the file gives no time of day', () => {
    for (const start of ['', '2026-10-05', 'yesterday']) expect(clockOf(of(start)), start).toBeUndefined();
  });

  it('reads what a field gives, and nothing else', () => {
    const from = Date.UTC(2026, 9, 5, 9, 30, 0, 500);
    for (const text of ['2026-10-05T23:10', '2026/10/5 23:10', ' ２０２６／１０／０５　２３：１０：００ ']) {
      expect(readLocal(text, from), text).toBe(Date.UTC(2026, 9, 5, 23, 10));
    }
    expect(readLocal('2026-10-05T23:10:07', from)).toBe(Date.UTC(2026, 9, 5, 23, 10, 7));
    // without a day: the first such time of the recording, whose first second counts whole
    expect(readLocal('23:10', from)).toBe(Date.UTC(2026, 9, 5, 23, 10));
    expect(readLocal('9:30:00', from)).toBe(Date.UTC(2026, 9, 5, 9, 30));
    expect(readLocal('1:30', from)).toBe(Date.UTC(2026, 9, 6, 1, 30));
    for (const wrong of ['', '2026-10-05', '24:00', '9:60', '2026-02-30 10:00', '2026/13/01 10:00', 'yesterday 10:00']) {
      expect(readLocal(wrong, from), wrong).toBeUndefined();
    }
    expect(readElapsed('13:30:05')).toBe(48_605_000);
    expect(readElapsed(' ７：０３ ')).toBe(423_000);
    for (const wrong of ['', '7', '1:60', '1:61:00', '-1:00']) expect(readElapsed(wrong), wrong).toBeUndefined();
  });
});
