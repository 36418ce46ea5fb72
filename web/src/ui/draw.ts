// SPDX-License-Identifier: Apache-2.0
/* A component whose state lies outside of it draws when it is told to. */
import { useMemo, useRef, useState } from 'preact/hooks';

/** Draws once per frame of the screen, however much changed. */
export function useDraw(): () => void {
  const [, set] = useState(0);
  const handle = useRef(0);
  return useMemo(
    () => () => {
      if (handle.current) return;
      handle.current = requestAnimationFrame(() => {
        handle.current = 0;
        set((n) => n + 1);
      });
    },
    [],
  );
}
