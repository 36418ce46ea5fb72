// SPDX-License-Identifier: Apache-2.0
/* What goes on paper. */
import type { words as source } from '../ja/print.ts';
import type { Words } from '../t.ts';

export const words: Record<keyof typeof source, Words> = {
  'print.calendar': 'Print the calendar',
  'print.entry': 'Print the content',
  'print.from': 'First day',
  'print.to': 'Last day',
  'print.list': 'Print the list of contents too',
  'print.do': 'Print',
  'print.back': 'Back to the screen',
  'print.hint': 'Print this screen with its button "Print". Prints are recorded.',
  'print.pictures': { one: 'Fetching one picture; then it can be printed.', other: 'Fetching {n} pictures; then it can be printed.' },
  'print.note': 'A print is recorded in the audit; who printed, facility, time and request number stand on every page.',
  'print.range.bad': 'The last day must be within 53 weeks of the first.',
  'print.range': '{from} to {to}',
  'print.by': 'Printed by {staff} ({facility})',
  'print.at': '{when}',
  'print.request': 'Request {id}',
  'print.care': 'A copy of clinical information. Keep it safe, and shred it when it is no longer needed.',
  'print.demo': 'Demo: an invented patient',
  'print.legend': 'Facilities',
  'print.signs': 'Figures count entries; ▲ high, ▼ low, ◆ abnormal, U urgent, N new, C cancelled, P planned, I incomplete',
  'print.missing': 'Not on this paper',
  'print.missing.none': 'Nothing is kept from view.',
  'print.hidden': 'Facilities left out by the filter: {names}',
  'print.titles': 'Contents',
  'print.none': 'Nothing to be seen within this period.',
  'print.continues': '(since {from})',
  'print.sign.urgent': 'U',
  'print.sign.new': 'N',
  'print.sign.cancelled': 'C',
  'print.sign.planned': 'P',
  'print.sign.incomplete': 'I',
  'print.newest': 'Content (the newest)',
  'print.count': 'Entries',
};
