// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Frames } from './cache.ts';
import { Pane, type Load, type Loaded } from './pane.ts';
import { framesOf, type Instance, type Series } from './study.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const slice = (z: number, more: Partial<Instance> = {}): Instance => ({
  uid: `${z}`, number: 1, frames: 1, rows: 2, columns: 2, bits_allocated: 16, bits_stored: 12, is_signed: false, samples: 1,
  photometric: 'MONOCHROME2', syntax: '', is_supported: true, spacing: [1, 1], spacing_kind: 'pixel', aspect: null, position: [0, 0, z],
  orientation: [1, 0, 0, 0, 1, 0], slice_location: null, rescale: null, windows: [{ center: 40, width: 400, text: '' }],
  voi_function: 'LINEAR', has_modality_lut: false, has_voi_lut: false, padding: null, lossy_ratio: null, frame_time_ms: null,
  has_overlay: false, ...more,
});

function open(count: number, more: Partial<Instance> = {}, answer: (asked: string) => Promise<Loaded> = () => new Promise(() => {})) {
  const asked: string[] = [];
  const load: Load = ({ instance }, { q, window }) => {
    asked.push(`${q} ${instance}${window ? ` ${window}` : ''}`);
    return answer(asked.at(-1) ?? '');
  };
  const series: Series = {
    number: 1, uid: '', modality: 'CT', description: '', body_part: '', laterality: '', kind: 'image',
    instances: Array.from({ length: count }, (_, at) => slice(at * 5, more)),
  };
  const store = new Frames<Loaded>(1e6, 100, () => {}, () => undefined);
  return { asked, pane: new Pane('pane', 'opening', series, 0, store, load, () => {}), store };
}
const values = (): Promise<Loaded> => Promise.resolve({ bytes: 8, values: new Uint8Array(8) });

describe('frames', () => {
  it('come in the order that their object says', () => {
    const { pane } = open(2, { frames: 3, frame_order: [2, 0, 1] });
    expect(framesOf(pane.series).map(({ instance, frame }) => `${instance} ${frame}`)).toEqual(['0 2', '0 0', '0 1', '1 2', '1 0', '1 1']);
  });
});

describe('a pane', () => {
  it('asks for pictures first, and for values of the frame it rests on only', () => {
    const { pane, asked } = open(8);
    expect(asked).toEqual(['preview 0', 'preview 1', 'preview 2', 'preview 3', 'preview 4', 'preview 5', 'preview 6', 'preview 7']);
    vi.advanceTimersByTime(100);
    pane.go(1);
    vi.advanceTimersByTime(149);
    pane.go(2);
    expect(asked.some((name) => name.startsWith('raw'))).toBe(false);
    vi.advanceTimersByTime(150);
    expect(asked.filter((name) => name.startsWith('raw'))).toEqual(['raw 2']);
  });
  it('asks for no values while a film runs', () => {
    const { pane, asked } = open(3);
    pane.isPlaying = true;
    vi.advanceTimersByTime(500);
    expect(asked.some((name) => name.startsWith('raw'))).toBe(false);
  });
  it('keeps the window that was chosen for the frames one scrolls to', () => {
    const { pane, asked } = open(3);
    pane.choose({ name: 'lung', text: '', window: { center: -600, width: 1500 } });
    pane.go(1);
    expect(asked.slice(3)).toEqual(['preview 0 -600,1500', 'preview 1 -600,1500', 'preview 2 -600,1500']);
    expect(pane.window).toEqual({ center: -600, width: 1500 });
    pane.reset();
    expect(pane.window).toEqual({ center: 40, width: 400 });
  });
  it('draws a window that is being turned from values, without a request for each step', () => {
    const { pane, asked } = open(1);
    for (let step = 0; step < 5; step += 1) pane.turnWindow(5, 0);
    expect(asked).toEqual(['preview 0', 'raw 0']);
    expect(pane.window?.width).toBeGreaterThan(400);
    expect(pane.window?.center).toBe(40);
  });
  it('leaves windows to the server where the values mean nothing here, or did not come', async () => {
    const table = open(1, { has_modality_lut: true });
    table.pane.turnWindow(0, 25);
    expect(table.asked).toEqual(['preview 0', 'preview 0 80,400']);
    const lost = open(1, {}, (name) => (name.startsWith('raw') ? Promise.reject(new Error('short')) : new Promise(() => {})));
    await vi.advanceTimersByTimeAsync(200);
    lost.pane.turnWindow(0, 25);
    expect(lost.asked).toEqual(['preview 0', 'raw 0', 'preview 0 80,400']);
    lost.pane.retry();
    expect(lost.asked.slice(3)).toEqual(['raw 0']);
  });
  it('has no window where there is colour', () => {
    const { pane } = open(1, { samples: 3, photometric: 'RGB', windows: [] });
    pane.turnWindow(10, 10);
    expect(pane.window).toBeNull();
    expect(pane.presets).toEqual([]);
  });
  it('finds its frame that lies nearest', () => {
    const { pane } = open(10);
    expect(pane.nearest(22)).toBe(4);
    expect(pane.nearest(-99)).toBe(0);
  });
  it('finds the nearest of the frames of one object, and looks at each as it is meant', () => {
    const { pane } = open(1, {
      frames: 3,
      views: [{}, { position: [0, 0, 10] }, { position: [0, 0, 20], windows: [{ center: 7, width: 9, text: '' }] }],
      frame_views: [0, 1, 2],
    });
    expect(pane.nearest(13)).toBe(1);
    expect(pane.window).toEqual({ center: 40, width: 400 });
    pane.go(2);
    expect(pane.depth).toBe(20);
    expect(pane.window).toEqual({ center: 7, width: 9 });
  });
  it('shows values as soon as they are there', async () => {
    const { pane } = open(1, {}, (name) => (name.startsWith('raw') ? values() : new Promise(() => {})));
    expect(pane.picture()).toEqual({ picture: undefined, isPreview: true });
    await vi.advanceTimersByTimeAsync(200);
    expect(pane.picture().isPreview).toBe(false);
  });
  it('flips left and right of the screen, also when it is turned', () => {
    const { pane } = open(1);
    pane.look({ quarter: 1, x: 10 });
    pane.flip();
    expect(pane.view).toMatchObject({ quarter: 3, isFlipped: true, x: -10 });
    pane.flip();
    expect(pane.view).toMatchObject({ quarter: 1, isFlipped: false, x: 10 });
  });
});
