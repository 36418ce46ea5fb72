// SPDX-License-Identifier: Apache-2.0
/* The calls of 記録: with its screens, so that the first page does not carry them. */
import { change, client, signalled, take } from '../../api/client.ts';
import type { components } from '../../api/schema.d.ts';

type Schemas = components['schemas'];
export type Note = Schemas['Note'];
export type NotePicture = Schemas['NotePicture'];
export type NotePictureInput = Schemas['NotePictureInput'];
/** What drawing one takes. */
export type ShownPicture = Omit<NotePicture, 'entry' | 'comment'> & { entry: { id: string } | null };

export const TEXT_MAX = 4000;
export const PICTURES_MAX = 20;
export const COMMENT_MAX = 200;

export interface NoteText {
  text: string;
  pictures: NotePictureInput[];
}

export const listNotes = (person: string, cursor?: string, signal?: AbortSignal) =>
  take(client.GET('/api/v1/persons/{person}/notes', { params: { path: { person }, query: cursor ? { cursor } : {} }, ...signalled(signal) }));
export const writeNote = (person: string, body: NoteText, key: string) =>
  take(client.POST('/api/v1/persons/{person}/notes', { params: { path: { person }, header: change(key) }, body }));
export const correctNote = (note: string, body: NoteText & { version: number }, key: string) =>
  take(client.PUT('/api/v1/notes/{note}', { params: { path: { note }, header: change(key) }, body }));
export const withdrawNote = (note: string, version: number, key: string) =>
  take(client.POST('/api/v1/notes/{note}/withdrawals', { params: { path: { note }, header: change(key) }, body: { version } }));

/** A picture that was read, as it is sent again; what the reader may not see cannot be. */
export function inputOf({ entry, series, instance, frame, window, is_inverted, quarter, is_flipped, comment }: NotePicture): NotePictureInput[] {
  if (!entry || series === undefined || instance === undefined || frame === undefined) return [];
  return [{
    entry: entry.id, series, instance, frame, comment,
    ...(window ? { window } : {}),
    ...(quarter ? { quarter } : {}),
    ...(is_inverted ? { is_inverted } : {}),
    ...(is_flipped ? { is_flipped } : {}),
  }];
}
