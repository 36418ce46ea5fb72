// SPDX-License-Identifier: Apache-2.0
/* Problem details (RFC 9457) as one error type. The words belong to the catalogue, by code. */
import { askFor, has, t } from '../i18n/t.ts';

export interface ProblemBody {
  type?: string;
  title?: string;
  status: number;
  code: string;
  retry_after_ms?: number;
  field?: string;
}

export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  readonly field: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** From the answer's Retry-After. */
  readonly againMs: number | undefined;
  readonly body: Record<string, unknown>;

  constructor(body: ProblemBody & Record<string, unknown>, againMs?: number) {
    super(body.code);
    this.name = 'Problem';
    this.code = body.code;
    this.status = body.status;
    this.field = body.field;
    this.retryAfterMs = body.retry_after_ms;
    this.againMs = againMs;
    this.body = body;
  }
}

/** Is it a refusal with one of these codes? */
export const isRefused = (problem: unknown, ...codes: string[]): boolean => problem instanceof Problem && codes.includes(problem.code);

/** What passes in a moment, mostly since too many ask, and nothing was done or written: after what time to ask again. */
export function crowdMs(problem: unknown): number | undefined {
  const isCrowd = problem instanceof Problem && /^((decoder|gateway|server|store)_busy|epoch_stale|memory_short)$/.test(problem.code);
  return isCrowd ? (problem.againMs ?? 1000) : undefined;
}

export interface ProblemWords {
  text: string;
  next: string;
}

/** What happened and what to do next; unknown codes keep their code, so that support can help. `writes`: something was
 * to be saved, not shown. */
export function wordsOf(problem: unknown, writes = false): ProblemWords {
  if (!(problem instanceof Problem)) {
    return { text: t('problem.unexpected.text'), next: t('problem.unexpected.next') };
  }
  askFor('problem');
  // what few meet has the words of its family: its code's first word
  const named = has(`problem.${problem.code}.text`) ? problem.code : problem.code.split('_')[0];
  const unsaved = `problem.${named}.unsaved`;
  const [text, next] = [writes && has(unsaved) ? unsaved : `problem.${named}.text`, `problem.${named}.next`];
  if (has(text) && has(next)) {
    const seconds = Math.ceil((problem.retryAfterMs ?? 0) / 1000);
    const isTimed = t(next).includes('{n}');
    return {
      text: t(text),
      next: isTimed && seconds === 0 ? t('problem.wait.next') : t(next, { n: seconds, code: problem.code }),
    };
  }
  if (problem.status >= 500) {
    return { text: t('problem.server.text'), next: t('problem.server.next', { code: problem.code }) };
  }
  return { text: t('problem.unknown.text'), next: t('problem.unknown.next', { code: problem.code }) };
}
