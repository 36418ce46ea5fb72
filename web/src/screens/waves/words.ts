// SPDX-License-Identifier: Apache-2.0
const two = (n: number): string => String(n).padStart(2, '0');

/** 1:02:03 of what is longer than a minute, else 3.4 s as 0:03.4 */
export function elapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (h > 0) return `${h}:${two(m)}:${two(s)}`;
  return `${m}:${two(s)}.${Math.floor((Math.max(0, ms) % 1000) / 100)}`;
}
