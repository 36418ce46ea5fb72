// SPDX-License-Identifier: Apache-2.0
/* Waiting for conditions, never for time. */

export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** The first answer that is neither undefined nor false; an error after `seconds`. */
export async function until<T>(
  what: string, ask: () => Promise<T | undefined | false> | T | undefined | false, seconds = 60, everyMs = 100,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`${seconds} s without: ${what}`);
    await pause(everyMs);
  }
}
