// SPDX-License-Identifier: Apache-2.0
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { loadWords, type Group } from '../i18n/t.ts';
import { ProblemNotice, Skeleton } from './pieces.tsx';

const IDLE_MS = 2000;

/** Something whose code and words come when it is first shown; `prepare` has them come before. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>, ...groups: Group[]) {
  let loaded: ComponentType<P> | undefined;
  const prepare = async () => {
    [loaded] = await Promise.all([load(), loadWords(...groups)]);
  };
  function Lazy(props: P) {
    const [, draw] = useState(0);
    const [problem, setProblem] = useState<unknown>();
    // asked of what was drawn: the code may have come since
    const isMissing = !loaded;
    useEffect(() => {
      if (!isMissing) return;
      prepare().then(
        () => draw(1),
        () => setProblem(new Error('code')),
      );
    }, []);
    if (loaded) {
      const Loaded = loaded;
      return <Loaded {...props} />;
    }
    return (
      <div class="page">
        {problem ? (
          <ProblemNotice problem={problem} retry={() => location.reload()} />
        ) : (
          <Skeleton rows={3} />
        )}
      </div>
    );
  }
  return Object.assign(Lazy, { prepare });
}

/** When nothing else is to do: what will probably be shown next. A failure shows when it is.
 * A page that waits for its own data looks idle: `later` leaves it the line for a while. */
export function prepareWhenIdle(parts: { prepare: () => Promise<void> }[], later = false): () => void {
  const all = () => parts.forEach(({ prepare }) => void prepare().catch(() => {}));
  if (later || !('requestIdleCallback' in globalThis)) {
    const timer = setTimeout(all, IDLE_MS);
    return () => clearTimeout(timer);
  }
  const handle = requestIdleCallback(all, { timeout: IDLE_MS });
  return () => cancelIdleCallback(handle);
}
