// SPDX-License-Identifier: Apache-2.0
/* What one of the places on the screen shows. */
import type { Pane } from '../../viewer/pane.ts';
import type { Opened } from './studies.ts';

export interface Slot {
  study: Opened;
  index: number;
  pane: Pane | undefined;
  /** Where it was when the panes were linked, mm. */
  anchor: number | null;
}
export type Slots = (Slot | undefined)[];
