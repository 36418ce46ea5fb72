// SPDX-License-Identifier: Apache-2.0
/* A picture that somebody marked: as it was on the screen, and what it is of. Marks live as long
 * as the viewer with its openings: what is kept of them is a note, or leaves by paper or file,
 * with a row. */
import type { Pane } from '../../viewer/pane.ts';
import type { Instance, Series } from '../../viewer/study.ts';
import { sayOf, windowNumber } from './PaneView.tsx';
import { t } from '../../i18n/t.ts';
import type { Slot } from './slot.ts';
import type { Opened } from './studies.ts';

export interface Picked {
  study: Opened;
  index: number;
  at: number;
  frame: number;
  series: Series;
  image: Instance;
  /** Where in the stack, and how it was windowed. */
  said: string;
  window: Pane['window'];
  view: Pane['view'];
  isInverted: boolean;
}
export interface Mark extends Picked {
  blob: Blob;
  comment?: string;
  /** It stands in a note. */
  isKept?: boolean;
}

export function markOf(study: Opened, pane: Pane | undefined): Picked | undefined {
  if (!pane?.image) return undefined;
  const { series, index, at, image, window, view, isInverted } = pane;
  const shades = window ? t('image.window', { width: windowNumber(window.width), center: windowNumber(window.center) }) : '';
  return { study, index, at, frame: pane.frames[at]?.frame ?? 0, series, image, window, view, isInverted, said: [sayOf(pane), shades].filter(Boolean).join('　') };
}

export const isOf = (a: Picked, b: Picked | undefined): boolean =>
  a.study === b?.study && a.index === b.index && a.at === b.at;

export const hasMark = (marks: Mark[], { study, pane }: Slot): boolean => marks.some((one) => isOf(one, markOf(study, pane)));
