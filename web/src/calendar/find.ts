// SPDX-License-Identifier: Apache-2.0
import type { CalendarModel, Mark } from './model.ts';

const folded = (text: string) => text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();

/** What is loaded whose title and facility hold all the words, new to old. */
export function findMarks(model: CalendarModel, words: string, max: number): Mark[] {
  const wanted = folded(words).split(' ').filter(Boolean);
  if (wanted.length === 0) return [];
  const bars = model.spans().map((span): Mark => ({ ...span, day: span.from, count: 1 }));
  return [...bars, ...model.marks()]
    .filter((mark) => {
      const text = folded(`${mark.title} ${model.facilities.get(mark.facility)?.name ?? ''}`);
      return wanted.every((word) => text.includes(word));
    })
    .sort((a, b) => b.day - a.day || a.row - b.row)
    .slice(0, max);
}
