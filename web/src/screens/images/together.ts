// SPDX-License-Identifier: Apache-2.0
/* Panes beside each other: what comes into another one, how they go along, what cuts what. */
import { cutOf } from '../../viewer/cut.ts';
import { planeOf } from '../../viewer/geometry.ts';
import type { Lines } from '../../viewer/lines.ts';
import { firstImage, type Series, type Study } from '../../viewer/study.ts';
import type { Slot, Slots } from './slot.ts';
import type { Opened } from './studies.ts';

/** Which series of a study most looks like one that is on the screen. */
export function likeOf(study: Study, wanted: Series | undefined): number {
  const find = (isLike: (one: Series) => boolean) => study.series.findIndex((one) => one.kind === 'image' && isLike(one));
  const same = find((one) => one.modality === wanted?.modality && one.description === wanted?.description);
  const kin = find((one) => one.modality === wanted?.modality && one.body_part === wanted?.body_part);
  return same >= 0 ? same : kin >= 0 ? kin : firstImage(study);
}

interface Place {
  study: Opened;
  index: number;
}

/** The series with pictures that are not on the screen. */
export function unshown(studies: Opened[], shown: (Place | undefined)[]): Place[] {
  return studies
    .flatMap((study) => study.study.series.map((series, index) => ({ study, series, index })))
    .filter(
      ({ study, series, index }) =>
        series.kind === 'image' && series.instances[0]?.is_supported && !shown.some((one) => one?.study === study && one.index === index),
    );
}

const isSameSpace = (a: Slot, b: Slot): boolean => {
  const [one, other] = [a.pane?.series.frame_of_reference, b.pane?.series.frame_of_reference];
  return Boolean(one) && one === other;
};

/** The others go as far as the leader went: in mm where both say where they are. */
export function follow(slots: Slots, leader: Slot, steps: number): void {
  if (!leader.pane || steps === 0) return;
  for (const other of slots) {
    if (!other?.pane || other === leader) continue;
    const { depth } = leader.pane;
    if (depth !== null && isSameSpace(leader, other) && leader.pane.isParallelTo(other.pane)) other.pane.go(other.pane.nearest(depth));
    else if (depth !== null && leader.anchor !== null && other.anchor !== null && leader.pane.isParallelTo(other.pane)) {
      other.pane.go(other.pane.nearest(other.anchor + depth - leader.anchor));
    } else if (!isSameSpace(leader, other)) other.pane.go(other.pane.at + steps);
  }
}

/** The other panes' pictures as lines on this one. */
export function cutsOn(slots: Slots, at: number, active: number): Lines['cuts'] {
  const here = slots[at];
  const plane = here?.pane?.image && planeOf(here.pane.image);
  if (!here || !plane) return [];
  return slots.flatMap((other, index) => {
    const image = other && other !== here && isSameSpace(here, other) ? other.pane?.image : undefined;
    const cut = image && planeOf(image);
    const points = cut ? cutOf(cut, plane) : null;
    return points ? [{ points, isCurrent: index === active }] : [];
  });
}
