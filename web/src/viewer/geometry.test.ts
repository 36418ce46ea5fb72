// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  FIT, depthOf, edgesOf, matrixOf, planeOf, toImage, toScreen, unitOf, zoomAt, type Plane, type Point, type View,
} from './geometry.ts';
import { cutOf } from './cut.ts';
import { angleOf, lengthOf } from './lines.ts';
import { frameOf, type Instance } from './study.ts';

const of = (change: Partial<Instance>): Instance =>
  ({
    frames: 1, rows: 100, columns: 200, spacing: null, spacing_kind: 'none', aspect: null, position: null, orientation: null,
    slice_location: null, ...change,
  }) as Instance;
const box = { width: 400, height: 400 };
const near = (point: Point | undefined, [x, y]: Point) => {
  expect(point?.[0]).toBeCloseTo(x, 6);
  expect(point?.[1]).toBeCloseTo(y, 6);
};

describe('matrixOf', () => {
  it('fits the picture into the middle', () => {
    const matrix = matrixOf(FIT, of({}), box);
    near(toScreen(matrix, [0, 0]), [0, 100]);
    near(toScreen(matrix, [200, 100]), [400, 300]);
  });
  it('shows pixels that are twice as high as wide so', () => {
    const matrix = matrixOf(FIT, of({ spacing: [2, 1] }), box);
    near(toScreen(matrix, [200, 100]), [400, 400]);
    near(toScreen(matrixOf(FIT, of({ aspect: [2, 1] }), box), [200, 100]), [400, 400]);
  });
  it('turns clockwise, after the flip', () => {
    near(toScreen(matrixOf({ ...FIT, quarter: 1 }, of({}), box), [0, 0]), [300, 0]);
    near(toScreen(matrixOf({ ...FIT, isFlipped: true }, of({}), box), [0, 0]), [400, 100]);
    near(toScreen(matrixOf({ ...FIT, quarter: 1, isFlipped: true }, of({}), box), [0, 0]), [300, 400]);
  });
  it('finds its way back, however it is looked at', () => {
    for (const quarter of [0, 1, 2, 3]) {
      for (const isFlipped of [false, true]) {
        const view: View = { zoom: 2.3, x: 17, y: -40, quarter, isFlipped };
        const matrix = matrixOf(view, of({ spacing: [0.7, 0.4] }), box);
        near(toImage(matrix, toScreen(matrix, [31, 77])), [31, 77]);
      }
    }
  });
  it('keeps what lies under a finger there while zooming', () => {
    const view = zoomAt({ ...FIT, x: 5, y: 9 }, box, 3, [120, 330]);
    const before = toImage(matrixOf({ ...FIT, x: 5, y: 9 }, of({}), box), [120, 330]);
    near(toScreen(matrixOf(view, of({}), box), before), [120, 330]);
    expect(zoomAt(FIT, box, 1e9, [0, 0]).zoom).toBe(40);
  });
});

describe('edgesOf', () => {
  const axial = { orientation: [1, 0, 0, 0, 1, 0] };
  const coronal = { orientation: [1, 0, 0, 0, 0, -1] };
  it('says what lies beyond each edge', () => {
    expect(edgesOf(axial, FIT)).toEqual({ top: 'A', right: 'L', bottom: 'P', left: 'R' });
    expect(edgesOf(coronal, FIT)).toEqual({ top: 'H', right: 'L', bottom: 'F', left: 'R' });
  });
  it('turns and flips with the picture', () => {
    expect(edgesOf(axial, { ...FIT, quarter: 1 })).toEqual({ top: 'R', right: 'A', bottom: 'L', left: 'P' });
    expect(edgesOf(axial, { ...FIT, isFlipped: true })).toEqual({ top: 'A', right: 'R', bottom: 'P', left: 'L' });
    expect(edgesOf(axial, { ...FIT, quarter: 1, isFlipped: true })).toEqual({ top: 'L', right: 'A', bottom: 'R', left: 'P' });
  });
  it('names both directions of an oblique one, the greater first', () => {
    const [c, s] = [Math.cos(0.6), Math.sin(0.6)];
    expect(edgesOf({ orientation: [c, s, 0, -s, c, 0] }, FIT)).toEqual({ top: 'AL', right: 'LP', bottom: 'PR', left: 'RA' });
  });
  it('takes a projection by its own letters, and says nothing where nobody does', () => {
    expect(edgesOf({ orientation: null, patient_orientation: ['L', 'F'] }, FIT)).toEqual({ top: 'H', right: 'L', bottom: 'F', left: 'R' });
    expect(edgesOf({ orientation: null, patient_orientation: null }, FIT)).toBeNull();
  });
});

