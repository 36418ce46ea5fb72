// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Calendar, Facility, Freshness, Refusal } from '../api/client.ts';
import { dayNumber, dayText } from '../i18n/wareki.ts';
import { findMarks } from './find.ts';
import { CalendarModel, Flag, ROW_IDS, compareMarks, firstDayOf, weekOf, type Mark } from './model.ts';
import { offGrid } from './offGrid.ts';

const TODAY = dayNumber('2026-11-24');
const facility = (id: string, slot: number): Facility => ({
  id, code: id, name: `施設${id}`, kana: id, kind: 'hospital', letter: id, slot, is_disclosing: true, is_connected: true, may_register: true, has_policy: true,
});
const FACILITIES = [facility('a', 1), facility('b', 2), facility('own', 3), facility('d', 4), facility('e', 5)];

interface Given {
  row?: string;
  day?: number;
  facility?: string;
  count?: number;
  flags?: number;
  entry?: string;
}
function calendar(given: Given[], more: Partial<Calendar> = {}, facilities = FACILITIES): Calendar {
  const marks: Calendar['marks'] = { row: [], day: [], facility: [], count: [], flags: [], entry: [], title: [] };
  given.forEach((item, index) => {
    marks.row.push(ROW_IDS.indexOf((item.row ?? 'test') as never));
    marks.day.push(item.day ?? TODAY);
    marks.facility.push(facilities.findIndex((f) => f.id === (item.facility ?? 'a')));
    marks.count.push(item.count ?? 1);
    marks.flags.push(item.flags ?? 0);
    marks.entry.push(item.entry ?? `e${index}`);
    marks.title.push(0);
  });
  return {
    opening: 'o', from: '2026-09-07', to: '2026-11-29', today: '2026-11-24', first_day: '2026-01-05', facilities, freshness: [],
    refusals: [], rows: [...ROW_IDS], marks, titles: ['題'], spans: [], undated: [], cursor: 1, ...more,
  };
}
function model(given: Given[], more: Partial<Calendar> = {}): CalendarModel {
  const made = new CalendarModel('own');
  made.merge(calendar(given, more));
  return made;
}
const TEST = ROW_IDS.indexOf('test');
const WEEK = weekOf(TODAY);

describe('weeks', () => {
  it('begin on Monday', () => {
    expect(dayText(firstDayOf(weekOf(dayNumber('2026-11-29'))))).toBe('2026-11-23');
    expect(dayText(firstDayOf(weekOf(dayNumber('2026-11-23'))))).toBe('2026-11-23');
    expect(weekOf(dayNumber('1969-12-28')) + 1).toBe(weekOf(dayNumber('1969-12-29')));
  });
});

describe('a mark of several entries', () => {
  it('has no entry of its own, and is there like any other', () => {
    const [place] = model([{ count: 3, entry: '' }]).places(WEEK, 'week')[TEST] ?? [];
    expect(place?.mark).toMatchObject({ count: 3, entry: '', title: '題' });
  });
});

describe('what is worked out', () => {
  const rowOf = (made: CalendarModel, week: number) => made.places(week, 'week')[TEST];
  it('stays as it is where an answer changed nothing', () => {
    const made = model([{ day: TODAY }, { day: TODAY - 14 }]);
    const [now, before] = [rowOf(made, WEEK), rowOf(made, WEEK - 2)];
    made.merge(calendar([{ day: TODAY }, { day: TODAY, facility: 'b' }], { from: '2026-11-23', to: '2026-11-29' }));
    expect(rowOf(made, WEEK)).not.toBe(now);
    expect(rowOf(made, WEEK)).toHaveLength(2);
    expect(rowOf(made, WEEK - 2)).toBe(before);
  });
  it('is worked out again when a bar pushes the marks of other weeks down', () => {
    const made = model([{ row: 'period', day: TODAY - 14 }]);
    expect(made.places(WEEK - 2, 'week')[0]?.[0]?.line).toBe(0);
    const span = { entry: 's', row: 0, facility: 0, from: TODAY, to: TODAY + 1, is_open: false, flags: 0, title: '入院' };
    made.merge(calendar([], { from: '2026-11-23', to: '2026-11-29', spans: [span] }));
    expect(made.places(WEEK - 2, 'week')[0]?.[0]?.line).toBe(1);
  });
  it('knows the newest place up to a week, and whether a place is still there', () => {
    const made = model([{ day: TODAY }, { day: TODAY - 21, facility: 'b' }]);
    const last = made.lastUpTo(WEEK - 1, 'week');
    expect(last?.mark.facility).toBe('b');
    expect(made.lastUpTo(WEEK - 4, 'week')).toBeUndefined();
    expect(last && made.has(last, 'week')).toBe(true);
    made.setFilter({ hidden: new Set(['b']), onlyNew: false, othersOnly: false });
    expect(last && made.has(last, 'week')).toBe(false);
  });
});

