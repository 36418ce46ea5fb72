// SPDX-License-Identifier: Apache-2.0
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { loadMoreWords } from '../i18n/t.ts';
import { ProblemNotice, Skeleton } from './pieces.tsx';

/** A screen whose code comes when it is first shown. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>) {
  let loaded: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const [, draw] = useState(0);
    const [problem, setProblem] = useState<unknown>();
    useEffect(() => {
      if (loaded) return;
      Promise.all([load(), loadMoreWords()]).then(
        ([component]) => {
          loaded = component;
          draw(1);
        },
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
  };
}
