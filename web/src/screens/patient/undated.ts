// SPDX-License-Identifier: Apache-2.0
/* What the calendar knows of a person beside the grid: the banner shows it. */
import { signal } from '@preact/signals';
import type { Kind } from '../../api/client.ts';

export interface Undated {
  entry: string;
  kind: Kind;
  facility: string;
  title: string;
}
/** What the calendar knows beside the grid: null until it was opened. */
export const undated = signal<Undated[] | null>(null);
/** An undated entry that the banner asks to open. */
export const asksToOpen = signal<Undated | null>(null);