describe('find', () => {
  const made = model([{ day: TODAY, entry: 'x' }, { day: TODAY - 3, entry: 'y', facility: 'b' }], { titles: ['ＣＴ 胸部'] });
  it('reads titles and facilities whatever their width and case, new to old', () => {
    expect(findMarks(made, 'ct', 9).map((mark) => mark.entry)).toEqual(['x', 'y']);
    expect(findMarks(made, '施設b　胸部', 9).map((mark) => mark.entry)).toEqual(['y']);
    expect(findMarks(made, 'ct', 1)).toHaveLength(1);
  });
  it('finds nothing for nothing, and nothing that a filter hides', () => {
    expect(findMarks(made, '  ', 9)).toEqual([]);
    made.setFilter({ hidden: new Set(['a']), onlyNew: false, othersOnly: false });
    expect(findMarks(made, 'ct', 9).map((mark) => mark.entry)).toEqual(['y']);
  });
});

describe('priority within a day', () => {
  const slots: Record<string, number> = { a: 1, b: 2, own: 3 };
  const compare = compareMarks('own', (id) => slots[id] ?? 9);
  const mark = (id: string, flags: number): Mark => ({ row: 3, day: 1, facility: id, count: 1, flags, entry: id, title: '' });
  const order = (...marks: Mark[]) => marks.sort(compare).map((item) => item.facility);
  it('shows abnormal or urgent before new', () => {
    expect(order(mark('a', Flag.New), mark('b', Flag.High))).toEqual(['b', 'a']);
    expect(order(mark('a', Flag.New), mark('b', Flag.Urgent))).toEqual(['b', 'a']);
  });
  it('shows new before the own facility', () => {
    expect(order(mark('own', 0), mark('b', Flag.New))).toEqual(['b', 'own']);
  });
  it('shows the own facility before other slots, then slots in order', () => {
    expect(order(mark('b', 0), mark('a', 0), mark('own', 0))).toEqual(['own', 'a', 'b']);
  });
  it('is the same for any order of arrival', () => {
    const marks = [mark('a', 0), mark('b', Flag.New), mark('own', Flag.Low)];
    const wanted = order(...marks);
    expect(order(...marks.reverse())).toEqual(wanted);
  });
});

describe('stacks', () => {
  it('put one mark per facility on lines of the day', () => {
    const places = model([{ facility: 'b' }, { facility: 'own' }]).places(WEEK, 'week')[TEST] ?? [];
    expect(places.map((place) => [place.mark.facility, place.line])).toEqual([['own', 0], ['b', 1]]);
  });
  it('cut at three lines and keep the rest behind +n', () => {
    const places = model([{ facility: 'a' }, { facility: 'b' }, { facility: 'own' }, { facility: 'd' }, { facility: 'e' }])
      .places(WEEK, 'week')[TEST] ?? [];
    expect(places.map((place) => place.kind)).toEqual(['mark', 'mark', 'more']);
    expect(places[2]?.others.map((mark) => mark.facility)).toEqual(['b', 'd', 'e']);
  });
  it('never hide an abnormal mark behind +n while a plain one shows', () => {
    const places = model([{ facility: 'a' }, { facility: 'b' }, { facility: 'own' }, { facility: 'e', flags: Flag.High }])
      .places(WEEK, 'week')[TEST] ?? [];
    expect(places[0]?.mark.facility).toBe('e');
  });
  it('show three marks when there are exactly three', () => {
    const places = model([{ facility: 'a' }, { facility: 'b' }, { facility: 'd' }]).places(WEEK, 'week')[TEST] ?? [];
    expect(places.every((place) => place.kind === 'mark')).toBe(true);
  });
  it('decide the height of a row over everything that is loaded', () => {
    const made = model([{ facility: 'a', day: TODAY - 50 }, { facility: 'b', day: TODAY - 50 }, { facility: 'a' }]);
    expect(made.lines('week')[TEST]).toBe(2);
    expect(made.lines('week')[ROW_IDS.indexOf('file')]).toBe(1);
  });
});

describe('a month', () => {
  it('joins a week per row and facility: counts add, flags add, the newest entry leads', () => {
    const made = model([
      { day: TODAY - 1, entry: 'old', flags: Flag.High, count: 2 },
      { day: TODAY, entry: 'new', flags: Flag.New },
      { day: TODAY, facility: 'b' },
    ]);
    const places = made.places(WEEK, 'month')[TEST] ?? [];
    expect(places).toHaveLength(2);
    expect(places[0]?.mark).toMatchObject({ count: 3, flags: Flag.High | Flag.New, entry: 'new', day: firstDayOf(WEEK) });
  });
});

