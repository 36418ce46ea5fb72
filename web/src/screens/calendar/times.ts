// SPDX-License-Identifier: Apache-2.0

/** 2026-11-24T10:30 as 2026/11/24 10:30; anything else as it came. */
export function timeText(text: string): string {
  const match = /^(\d{4})-(\d{2})(?:-(\d{2})(?:T(\d{2})(?::?(\d{2}))?.*)?)?$/.exec(text);
  if (!match) return text;
  const [, year, month, day, hour, minute] = match;
  const date = [year, month, day].filter(Boolean).join('/');
  if (!hour) return date;
  return `${date} ${hour}:${minute ?? '00'}`;
}
