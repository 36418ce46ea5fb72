// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { onLive } from '../../api/live.ts';
import { openAhead, takeOpening } from './ahead.ts';
import { OpenCalendar } from './opening.ts';

vi.mock('../../api/live.ts', () => ({ onLive: vi.fn(() => () => {}) }));
vi.mock('../../session.ts', () => ({
  session: { value: { today: '2026-05-04', post: { facility: { id: 'here' } } } },
}));
vi.mock('./opening.ts', () => ({ OpenCalendar: { open: vi.fn() } }));

const opens = vi.mocked(OpenCalendar.open);
const closed: string[] = [];

beforeEach(() => {
  closed.length = 0;
  opens.mockReset();
  opens.mockImplementation((person) => {
    const name = `${person} ${opens.mock.calls.length}`;
    return Promise.resolve({ name, close: () => closed.push(name) } as unknown as OpenCalendar);
  });
});

const nameOf = async (opened: Promise<OpenCalendar>) => ((await opened) as unknown as { name: string }).name;
const told = () => vi.mocked(onLive).mock.lastCall?.[0] ?? (() => {});

describe('an opening that was begun', () => {
  it('is taken once by who shows the person', async () => {
    const giveBack = openAhead('a');
    expect(await nameOf(takeOpening('a'))).toBe('a 1');
    expect(await nameOf(takeOpening('a'))).toBe('a 2');
    giveBack();
    await Promise.resolve();
    expect(closed).toEqual([]);
    expect(opens.mock.calls[0]).toEqual(['a', 'here', '2026-05-04']);
  });

  it('is given back when nobody took it', async () => {
    openAhead('a')();
    await Promise.resolve();
    expect(closed).toEqual(['a 1']);
  });

  it('is not given to another person', async () => {
    const giveBack = openAhead('a');
    expect(await nameOf(takeOpening('b'))).toBe('b 2');
    giveBack();
    await Promise.resolve();
    expect(closed).toEqual(['a 1']);
  });

  it('is made anew when something changed that nobody heard', async () => {
    openAhead('a');
    told()('entry', { person: 'b' } as never);
    expect(await nameOf(takeOpening('a'))).toBe('a 1');
    openAhead('a');
    told()('consent', { person: 'a' } as never);
    expect(await nameOf(takeOpening('a'))).toBe('a 3');
    expect(closed).toEqual(['a 2']);
  });

  it('tells whoever takes it that it failed', async () => {
    opens.mockRejectedValueOnce(new Error('refused'));
    openAhead('a');
    await expect(takeOpening('a')).rejects.toThrow('refused');
  });
});