describe('merging', () => {
  it('replaces the weeks of the answer and keeps the others', () => {
    const made = model([{ day: TODAY }, { day: TODAY - 30 }]);
    made.merge(calendar([{ day: TODAY, flags: Flag.New, entry: 'x' }], { from: '2026-11-23', to: '2026-11-29' }));
    expect(made.order(TEST, 'week').map((place) => place.mark.entry)).toEqual(['e1', 'x']);
    made.merge(calendar([], { from: '2026-11-23', to: '2026-11-29' }));
    expect(made.order(TEST, 'week').map((place) => place.mark.entry)).toEqual(['e1']);
  });
  it('knows facilities by id although indexes differ between answers', () => {
    const made = model([{ facility: 'b' }]);
    made.merge(calendar([{ facility: 'b', day: TODAY - 200 }], { from: '2026-05-04', to: '2026-05-10' }, [...FACILITIES].reverse()));
    expect(made.order(TEST, 'week').map((place) => place.mark.facility)).toEqual(['b', 'b']);
  });
  it('drops what it cannot place instead of placing it wrong', () => {
    const broken = calendar([{ facility: 'a' }]);
    broken.marks.facility[0] = 77;
    const made = new CalendarModel('own');
    made.merge(broken);
    expect(made.order(TEST, 'week')).toEqual([]);
  });
  it('tells loaded weeks from those that never came', () => {
    const made = model([]);
    expect(made.stateOf(WEEK)).toBe('loaded');
    expect(made.stateOf(WEEK - 30)).toBe('absent');
    made.setState(WEEK - 30, WEEK - 29, 'failed');
    expect(made.stateOf(WEEK - 29)).toBe('failed');
    expect(made.loadedRange()).toEqual({ from: weekOf(dayNumber('2026-09-07')), to: WEEK });
  });
});

describe('bars', () => {
  const span = (entry: string, from: number, to: number | null) => ({
    entry, row: 0, facility: 0, from, to, is_open: to === null, flags: 0, title: entry,
  });
  it('lie on lines without touching each other', () => {
    const made = model([], { spans: [span('x', TODAY - 20, TODAY - 10), span('y', TODAY - 15, TODAY - 5), span('z', TODAY - 9, TODAY)] });
    expect(made.spans().map((bar) => [bar.entry, bar.line])).toEqual([['x', 0], ['y', 1], ['z', 0]]);
    expect(made.lines('week')[0]).toBe(2);
  });
  it('that are open reach until today', () => {
    expect(model([], { spans: [span('x', TODAY - 3, null)] }).spans()[0]?.end).toBe(TODAY);
  });
  it('stand in the order of their row, so that the keyboard reaches them', () => {
    const made = model([{ row: 'period', day: TODAY }], { spans: [span('x', TODAY - 3, null)] });
    expect(made.order(0, 'week').map((place) => place.mark.entry)).toEqual(['x', 'e0']);
    expect(made.places(WEEK, 'week')[0]?.[0]?.line).toBe(1);
  });
});

describe('filters', () => {
  const made = () => model([{ facility: 'a' }, { facility: 'own' }, { facility: 'b', flags: Flag.New }]);
  const shown = (filter: Partial<CalendarModel['filter']>) => {
    const one = made();
    one.setFilter({ hidden: new Set(), onlyNew: false, othersOnly: false, ...filter });
    return one.order(TEST, 'week').map((place) => place.mark.facility);
  };
  it('hide facilities', () => expect(shown({ hidden: new Set(['a']) })).toEqual(['b', 'own']));
  it('show only what is new', () => expect(shown({ onlyNew: true })).toEqual(['b']));
  it('show only other facilities', () => expect(shown({ othersOnly: true })).toEqual(['b', 'a']));
  it('count as something hidden, not as nothing there', () => {
    const one = made();
    one.setFilter({ hidden: new Set(['a', 'b', 'own']), onlyNew: false, othersOnly: false });
    expect(one.hasAnything()).toBe(true);
    expect(one.news()).toEqual([]);
  });
});

