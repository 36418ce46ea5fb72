// SPDX-License-Identifier: Apache-2.0
/* Where the picture of another pane cuts this one: pictures as planes of the patient's space. */
import { areParallel, dot, plus, type Plane, type Point } from './geometry.ts';

/** Where another picture cuts this one, in this one's points; null where it does not. */
export function cutOf(other: Plane, here: Plane): [Point, Point] | null {
  if (areParallel(other, here)) return null;
  const corners = [[0, 0], [other.columns, 0], [other.columns, other.rows], [0, other.rows]].map(
    ([column = 0, row = 0]) => plus(plus(other.origin, other.across, column), other.down, row),
  );
  const heights = corners.map((corner) => dot(plus(corner, here.origin, -1), here.normal));
  const found: Point[] = [];
  corners.forEach((corner, at) => {
    const next = (at + 1) % 4;
    const [from = 0, to = 0] = [heights[at], heights[next]];
    if (from !== 0 && from * to >= 0) return; // a corner counts once, as where its edge begins
    const meets = from === 0 ? corner : plus(corner, plus(corners[next] ?? corner, corner, -1), from / (from - to));
    const offset = plus(meets, here.origin, -1);
    found.push([dot(offset, here.across) / dot(here.across, here.across), dot(offset, here.down) / dot(here.down, here.down)]);
  });
  const [first, second] = found;
  return first && second ? [first, second] : null;
}
