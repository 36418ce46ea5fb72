// SPDX-License-Identifier: Apache-2.0
/* The clock of whoever recorded: local time without a zone, as the file says it. */
import type { Recording } from './recording.ts';

const START = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?/;
const DAY_MS = 86_400_000;
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

const LOCAL = /^(?:(\d{4})[-/](\d\d?)[-/](\d\d?)[T ]+)?(\d\d?):(\d\d)(?::(\d\d)(?:\.\d+)?)?$/;
/** 2026/10/05 9:30:00, also in wide digits; seconds may be left out. Without a day it is the first
 * such time since `from`, the recording's start. */
export function readLocal(text: string, from: number): number | undefined {
  const found = LOCAL.exec(text.normalize('NFKC').trim());
  if (!found) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found.slice(1).map((one) => Number(one ?? 0));
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const midnight = found[1] === undefined ? Math.floor(from / DAY_MS) * DAY_MS : Date.UTC(year, month - 1, day);
  if (found[1] !== undefined && new Date(midnight).getUTCMonth() !== month - 1) return undefined;
  const at = midnight + (hour * 3600 + minute * 60 + second) * 1000;
  return found[1] === undefined && at <= from - 1000 ? at + DAY_MS : at;
}

/** 1:02:03 or 2:03, also in wide digits, since the recording's start. */
export function readElapsed(text: string): number | undefined {
  const found = /^(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})$/.exec(text.normalize('NFKC').trim());
  if (!found || Number(found[3]) > 59 || (found[1] !== undefined && Number(found[2]) > 59)) return undefined;
  return (Number(found[1] ?? 0) * 3600 + Number(found[2]) * 60 + Number(found[3])) * 1000;
}