describe('what is missing', () => {
  const fresh = (id: string, state: Freshness['state']): Freshness => ({ facility: id, state, since: 5, every_s: null });
  const refusal = (id: string, kinds: Refusal['kinds']): Refusal => ({ facility: id, kinds, reason: 'audience' });
  it('is said in every row of a facility that is behind or loading', () => {
    const made = model([], { freshness: [fresh('a', 'behind'), fresh('b', 'loading'), fresh('d', 'in_step')] });
    for (let row = 0; row < ROW_IDS.length; row += 1) {
      expect(made.gaps(row)).toEqual([{ facility: 'a', state: 'behind', since: 5 }, { facility: 'b', state: 'loading', since: 5 }]);
    }
  });
  it('is said in the rows whose kinds are refused, and only there', () => {
    const made = model([], { refusals: [refusal('a', ['microbiology']), refusal('b', [])] });
    expect(made.gaps(TEST).map((gap) => [gap.facility, gap.state])).toEqual([['a', 'refused']]);
    expect(made.gaps(0)).toEqual([]);
  });
  it('is said in every row while a number waits for its owner', () => {
    const waiting = { ...refusal('c', []), reason: 'link_proposed' };
    const made = model([], { refusals: [waiting, { ...refusal('d', []), reason: 'no_link' }] });
    for (let row = 0; row < 10; row += 1) {
      expect(made.gaps(row)).toEqual([{ facility: 'c', state: 'waiting', since: null }]);
    }
  });
  it('is never called empty while older weeks were not loaded', () => {
    expect(model([]).isEmpty()).toBe(false);
    expect(model([], { first_day: null }).isEmpty()).toBe(true);
  });
  it('leads to the next older mark when nothing is in view', () => {
    const made = model([{ day: TODAY - 40 }]);
    expect(made.nearestBefore(TODAY - 10, TODAY)).toEqual({ day: TODAY - 40, isKnown: true });
    expect(made.nearestBefore(TODAY - 45, TODAY)).toBeNull();
    expect(model([]).nearestBefore(TODAY - 10, TODAY)?.isKnown).toBe(false);
    expect(model([], { first_day: null }).nearestBefore(TODAY - 10, TODAY)).toBeNull();
  });
});

describe('a large calendar', () => {
  it('of 15,000 entries and ten facilities is stacked within a second', () => {
    const facilities = Array.from({ length: 10 }, (_, index) => facility(String(index), index + 1));
    const given: Given[] = [];
    for (let day = TODAY - 364; day <= TODAY; day += 1) {
      for (let index = 0; index < 12; index += 1) {
        given.push({ day, facility: String((day + index * 3) % 10), row: ROW_IDS[1 + ((index * 5 + day) % 9)] ?? 'test', count: 3 });
      }
    }
    const made = new CalendarModel('1');
    const start = performance.now();
    made.merge(calendar(given, { from: dayText(firstDayOf(WEEK - 52)) }, facilities));
    made.lines('week');
    for (let row = 0; row < ROW_IDS.length; row += 1) made.order(row, 'week');
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('rows that the viewer does not have on the grid', () => {
  const hide = (made: CalendarModel, more = {}) =>
    made.setFilter({ hidden: new Set(), onlyNew: false, othersOnly: false, rows: new Set([TEST]), ...more });

  it('have no place, no bar and no news there, and the others are as before', () => {
    const span = { row: TEST, facility: 0, from: TODAY - 3, to: TODAY, is_open: false, flags: 0, entry: 's', title: '題' };
    const made = model([{ flags: Flag.New }, { row: 'image', flags: Flag.New }], { spans: [span] });
    hide(made);
    expect(made.places(WEEK, 'week')[TEST]).toEqual([]);
    expect(made.order(TEST, 'week')).toEqual([]);
    expect(made.news().map(({ row }) => ROW_IDS[row])).toEqual(['image']);
    expect(made.lastUpTo(WEEK, 'week')?.row).toBe(ROW_IDS.indexOf('image'));
    expect(made.marks()).toHaveLength(2); // what is searched and listed is all of it
    hide(made, { rows: new Set() });
    expect(made.order(TEST, 'week')).toHaveLength(2);
  });

  const held = (made: CalendarModel) => offGrid(made, made.filter.rows ?? new Set(), [TODAY - 7, TODAY]);

  it('tell what is new in them, and what is abnormal or urgent in view', () => {
    const made = model([
      { flags: Flag.New, count: 2, day: TODAY - 40 }, { flags: Flag.High }, { flags: Flag.Urgent, facility: 'b' },
      { flags: Flag.Low, day: TODAY - 40 }, { row: 'image', flags: Flag.New },
    ]);
    expect(held(made)).toEqual([]);
    hide(made);
    expect(held(made)).toEqual([{ row: TEST, fresh: 2, abnormal: 2 }]);
    hide(made, { hidden: new Set(['b']) });
    expect(held(made)).toEqual([{ row: TEST, fresh: 2, abnormal: 1 }]);
    hide(made, { rows: new Set([ROW_IDS.indexOf('period')]) });
    expect(held(made)).toEqual([]);
  });
});
