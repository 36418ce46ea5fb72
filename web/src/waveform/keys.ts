// SPDX-License-Identifier: Apache-2.0
/* What a key means on the paper. Single letters can be switched off (WCAG 2.1.4). */

export type Command =
  | { does: 'scroll'; by: number }
  | { does: 'end'; to: 'start' | 'end' }
  | { does: 'caliper' | 'time' }
  | { does: 'leg'; x: number; y: number }
  | { does: 'gain' | 'speed' | 'layout' | 'zoom'; by: 1 | -1 }
  | { does: 'back' };

const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

/** Scrolling is in parts of the view, a caliper's leg in millimetres (with Shift: five). */
export function commandOf(
  pressed: { key: string; shiftKey: boolean; isModified: boolean }, measures: boolean, hasLetters: boolean,
): Command | undefined {
  if (pressed.isModified) return undefined;
  const arrow = ARROWS[pressed.key];
  if (arrow) {
    const far = pressed.shiftKey ? 5 : 1;
    if (measures) return { does: 'leg', x: arrow[0] * far, y: arrow[1] * far };
    return arrow[0] === 0 ? undefined : { does: 'scroll', by: (arrow[0] * far) / 10 };
  }
  switch (pressed.key) {
    case 'PageUp': return { does: 'scroll', by: -0.9 };
    case 'PageDown': return { does: 'scroll', by: 0.9 };
    case 'Home': return { does: 'end', to: 'start' };
    case 'End': return { does: 'end', to: 'end' };
    case 'Escape': return { does: 'back' };
    case '+': return { does: 'zoom', by: 1 };
    case '-': return { does: 'zoom', by: -1 };
  }
  if (!hasLetters) return undefined;
  const by = pressed.shiftKey ? -1 : 1;
  switch (pressed.key.toLowerCase()) {
    case 'c': return { does: 'caliper' };
    case 't': return { does: 'time' };
    case 'g': return { does: 'gain', by };
    case 's': return { does: 'speed', by };
    case 'l': return { does: 'layout', by };
  }
  return undefined;
}
