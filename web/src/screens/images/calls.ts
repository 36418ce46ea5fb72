// SPDX-License-Identifier: Apache-2.0
/* The calls of the images' screens: with them, so that the first page does not carry them. */
import { client, signalled, take, type Item } from '../../api/client.ts';
import { Problem, isRefused } from '../../api/problem.ts';
import type { Load, Loaded } from '../../viewer/pane.ts';
import { frameBytes } from '../../viewer/lut.ts';
import type { Series, Study } from '../../viewer/study.ts';

export const readStudy = (opening: string, signal?: AbortSignal): Promise<Study> =>
  take(client.GET('/api/v1/openings/{opening}/study', { params: { path: { opening } }, ...signalled(signal) }));

export function loaderOf(opening: string, study: Study): Load {
  return async ({ series, instance, frame }, query, signal): Promise<Loaded> => {
    const call = client.GET('/api/v1/openings/{opening}/frames/{series}/{instance}/{frame}', {
      params: { path: { opening, series, instance, frame }, query },
      parseAs: 'blob',
      signal,
    });
    const blob = (await take(call as Promise<{ data?: Blob; response: Response }>)) as Blob;
    const { response } = await call;
    const isLossy = response.headers.get('tsumugi-lossy') === 'true';
    if (query.q === 'preview') return { bytes: blob.size, blob: new Blob([blob], { type: 'image/jpeg' }), isLossy };
    const values = new Uint8Array(await blob.arrayBuffer());
    const image = study.series[series]?.instances[instance];
    // a frame that ends early would show old pixels below its end
    if (!image || values.length < frameBytes(image)) throw new Problem({ code: 'frame_short', status: 0 });
    return { bytes: values.length, values, isLossy };
  };
}

/** An opening that has run out, or that a server which was started anew does not know. */
export const hasRunOut = (why: unknown): boolean => isRefused(why, 'not_found', 'opening_ended');
const inWords = (why: unknown): never => {
  throw hasRunOut(why) ? new Problem({ code: 'opening_ended', status: 404 }) : why;
};

type Place = { opening: string; series: number; instance: number };
export const readDocument = (path: Place, signal: AbortSignal): Promise<Blob> =>
  take(
    client.GET('/api/v1/openings/{opening}/documents/{series}/{instance}', { params: { path }, parseAs: 'blob', signal }),
  ).catch(inWords) as Promise<unknown> as Promise<Blob>;
export const readReport = (path: Place, signal: AbortSignal): Promise<{ items: Item[] }> =>
  take(client.GET('/api/v1/openings/{opening}/reports/{series}/{instance}', { params: { path }, signal })).catch(inWords);

export const readWaveform = async (path: Place, query: { group: number; from_ms?: number; to_ms?: number; columns?: number }, signal: AbortSignal): Promise<ArrayBuffer> => {
  const blob = take(
    client.GET('/api/v1/openings/{opening}/waveforms/{series}/{instance}', { params: { path, query }, parseAs: 'blob', signal }),
  ).catch(inWords) as Promise<unknown> as Promise<Blob>;
  return (await blob).arrayBuffer();
};

export const instanceUrl = ({ opening, series, instance }: Place): string =>
  `/api/v1/openings/${opening}/instances/${series}/${instance}`;
export const zipUrl = (opening: string, series?: number): string =>
  `/api/v1/openings/${opening}/study.zip${series === undefined ? '' : `?series=${series}`}`;

/** What a series' files are, for those who save them. */
export const formatOf = (series: Series | undefined): string => (series?.instances[0]?.syntax === 'MFER' ? 'MFER' : 'DICOM');
