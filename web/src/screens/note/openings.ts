// SPDX-License-Identifier: Apache-2.0
/* The studies whose pictures a note shows: each opened once, as anybody's view of it is, and given
 * back with the screen. */
import { api, closeOpening } from '../../api/client.ts';
import { Problem } from '../../api/problem.ts';
import type { Study } from '../../viewer/study.ts';
import { loaderOf, readStudy } from '../images/calls.ts';
import type { ShownPicture } from './calls.ts';
import { placeOf } from './look.ts';

const SIZE = 320;
/** A session has room for 64; the calendar and the viewer want some too. */
const AT_ONCE = 12;

interface Opened {
  opening: string;
  study: Study;
}

export class Studies {
  readonly #known = new Map<string, Promise<Opened>>();
  readonly #stop = new AbortController();

  async #open(entry: string): Promise<Opened> {
    const { opening } = await api.openEntry(entry, this.#stop.signal);
    try {
      return { opening, study: await readStudy(opening, this.#stop.signal) };
    } catch (problem) {
      closeOpening(opening);
      throw problem;
    }
  }

  #close(entry: string): void {
    const known = this.#known.get(entry);
    this.#known.delete(entry);
    void known?.then(({ opening }) => closeOpening(opening), () => {});
  }

  #take(entry: { id: string }): Promise<Opened> {
    const known = this.#known.get(entry.id);
    if (known) return known;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size >= AT_ONCE) this.#close(oldest);
    const made = this.#open(entry.id);
    this.#known.set(entry.id, made);
    return made;
  }

  /** As it was looked at, but for turning it. */
  async picture(picture: ShownPicture): Promise<Blob> {
    if (!picture.entry) throw new Problem({ code: 'not_found', status: 404 });
    const entry = picture.entry.id;
    try {
      const { opening, study } = await this.#take(picture.entry);
      const place = placeOf(study, picture);
      if (!place) throw new Problem({ code: 'note_gone', status: 404 });
      const query = { q: 'preview', size: SIZE, ...(picture.window ? { window: picture.window } : {}) } as const;
      const { blob } = await loaderOf(opening, study)({ ...place, frame: picture.frame ?? 0 }, query, this.#stop.signal);
      if (!blob) throw new Problem({ code: 'not_found', status: 404 });
      return blob;
    } catch (problem) {
      this.#close(entry);
      throw problem;
    }
  }

  close(): void {
    this.#stop.abort();
    for (const entry of this.#known.keys()) this.#close(entry);
  }
}
