// SPDX-License-Identifier: Apache-2.0
/* What a registration must look like before it is sent; messages are keys of the catalogue. */
import * as v from 'valibot';
import { t, type Key } from '../../i18n/t.ts';
import type { Errors } from '../../ui/Form.tsx';

const KATAKANA = /^[\u30A0-\u30FF\u3000 ]+$/;
const PHONE = /^[0-9+\-() ]*$/;
const NUMBER = /^[0-9A-Za-z-]{1,15}$/;

const trimmed = v.pipe(v.string(), v.transform((text) => text.trim().replaceAll('\u3000', ' ')));
const key = (name: Key): Key => name;

export const personal = v.object({
  name: v.pipe(
    trimmed,
    v.nonEmpty(key('form.name.missing')),
    v.maxLength(128),
    v.regex(/\S\s+\S/, key('form.name.space')),
  ),
  kana: v.pipe(
    trimmed,
    v.nonEmpty(key('form.kana.missing')),
    v.maxLength(128),
    v.transform((text) => text.normalize('NFKC')),
    v.regex(KATAKANA, key('form.kana.bad')),
    v.regex(/\S\s+\S/, key('form.kana.space')),
  ),
  sex: v.picklist(['M', 'F', 'O', 'U'], key('form.sex.missing')),
  phone: v.pipe(trimmed, v.transform((text) => text.normalize('NFKC')), v.regex(PHONE, key('form.phone.bad'))),
});

export const number = v.pipe(
  trimmed,
  v.transform((text) => text.normalize('NFKC')),
  v.nonEmpty(key('form.number.missing')),
  v.regex(NUMBER, key('form.number.bad')),
);

export function isKey(text: string): text is Key {
  return /^form\./.test(text);
}

/** The output, or the errors by field with `prefix` before their names. */
export function check<T extends v.GenericSchema>(
  schema: T,
  input: unknown,
  prefix: string,
): { output: v.InferOutput<T>; errors: Errors } | { output: undefined; errors: Errors } {
  const result = v.safeParse(schema, input);
  if (result.success) return { output: result.output, errors: {} };
  const errors: Errors = {};
  for (const issue of result.issues) {
    const name = `${prefix}${issue.path?.map((item) => String(item.key)).join('-') ?? ''}`;
    errors[name] ??= isKey(issue.message) ? t(issue.message) : issue.message;
  }
  return { output: undefined, errors };
}
