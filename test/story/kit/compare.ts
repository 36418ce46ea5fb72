// SPDX-License-Identifier: Apache-2.0
/* A calendar beside the hospital's folder, entry by entry. */
import { pieces, shift } from './days.ts';
import { ROWS, type Calendar, type Desk, type EntryHead } from './desk.ts';
import { numberAt, type PlannedPerson } from './plan.ts';
import { Tree } from './tree.ts';
import type { Region } from './region.ts';

/* What the demo's hospitals release to nobody (policy of the demo). */
const EXCLUDED_DEPARTMENT = '06';
const AHEAD_DAYS = 90;
const BEHIND_DAYS = 600;
const NEW = 1;
const STANDS = ['current', 'planned', 'incomplete'];

export interface Listed { calendar: Calendar; heads: EntryHead[] }

/** Everything of one facility that stands in the calendar's rows. */
export async function listFacility(desk: Desk, person: string, facility: string): Promise<Listed> {
  const today = desk.session?.today ?? '';
  const opened = await desk.openCalendar(person, shift(today, -BEHIND_DAYS), shift(today, AHEAD_DAYS));
  if (opened.status !== 201) throw new Error(`the calendar does not open: ${opened.status} ${opened.code}`);
  const { opening, first_day: first } = opened.body;
  const heads: EntryHead[] = [];
  for (const [from, to] of pieces(shift(first ?? today, -1), shift(today, AHEAD_DAYS))) {
    for (const row of ROWS) heads.push(...await desk.list(opening, row, from, to, desk.facility(facility).id));
  }
  await desk.ask('DELETE', `/api/v1/openings/${opening}`);
  return { calendar: opened.body, heads: heads.filter((head) => STANDS.includes(head.state)) };
}

export const linesOfHeads = (heads: EntryHead[]): string[] =>
  heads.map((head) => `${head.day} ${head.kind} ${head.state} ${head.title}`).sort();

/** The same lines, from the files that are in the folder now. */
export function linesOfTree(region: Region, person: PlannedPerson, facility: string): string[] {
  const tree = new Tree(region, facility);
  return tree.folders(numberAt(person, facility)).flatMap((folder) => tree.inspect(folder))
    .filter((entry) => entry.row && STANDS.includes(entry.state) && entry.department_code !== EXCLUDED_DEPARTMENT)
    .map((entry) => `${entry.day} ${entry.kind} ${entry.state} ${entry.title}`)
    .sort();
}

/** Days on which a mark of the facility is signed as new. */
export function newDays({ calendar }: Listed, facility: string): string[] {
  const { marks, facilities } = calendar;
  const days = marks.day.filter((_, index) => ((marks.flags[index] ?? 0) & NEW) !== 0
    && facilities[marks.facility[index] ?? -1]?.code === facility);
  return [...new Set(days)].sort().map((day) => shift('1970-01-01', day));
}

/** Lines that only one side has. */
export function differences(one: string[], other: string[]): string[] {
  const left = [...other];
  const extra: string[] = [];
  for (const line of one) {
    const at = left.indexOf(line);
    if (at < 0) extra.push(`+ ${line}`);
    else left.splice(at, 1);
  }
  return [...extra, ...left.map((line) => `- ${line}`)];
}
