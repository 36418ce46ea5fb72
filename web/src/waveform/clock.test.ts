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
    expect(readLocal('2026-10-05T23:10')).toBe(Date.UTC(2026, 9, 5, 23, 10));
    expect(readLocal('2026-10-05T23:10:07')).toBe(Date.UTC(2026, 9, 5, 23, 10, 7));
    for (const wrong of ['', '23:10', '2026-10-05']) expect(readLocal(wrong), wrong).toBeUndefined();
    expect(readElapsed('13:30:05')).toBe(48_605_000);
    expect(readElapsed(' ７：０３ ')).toBe(423_000);
    for (const wrong of ['', '7', '1:60', '1:61:00', '-1:00']) expect(readElapsed(wrong), wrong).toBeUndefined();
  });
});
