// SPDX-License-Identifier: Apache-2.0
/* What a study says, in the words of the contract, and the frames of a series in reading order. */
import type { components } from '../api/schema.d.ts';

type Schemas = components['schemas'];
export type Study = Schemas['Study'];
export type Series = Schemas['Series'];
export type Instance = Schemas['Instance'];
export type Lut = Schemas['Lut'];

/** One picture of a series: which instance, which of its frames. */
export interface FrameRef {
  instance: number;
  frame: number;
}

export function framesOf(series: Series): FrameRef[] {
  return series.instances.flatMap((image, instance) =>
    Array.from({ length: image.frames }, (_, at) => ({ instance, frame: image.frame_order?.[at] ?? at })),
  );
}

export const firstImage = ({ series }: Study): number => Math.max(0, series.findIndex(({ kind }) => kind === 'image'));

const seen = new WeakMap<Instance, (Instance | undefined)[]>();

/** An instance as one of its frames has it: where that lies, what its values mean. */
export function frameOf(image: Instance, frame: number): Instance {
  const which = image.frame_views?.[frame];
  const own = which === undefined ? undefined : image.views?.[which];
  if (which === undefined || !own || Object.keys(own).length === 0) return image;
  const known = seen.get(image) ?? [];
  seen.set(image, known);
  return (known[which] ??= { ...image, ...own });
}

export const isColour = (image: Instance): boolean => image.samples > 1;

/** Whether the client can draw the stored values itself; else the server's picture is shown. */
export const hasValues = (image: Instance): boolean =>
  image.bits_allocated <= 16 && (isColour(image) || /^MONOCHROME/.test(image.photometric));

/** The values' meaning is known to the server alone, so windows are its work too. */
export const isServerWindowed = (image: Instance): boolean =>
  !isColour(image) && (!hasValues(image) || (image.has_modality_lut && !image.modality_lut));

export const canWindow = (image: Instance): boolean =>
  !isColour(image) && image.photometric !== 'PALETTE COLOR' && image.is_supported;

/** Height of a pixel in widths of it, and whether anything says so. */
export function pixelAspect(image: Instance): number {
  const pair = image.spacing ?? image.aspect;
  const ratio = pair ? (pair[0] ?? 1) / (pair[1] ?? 1) : 1;
  return Number.isFinite(ratio) && ratio > 0.05 && ratio < 20 ? ratio : 1;
}
