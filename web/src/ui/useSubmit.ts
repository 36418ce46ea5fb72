// SPDX-License-Identifier: Apache-2.0
/* Sending a form once: what is wrong with it, that it is under way, what went wrong, and one
 * idempotency key for one intention of a person. */
import { useRef, useState } from 'preact/hooks';
import { newKey } from '../api/client.ts';
import { Problem } from '../api/problem.ts';
import { stillWrong, type Errors } from './errors.ts';

/** One intention, one key: kept while it is unknown whether it was done. */
export function useIntention() {
  const key = useRef(newKey());
  return async function run<T>(work: (key: string) => Promise<T>): Promise<T> {
    try {
      const result = await work(key.current);
      key.current = newKey();
      return result;
    } catch (failure) {
      // a server that fails may have done it, or do it later: the same once more is the same
      if (!(failure instanceof Problem) || (failure.status !== 0 && failure.status < 500)) key.current = newKey();
      throw failure;
    }
  };
}

const NOTHING_WRONG = (): Errors => ({});

/** For a dialog that closes when it is done: it stays busy until then. */
export function useSubmit<T>(form: {
  check?: () => Errors;
  send: (key: string) => Promise<T>;
  onDone: (result: T) => void;
}) {
  const check = form.check ?? NOTHING_WRONG;
  const [found, setFound] = useState<Errors>({});
  const [turn, setTurn] = useState(0);
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setIsBusy] = useState(false);
  const run = useIntention();
  async function send(event: Event): Promise<void> {
    event.preventDefault();
    if (isBusy) return;
    const wrong = check();
    setFound(wrong);
    setTurn(turn + 1);
    if (Object.keys(wrong).length > 0) return;
    setIsBusy(true);
    setProblem(undefined);
    try {
      form.onDone(await run(form.send));
    } catch (failure) {
      setProblem(failure);
      setIsBusy(false);
    }
  }
  return { errors: stillWrong(found, check), turn, problem, isBusy, onSubmit: (event: Event) => void send(event) };
}
