// SPDX-License-Identifier: Apache-2.0
/* What a key means in the grid. Single letters can be switched off (WCAG 2.1.4). */

export type Command =
  | { do: 'move'; by: -1 | 1 }
  | { do: 'line'; by: -1 | 1 }
  | { do: 'weeks'; by: -4 | 4 }
  | { do: 'end'; by: -1 | 1 }
  | { do: 'today' }
  | { do: 'row'; row: number }
  | { do: 'facilities' }
  | { do: 'open' }
  | { do: 'close' }
  | { do: 'help' }
  | { do: 'find' };

export interface Pressed {
  key: string;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
}

export function commandOf(pressed: Pressed, hasLetters: boolean): Command | undefined {
  if (pressed.ctrlKey || pressed.altKey || pressed.metaKey) return undefined;
  switch (pressed.key) {
    case 'ArrowLeft': return { do: 'move', by: -1 };
    case 'ArrowRight': return { do: 'move', by: 1 };
    case 'ArrowUp': return { do: 'line', by: -1 };
    case 'ArrowDown': return { do: 'line', by: 1 };
    case 'PageUp': return { do: 'weeks', by: -4 };
    case 'PageDown': return { do: 'weeks', by: 4 };
    case 'Home': return { do: 'end', by: -1 };
    case 'End': return { do: 'end', by: 1 };
    case 'Enter':
    case ' ': return { do: 'open' };
    case 'Escape': return { do: 'close' };
  }
  if (!hasLetters) return undefined;
  if (/^[0-9]$/.test(pressed.key)) return { do: 'row', row: (Number(pressed.key) + 9) % 10 };
  switch (pressed.key) {
    case 't':
    case 'T': return { do: 'today' };
    case 'f':
    case 'F': return { do: 'facilities' };
    case '?': return { do: 'help' };
    case '/': return { do: 'find' };
  }
  return undefined;
}
