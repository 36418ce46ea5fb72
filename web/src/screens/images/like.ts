// SPDX-License-Identifier: Apache-2.0
/* What comes on the screen next when another pane is there for it. */
import { firstImage, type Series, type Study } from '../../viewer/study.ts';
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
