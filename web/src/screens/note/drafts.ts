// SPDX-License-Identifier: Apache-2.0
/* What somebody was writing when the session ended: in this page's memory and nowhere else, for
 * the same post of the same member of staff, who is brought back to it at the next login. Whoever
 * else logs in here ends it unseen, and so does who logged out. */
import { navigate } from 'wouter-preact/use-browser-location';
import type { Session } from '../../api/client.ts';
import { farewell, session } from '../../session.ts';
import type { NotePictureInput } from './calls.ts';

const KEPT_MS = 4 * 3_600_000;

export interface Draft {
  person: string;
  /** The version that it corrects; nothing: a new note. */
  corrects?: { note: string; version: number };
  text: string;
  pictures: { key: string; input: NotePictureInput; label: string }[];
}

let held: { owner: string; draft: Draft } | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

const ownerOf = ({ staff, post }: Session): string => `${staff.id} ${post.id}`;
const stay = (event: BeforeUnloadEvent) => event.preventDefault();

function drop(): void {
  held = undefined;
  clearTimeout(timer);
  removeEventListener('beforeunload', stay);
}

/** To be called when a form goes, with who had opened it; keeps something only if the session went first. */
export function holdDraft(owner: Session, draft: Draft): void {
  if (session.value || farewell.value === 'out') return;
  drop();
  held = { owner: ownerOf(owner), draft };
  timer = setTimeout(drop, KEPT_MS);
  addEventListener('beforeunload', stay);
}

session.subscribe((now) => {
  if (!now || !held) return;
  if (ownerOf(now) !== held.owner) drop();
  else navigate(`/p/${held.draft.person}/notes`);
});

/** It is then the form's again. */
export function takeDraft(person: string): Draft | undefined {
  if (held?.draft.person !== person || !session.value || ownerOf(session.value) !== held.owner) return undefined;
  const { draft } = held;
  drop();
  return draft;
}
