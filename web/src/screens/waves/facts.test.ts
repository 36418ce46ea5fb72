// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Recording } from '../../waveform/recording.ts';
import { valuesOf } from './facts.ts';

it('has one word for a unit that devices write in two ways', () => {
  const value = (name: string, unit: string, lead = '') => ({ name, value: '92', unit, lead });
  const recording = { values: [value('QRS', 'msec'), value('QT', 'ms', 'V5'), value('心拍数', 'bpm'), value('軸', '')] } as unknown as Recording;
  expect(valuesOf(recording)).toEqual([['QRS', '92 ms'], ['QT V5', '92 ms'], ['心拍数', '92 bpm'], ['軸', '92']]);
});
