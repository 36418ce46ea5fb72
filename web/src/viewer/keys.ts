// SPDX-License-Identifier: Apache-2.0
/* What a key means on a picture. Letters and figures only while single keys are switched on. */
import type { Tool } from './gestures.ts';

export type Command =
  | { does: 'frames'; by: number }
  | { does: 'series'; by: 1 | -1 }
  | { does: 'tool'; tool: Tool }
  | { does: 'preset'; at: number }
  | { does: 'first' | 'last' | 'reset' | 'invert' | 'mark' | 'play' | 'back' | 'help' };

const NAMED: Record<string, Command> = {
  ArrowUp: { does: 'frames', by: -1 }, ArrowDown: { does: 'frames', by: 1 },
  PageUp: { does: 'frames', by: -10 }, PageDown: { does: 'frames', by: 10 },
  ArrowLeft: { does: 'series', by: -1 }, ArrowRight: { does: 'series', by: 1 },
  Home: { does: 'first' }, End: { does: 'last' }, Escape: { does: 'back' },
};
const SINGLE: Record<string, Command> = {
  s: { does: 'tool', tool: 'scroll' }, w: { does: 'tool', tool: 'window' }, p: { does: 'tool', tool: 'pan' },
  z: { does: 'tool', tool: 'zoom' }, l: { does: 'tool', tool: 'length' }, a: { does: 'tool', tool: 'angle' },
  r: { does: 'reset' }, i: { does: 'invert' }, k: { does: 'mark' }, ' ': { does: 'play' }, '?': { does: 'help' },
};

export interface Pressed {
  key: string;
  isModified: boolean;
  /** Something that takes keys itself: a field, a choice, a slider, a button. */
  on: 'field' | 'button' | 'other';
}

export function commandOf({ key, isModified, on }: Pressed, hasLetters: boolean): Command | null {
  if (isModified) return null;
  if (key === 'Escape') return NAMED.Escape ?? null;
  if (on === 'field' || (on === 'button' && key === ' ')) return null;
  const named = NAMED[key];
  if (named) return named;
  if (!hasLetters) return null;
  if (/^[1-6]$/.test(key)) return { does: 'preset', at: Number(key) - 1 };
  return SINGLE[key.toLowerCase()] ?? null;
}