describe('measures', () => {
  it('are in mm by the spacing, rows and columns apart', () => {
    const image = of({ spacing: [0.5, 2], spacing_kind: 'pixel' });
    expect(lengthOf(image, [10, 10], [13, 10])).toBeCloseTo(6);
    expect(lengthOf(image, [10, 10], [10, 14])).toBeCloseTo(2);
    expect(lengthOf(image, [0, 0], [3, 16])).toBeCloseTo(10);
  });
  it('say what the length is of, or that there is none', () => {
    expect(unitOf(of({ spacing: [1, 1], spacing_kind: 'pixel' }))).toBe('mm');
    expect(unitOf(of({ spacing: [1, 1], spacing_kind: 'imager' }))).toBe('detector');
    expect(unitOf(of({ aspect: [2, 1] }))).toBe('none');
    expect(unitOf(of({ spacing: [1, 1], spacing_kind: 'none' }))).toBe('none');
  });
  it('are angles of the true shape', () => {
    expect(angleOf(of({}), [10, 0], [0, 0], [0, 10])).toBeCloseTo(90);
    expect(angleOf(of({}), [10, 0], [0, 0], [-10, 0])).toBeCloseTo(180);
    expect(angleOf(of({ spacing: [2, 1] }), [10, 0], [0, 0], [10, 5])).toBeCloseTo(45);
  });
});

describe('cutOf', () => {
  const plane = (image: Instance): Plane => planeOf(image) as Plane;
  const axial = (z: number) =>
    of({ rows: 100, columns: 100, spacing: [2, 2], position: [-99, -99, z], orientation: [1, 0, 0, 0, 1, 0] });
  const coronal = of({ rows: 200, columns: 100, spacing: [1, 2], position: [-99, 0, 99.5], orientation: [1, 0, 0, 0, 0, -1] });
  it('is where an axial slice crosses a coronal one', () => {
    const cut = cutOf(plane(axial(50)), plane(coronal));
    const [left, right] = cut && cut[0][0] < cut[1][0] ? cut : [cut?.[1], cut?.[0]];
    near(left, [0, 50]); // z from 100 at the top downwards, 1 mm a row
    near(right, [100, 50]);
  });
  it('is within the other picture: where that ends, the line ends', () => {
    const small = { ...axial(0), columns: 50 };
    const cut = cutOf(plane(small), plane(coronal));
    expect(Math.max(cut?.[0][0] ?? 0, cut?.[1][0] ?? 0)).toBeCloseTo(50);
  });
  it('is nowhere between slices of one stack, beside the picture, or without a place', () => {
    expect(cutOf(plane(axial(0)), plane(axial(5)))).toBeNull();
    expect(cutOf(plane({ ...axial(0), position: [-99, 500, 0] }), plane(coronal))).toBeNull();
    expect(planeOf(of({ position: [0, 0, 0] }))).toBeNull();
    expect(planeOf({ ...axial(0), frames: 20 })).toBeNull();
  });
  it('is where the frame itself lies, of objects that say so', () => {
    const enhanced = { ...axial(0), frames: 2, views: [{}, { position: [-99, -99, 30] }], frame_views: [0, 1] } as Instance;
    const cut = cutOf(plane(frameOf(enhanced, 1)), plane(coronal));
    expect(cut?.map(([, y]) => y)).toEqual([70, 70]); // z from 100 at the top downwards
    expect(depthOf(frameOf(enhanced, 0))).toBeCloseTo(0);
    expect(depthOf(frameOf(enhanced, 1))).toBeCloseTo(30);
    expect(frameOf(enhanced, 0)).toBe(enhanced);
    expect(frameOf(enhanced, 1)).toBe(frameOf(enhanced, 1)); // one object, so that nothing is drawn anew
    expect(lengthOf(frameOf({ ...enhanced, views: [{}, { spacing: [3, 2], spacing_kind: 'pixel' }] }, 1), [0, 0], [1, 0])).toBe(2);
  });
  it('touches a corner once', () => {
    // the other's first column lies in this plane
    const cut = cutOf(plane({ ...axial(0), position: [-99, 1, 0] }), plane(coronal));
    expect(cut).not.toBeNull();
    expect(Math.abs((cut?.[0][0] ?? 0) - (cut?.[1][0] ?? 0))).toBeCloseTo(100);
  });
});

describe('depthOf', () => {
  it('orders oblique slices along their normal, else by what the file says', () => {
    const s = Math.SQRT1_2;
    const oblique = (by: number) => of({ spacing: [1, 1], position: [0, -s * by, s * by], orientation: [1, 0, 0, 0, s, s] });
    expect((depthOf(oblique(10)) ?? 0) - (depthOf(oblique(0)) ?? 0)).toBeCloseTo(10);
    expect(depthOf(of({ slice_location: -12.5 }))).toBe(-12.5);
    expect(depthOf(of({}))).toBeNull();
  });
});
