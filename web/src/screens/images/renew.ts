// SPDX-License-Identifier: Apache-2.0
/* What was on the screen in studies that were opened anew: a hospital may have added to them, or
 * taken a picture back meanwhile. */
import { framesOf, type Series } from '../../viewer/study.ts';
import type { Pane } from '../../viewer/pane.ts';
import type { Mark } from './mark.ts';
import { loaderOf } from './calls.ts';
import type { Slots } from './slot.ts';
import type { Opened } from './studies.ts';

interface Found {
  study: Opened;
  index: number;
  /** Picture by picture. */
  isSame: boolean;
}

const uidsOf = (series: Series): string => series.instances.map(({ uid, frames }) => `${uid} ${frames}`).join();

function sameIn(studies: Opened[], old: Opened, series: Series | undefined): Found | undefined {
  const study = studies.find(({ head }) => head.id === old.head.id);
  const index = study?.study.series.findIndex(({ uid }) => uid === series?.uid) ?? -1;
  const found = study?.study.series[index];
  return study && found && series && { study, index, isSame: uidsOf(found) === uidsOf(series) };
}

function markIn(studies: Opened[], mark: Mark): Mark | undefined {
  const found = sameIn(studies, mark.study, mark.series);
  const series = found?.study.study.series[found.index];
  const at = series ? framesOf(series).findIndex(({ instance, frame }) => series.instances[instance]?.uid === mark.image.uid && frame === mark.frame) : -1;
  return found && at >= 0 ? { ...mark, study: found.study, index: found.index, at } : undefined;
}

/** Slots show the same pictures under their new openings, marks are of them; lost is what is not
 * there any more. */
export function carry(
  studies: Opened[], slots: Slots, marks: Mark[], put: (at: number, study: Opened, index: number, to: number) => void,
): { kept: Mark[]; isLost: boolean } {
  const kept = marks.flatMap((mark) => markIn(studies, mark) ?? []);
  let isLost = kept.length < marks.length;
  slots.forEach((slot, at) => {
    if (!slot) return;
    const found = sameIn(studies, slot.study, slot.study.study.series[slot.index]);
    isLost ||= !found;
    if (found?.isSame && found.index === slot.index) {
      slot.study = found.study;
      slot.pane?.renew(found.study.opening, loaderOf(found.study.opening, found.study.study));
      return;
    }
    slot.pane?.close();
    delete slots[at];
    if (found) put(at, found.study, found.index, slot.pane?.at ?? 0);
  });
  return { kept, isLost };
}

/** Somebody came from a note's picture: it is shown as the author saw it, or said to be lost. */
export async function toNoted(
  first: Opened, put: (at: number, study: Opened, index: number, to: number) => Pane | undefined, setIsLost: (isLost: boolean) => void,
): Promise<void> {
  const { noted } = history.state ?? {};
  if (!noted) return;
  const { show } = await import('../note/look.ts');
  setIsLost(!show(noted, first.study, (index, to) => put(0, first, index, to)));
}
