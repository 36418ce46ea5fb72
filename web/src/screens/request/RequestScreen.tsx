// SPDX-License-Identifier: Apache-2.0
import { RequestForm } from './RequestForm.tsx';
import { RequestPage } from './RequestPage.tsx';

/** `/requests/new` asks, every other one is a request's id. */
export function RequestScreen({ id }: { id: string }) {
  return id === 'new' ? <RequestForm /> : <RequestPage key={id} id={id} />;
}
