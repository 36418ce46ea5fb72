// SPDX-License-Identifier: Apache-2.0
/* The calendar is opened while the person is still asked for: one wait instead of two. Whoever
 * shows it takes it; what nobody takes is given back. */
import { onLive } from '../../api/live.ts';
import { session } from '../../session.ts';
import { OpenCalendar } from './opening.ts';

interface Begun {
  person: string;
  calendar: Promise<OpenCalendar>;
  /** Something changed meanwhile, which nobody has heard. */
  isOld: boolean;
  removeLive: () => void;
}
let begun: Begun | undefined;

const openNow = (person: string): Promise<OpenCalendar> =>
  OpenCalendar.open(person, session.value?.post.facility.id ?? '', session.value?.today ?? '');

function giveBack({ calendar }: Begun): void {
  calendar.then((opened) => opened.close(), () => {});
}

/** Until it is taken, or until what this returns is called. */
export function openAhead(person: string): () => void {
  const mine: Begun = { person, calendar: openNow(person), isOld: false, removeLive: () => {} };
  mine.calendar.catch(() => {}); // whoever takes it hears of it
  mine.removeLive = onLive((_, event) => {
    if (event.person === undefined || event.person === person) mine.isOld = true;
  });
  begun = mine;
  return () => {
    mine.removeLive();
    if (begun !== mine) return;
    begun = undefined;
    giveBack(mine);
  };
}

/** What was begun for this person, or a new opening. */
export function takeOpening(person: string): Promise<OpenCalendar> {
  const mine = begun;
  if (mine?.person !== person) return openNow(person);
  begun = undefined;
  mine.removeLive();
  if (!mine.isOld) return mine.calendar;
  giveBack(mine);
  return openNow(person);
}
