// SPDX-License-Identifier: Apache-2.0
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadWords, t } from '../i18n/t.ts';
import { Problem, crowdMs, wordsOf } from './problem.ts';

/* What the centre can answer while pictures and contents are fetched: its own codes, and those of
 * gateways that it passes on. */
function codesOf(folder: string): string[] {
  const at = join(import.meta.dirname, '../../..', folder);
  const names = readdirSync(at).filter((name) => name.endsWith('.c') && !name.endsWith('_test.c'));
  const text = names.map((name) => readFileSync(join(at, name), 'utf8')).join('\n');
  const set = [...text.matchAll(/err_set\([^;]*?ERR_[A-Z]+,\s*"(\w+)"/g)].map(([, code = '']) => code);
  const passed = /image_reasons\[\] = \{([^;]*)\};/.exec(text)?.[1] ?? '';
  return [...new Set([...set, ...[...passed.matchAll(/"(\w+)"/g)].map(([, code = '']) => code)])];
}

const unknown = (code: string): boolean =>
  [400, 404, 409, 500].some((status) =>
    [t('problem.unknown.text'), t('problem.server.text')].includes(wordsOf(new Problem({ code, status })).text));

beforeAll(() => loadWords('problem'));

describe('words of what is refused', () => {
  it('are there for every code that a picture can meet', () => {
    const codes = [...codesOf('exchange/content'), ...codesOf('exchange/image')];
    for (const code of ['study_changed', 'frame_missing', 'frame_broken', 'decoder_busy', 'range_unsatisfiable', 'frame_invalid', 'gateway_busy']) {
      expect(codes).toContain(code);
    }
    expect(codes.filter(unknown)).toEqual([]);
  });
  it('are those of the code before those of its family, which name the code', () => {
    const own = wordsOf(new Problem({ code: 'frame_broken', status: 409 }));
    expect(own).toEqual({ text: t('problem.frame_broken.text'), next: t('problem.frame_broken.next') });
    const family = wordsOf(new Problem({ code: 'frame_no_jpeg', status: 502 }));
    expect(family.text).toBe(t('problem.frame.text'));
    expect(family.next).toContain('frame_no_jpeg');
    expect(unknown('never_heard_of')).toBe(true);
  });
});

describe('a crowd', () => {
  it('is asked again after the time that it says, or a second', () => {
    expect(crowdMs(new Problem({ code: 'gateway_busy', status: 503 }, 4000))).toBe(4000);
    expect(crowdMs(new Problem({ code: 'decoder_busy', status: 503 }))).toBe(1000);
  });
  it('is nothing that another try would not change, or that is asked for otherwise', () => {
    for (const code of ['syntax_unsupported', 'frame_broken', 'gateway_away', 'source_changed', 'busy']) {
      expect(crowdMs(new Problem({ code, status: 503 }, 1000))).toBeUndefined();
    }
    expect(crowdMs(new Error('server_busy'))).toBeUndefined();
  });
});
