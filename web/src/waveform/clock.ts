// SPDX-License-Identifier: Apache-2.0
/* The clock of whoever recorded: local time without a zone, as the file says it. */
import type { Recording } from './recording.ts';

const START = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?/;
const two = (n: number): string => String(n).padStart(2, '0');

/** Of the group's first sample; undefined where the file gives no time of day. */
export function clockOf(recording: Recording): number | undefined {
  const found = START.exec(recording.start);
  if (!found) return undefined;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = found.slice(1, 7).map((one) => Number(one ?? 0));
  const thousandths = Number((found[7] ?? '').padEnd(3, '0') || 0);
  return Date.UTC(year, month - 1, day, hour, minute, second) + thousandths + (recording.groups[recording.group]?.start_ms ?? 0);
}

/** 2026-11-27 of such a time. */
export const dayAt = (clock: number): string => new Date(clock).toISOString().slice(0, 10);
/** 10:15:03, to the second before. */
export function timeAt(clock: number): string {
  const at = new Date(clock);
  return [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()].map(two).join(':');
}
