// SPDX-License-Identifier: Apache-2.0
/* How a picture was looked at, between the viewer and a note. */
import { framesOf, type Study } from '../../viewer/study.ts';
import type { Pane } from '../../viewer/pane.ts';
import type { Mark } from '../images/mark.ts';
import type { NotePicture, NotePictureInput, ShownPicture } from './calls.ts';

const NUMBER_MAX = 12; // of the contract

const numberOf = (value: number): string => String(Number(value.toFixed(4)));

export function shadesOf(window: Mark['window']): string | undefined {
  if (!window) return undefined;
  const [center, width] = [numberOf(window.center), numberOf(window.width)];
  const isGood = [center.replace('-', ''), width].every((text) => /^[0-9.]+$/.test(text) && text.length <= NUMBER_MAX);
  return isGood && window.width > 0 ? `${center},${width}` : undefined;
}

export function windowOf(shades: string | null | undefined): { center: number; width: number } | undefined {
  const [center = NaN, width = NaN] = (shades ?? '').split(',').map(Number);
  return Number.isFinite(center) && width > 0 ? { center, width } : undefined;
}

export function pictureOf({ study, series, image, frame, window, view, isInverted, comment = '' }: Mark): NotePictureInput {
  const shades = shadesOf(window);
  return {
    entry: study.head.id, series: series.uid, instance: image.uid, frame,
    ...(shades ? { window: shades } : {}),
    ...(isInverted ? { is_inverted: true } : {}),
    ...(view.quarter % 4 ? { quarter: view.quarter % 4 } : {}),
    ...(view.isFlipped ? { is_flipped: true } : {}),
    ...(comment.trim() ? { comment: comment.trim() } : {}),
  };
}

export interface Place {
  series: number;
  instance: number;
}
/** Where it stands in a study now: a hospital may have added to it. */
export function placeOf(study: Study, picture: ShownPicture): Place | undefined {
  const series = study.series.findIndex(({ uid }) => uid === picture.series);
  const instance = study.series[series]?.instances.findIndex(({ uid }) => uid === picture.instance) ?? -1;
  const frames = study.series[series]?.instances[instance]?.frames ?? 0;
  return instance >= 0 && (picture.frame ?? 0) < frames ? { series, instance } : undefined;
}

/** The viewer shows the very picture, as the note's author saw it; false: it is not there. */
export function show(picture: NotePicture, study: Study, open: (series: number, at: number) => Pane | undefined): boolean {
  const place = placeOf(study, picture);
  const series = place && study.series[place.series];
  if (!place || !series) return false;
  const at = framesOf(series).findIndex(({ instance, frame }) => instance === place.instance && frame === picture.frame);
  const pane = at < 0 ? undefined : open(place.series, at);
  if (!pane) return false;
  const window = windowOf(picture.window);
  if (window) pane.choose({ name: '', text: '', window });
  if (picture.is_inverted) pane.invert();
  pane.look({ quarter: picture.quarter ?? 0, isFlipped: picture.is_flipped ?? false });
  return true;
}
