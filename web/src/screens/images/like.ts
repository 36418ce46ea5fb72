// SPDX-License-Identifier: Apache-2.0
import { firstImage, type Series, type Study } from '../../viewer/study.ts';

/** Which series of a study most looks like one that is on the screen. */
export function likeOf(study: Study, wanted: Series | undefined): number {
  const find = (isLike: (one: Series) => boolean) => study.series.findIndex((one) => one.kind === 'image' && isLike(one));
  const same = find((one) => one.modality === wanted?.modality && one.description === wanted?.description);
  const kin = find((one) => one.modality === wanted?.modality && one.body_part === wanted?.body_part);
  return same >= 0 ? same : kin >= 0 ? kin : firstImage(study);
}
