// SPDX-License-Identifier: Apache-2.0
import { jaMore } from './ja.more.ts';
import { ja } from './ja.ts';
import type { Catalogue } from './t.ts';
export const en: Catalogue = { ...ja, ...jaMore };
