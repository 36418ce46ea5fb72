// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { api, closeOpening, type Calendar } from '../../api/client.ts';
import { Problem } from '../../api/problem.ts';
import { CalendarClosed, OpenCalendar } from './opening.ts';

vi.mock('../../api/client.ts', () => ({
  api: { openCalendar: vi.fn(), calendar: vi.fn(), entries: vi.fn(), checkNow: vi.fn() },
  closeOpening: vi.fn(),
}));

const opens = vi.mocked(api.openCalendar);
const reads = vi.mocked(api.calendar);
const closes = vi.mocked(closeOpening);

const TODAY = '2026-05-04';

function answer(opening: string, from: string, to: string): Calendar {
  return {
    opening, from, to, today: TODAY, first_day: '2020-01-06', facilities: [], freshness: [], refusals: [], rows: [],
    marks: { row: [], day: [], facility: [], count: [], flags: [], entry: [], title: [] },
    titles: [], spans: [], undated: [], cursor: 1,
  };
}

/** An answer that arrives when the test says so. */
function held<T>(): { promise: Promise<T>; arrive: (value: T) => void; fail: (reason: unknown) => void } {
  let arrive: (value: T) => void = () => {};
  let fail: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((resolve, reject) => {
    arrive = resolve;
    fail = reject;
  });
  return { promise, arrive, fail };
}

const gone = () => new Problem({ status: 404, code: 'not_found' });

beforeEach(() => {
  vi.resetAllMocks();
  opens.mockImplementation((_person, from, to) => Promise.resolve(answer('first', from, to)));
  reads.mockImplementation((opening, from, to) => Promise.resolve(answer(opening, from, to)));
});

const open = () => OpenCalendar.open('somebody', 'here', TODAY);

describe('an open calendar', () => {
  it('gives its handle back once', async () => {
    const calendar = await open();
    calendar.close();
    calendar.close();
    expect(closes.mock.calls).toEqual([['first']]);
  });

  it('gives it back behind the last that reads under it', async () => {
    const calendar = await open();
    const late = held<Calendar>();
    reads.mockReturnValueOnce(late.promise);
    const reading = calendar.refresh(null);
    calendar.close();
    expect(closes).not.toHaveBeenCalled();
    late.arrive(answer('first', TODAY, TODAY));
    await reading;
    expect(closes.mock.calls).toEqual([['first']]);
  });

  it('sends nothing once it is closed: neither a request nor the handle again', async () => {
    const calendar = await open();
    calendar.close();
    const changed = vi.fn();
    await calendar.load(2600, 2610, changed);
    await expect(calendar.refresh(null)).rejects.toThrow(CalendarClosed);
    await expect(calendar.entries({ row: 'test', from: 20000, to: 20001 })).rejects.toThrow(CalendarClosed);
    await expect(calendar.check()).rejects.toThrow(CalendarClosed);
    expect(reads).not.toHaveBeenCalled();
    expect(api.entries).not.toHaveBeenCalled();
    expect(api.checkNow).not.toHaveBeenCalled();
    expect(closes.mock.calls).toEqual([['first']]);
    expect(changed).toHaveBeenCalledTimes(1);
  });

  it('closed between two ranges reads no further one', async () => {
    const calendar = await open();
    const late = held<Calendar>();
    reads.mockReturnValueOnce(late.promise);
    const loading = calendar.load(2200, 2600, () => {});
    calendar.close();
    late.arrive(answer('first', TODAY, TODAY));
    await loading;
    expect(reads).toHaveBeenCalledTimes(1);
    expect(closes.mock.calls).toEqual([['first']]);
  });

  it('opens anew when the handle has run out', async () => {
    const calendar = await open();
    reads.mockRejectedValueOnce(gone());
    opens.mockImplementationOnce((_person, from, to) => Promise.resolve(answer('second', from, to)));
    await calendar.refresh(null);
    calendar.close();
    expect(closes.mock.calls).toEqual([['second']]);
  });

  it('gives back what was opened anew while it was closed', async () => {
    const calendar = await open();
    const late = held<Calendar>();
    reads.mockRejectedValueOnce(gone());
    opens.mockReturnValueOnce(late.promise);
    const reading = calendar.refresh(null);
    await vi.waitFor(() => expect(opens).toHaveBeenCalledTimes(2));
    calendar.close();
    late.arrive(answer('second', TODAY, TODAY));
    await reading;
    expect(closes.mock.calls).toEqual([['second']]);
  });

  it('that two readers found gone keeps one new handle and gives the other back', async () => {
    const calendar = await open();
    const [one, two] = [held<Calendar>(), held<Calendar>()];
    reads.mockRejectedValueOnce(gone()).mockRejectedValueOnce(gone());
    opens.mockReturnValueOnce(one.promise).mockReturnValueOnce(two.promise);
    const both = Promise.all([calendar.refresh(null), calendar.refresh(null)]);
    two.arrive(answer('third', TODAY, TODAY));
    await vi.waitFor(() => expect(opens).toHaveBeenCalledTimes(3));
    one.arrive(answer('second', TODAY, TODAY));
    await both;
    calendar.close();
    expect(closes.mock.calls).toEqual([['second'], ['third']]);
  });

  it('whose handle ran out asks for a row again under the new one', async () => {
    const calendar = await open();
    vi.mocked(api.entries)
      .mockRejectedValueOnce(gone())
      .mockResolvedValueOnce({ entries: [], next: null } as never);
    opens.mockImplementationOnce((_person, from, to) => Promise.resolve(answer('second', from, to)));
    await calendar.entries({ row: 'test', from: 20000, to: 20001 });
    expect(vi.mocked(api.entries).mock.calls.map(([handle]) => handle)).toEqual(['first', 'second']);
  });
});
