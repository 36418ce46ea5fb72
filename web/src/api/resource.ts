// SPDX-License-Identifier: Apache-2.0
/* What a screen reads: loading, ready or failed, in memory only, dropped with the session. */
import { useEffect, useState } from 'preact/hooks';

export type Resource<T> =
  | { state: 'loading'; value?: T | undefined }
  | { state: 'ready'; value: T }
  | { state: 'failed'; problem: unknown; value?: T | undefined };

/** Loads again whenever the key changes; an answer of a superseded load is dropped. The old
 * value stays visible while the same key is loaded again. */
export function useResource<T>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<T>,
): Resource<T> & { reload: () => void; set: (value: T) => void } {
  const [state, setState] = useState<{ key: string | null; resource: Resource<T> }>({
    key: null,
    resource: { state: 'loading' },
  });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    setState((old) => ({
      key,
      resource: { state: 'loading', value: old.key === key ? old.resource.value : undefined },
    }));
    load(abort.signal).then(
      (value) => {
        if (!abort.signal.aborted) setState({ key, resource: { state: 'ready', value } });
      },
      (problem: unknown) => {
        if (abort.signal.aborted) return;
        setState((old) => ({
          key,
          resource: {
            state: 'failed',
            problem,
            value: old.key === key ? old.resource.value : undefined,
          },
        }));
      },
    );
    return () => abort.abort();
  }, [key, turn]);
  const current: Resource<T> = state.key === key ? state.resource : { state: 'loading' };
  return {
    ...current,
    reload: () => setTurn((old) => old + 1),
    set: (value) => setState({ key, resource: { state: 'ready', value } }),
  };
}
