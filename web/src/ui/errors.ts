// SPDX-License-Identifier: Apache-2.0
/* What is wrong with a form: words by the field's id. */
export type Errors = Record<string, string>;

/** What was found at the last press and is still wrong: mended fields leave the list at once. */
export function stillWrong(found: Errors, check: () => Errors): Errors {
  if (Object.keys(found).length === 0) return found;
  const now = check();
  return Object.fromEntries(Object.entries(now).filter(([name]) => name in found));
}
