// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { commandOf } from './keys.ts';

const press = (key: string, more = {}) => ({ key, ctrlKey: false, altKey: false, metaKey: false, ...more });

describe('keys', () => {
  it.each([
    ['ArrowLeft', { do: 'move', by: -1 }], ['ArrowRight', { do: 'move', by: 1 }], ['ArrowUp', { do: 'line', by: -1 }],
    ['ArrowDown', { do: 'line', by: 1 }], ['PageUp', { do: 'weeks', by: -4 }], ['PageDown', { do: 'weeks', by: 4 }],
    ['Home', { do: 'end', by: -1 }], ['End', { do: 'end', by: 1 }], ['t', { do: 'today' }], ['T', { do: 'today' }],
    ['1', { do: 'row', row: 0 }], ['9', { do: 'row', row: 8 }], ['0', { do: 'row', row: 9 }], ['f', { do: 'facilities' }],
    ['Enter', { do: 'open' }], ['Escape', { do: 'close' }], ['?', { do: 'help' }],
  ])('%s', (key, command) => {
    expect(commandOf(press(key), true)).toEqual(command);
  });
  it.each(['t', 'f', '?', '1', '0'])('%s does nothing when letters are switched off', (key) => {
    expect(commandOf(press(key), false)).toBeUndefined();
  });
  it('arrows work without letters', () => {
    expect(commandOf(press('ArrowLeft'), false)).toEqual({ do: 'move', by: -1 });
  });
  it.each(['ctrlKey', 'altKey', 'metaKey'])('keeps away from the browser with %s', (modifier) => {
    expect(commandOf(press('f', { [modifier]: true }), true)).toBeUndefined();
    expect(commandOf(press('ArrowLeft', { [modifier]: true }), true)).toBeUndefined();
  });
  it('ignores other keys', () => {
    for (const key of ['a', 'Tab', 'Shift', 'F5', '10', '']) expect(commandOf(press(key), true)).toBeUndefined();
  });
});
