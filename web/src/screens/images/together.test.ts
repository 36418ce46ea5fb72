// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Series, Study } from '../../viewer/study.ts';
import { likeOf } from './together.ts';

const series = (kind: string, modality: string, description: string, bodyPart: string) =>
  ({ kind, modality, description, body_part: bodyPart, instances: [] }) as unknown as Series;
const study = {
  series: [series('report', 'SR', '', ''), series('image', 'CT', 'chest', 'CHEST'), series('image', 'CT', 'abdomen', 'ABDOMEN')],
} as unknown as Study;

it('is the series of the same name, else of the same part, else the first with pictures', () => {
  expect(likeOf(study, series('image', 'CT', 'abdomen', 'CHEST'))).toBe(2);
  expect(likeOf(study, series('image', 'CT', 'delayed', 'ABDOMEN'))).toBe(2);
  expect(likeOf(study, series('image', 'MR', 'abdomen', 'ABDOMEN'))).toBe(1);
  expect(likeOf(study, undefined)).toBe(1);
});
