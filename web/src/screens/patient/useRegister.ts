// SPDX-License-Identifier: Apache-2.0
/* Sending a registration: under way, refused, or answered by people who may be the same one. */
import { useRef, useState } from 'preact/hooks';
import { api, newKey, type PersonSummary, type Registration } from '../../api/client.ts';
import { Problem } from '../../api/problem.ts';
import { accept } from '../request/answering.ts';
import type { RegistrationRequest } from '../request/calls.ts';
import { placeAfter } from './registration.ts';

/** `write` gives what is sent, `go` goes to where the person is shown then. */
export function useRegister(
  request: RegistrationRequest | null,
  write: (isNew: boolean) => Registration | undefined,
  go: (place: string) => void,
) {
  const [problem, setProblem] = useState<unknown>();
  const [candidates, setCandidates] = useState<PersonSummary[]>();
  const [isBusy, setIsBusy] = useState(false);
  const key = useRef(newKey());
  async function register(isNew: boolean): Promise<void> {
    const registration = write(isNew);
    if (!registration) return;
    setIsBusy(true);
    setProblem(undefined);
    setCandidates(undefined);
    try {
      const person = await api.register(registration, key.current);
      const place = placeAfter(person);
      go(request ? await accept(request, person.id, place) : place);
    } catch (failure) {
      // a lost answer is asked for again under the same key; an answer ends the intention
      if (!(failure instanceof Problem) || failure.status !== 0) key.current = newKey();
      const found = failure instanceof Problem ? failure.body.candidates : undefined;
      if (Array.isArray(found)) setCandidates(found as PersonSummary[]);
      else setProblem(failure);
    } finally {
      setIsBusy(false);
    }
  }
  return { register, isBusy, problem, candidates, leaveCandidates: () => setCandidates(undefined) };
}
