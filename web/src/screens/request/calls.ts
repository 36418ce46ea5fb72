// SPDX-License-Identifier: Apache-2.0
/* The calls of 登録依頼: with its screens, so that the first page does not carry them. */
import { change, client, signalled, take } from '../../api/client.ts';
import type { components } from '../../api/schema.d.ts';

type Schemas = components['schemas'];
export type RegistrationRequest = Schemas['Request'];
export type RequestHead = Schemas['RequestHead'];
export type RequestInput = Schemas['RequestInput'];
export type RequestReason = Schemas['RequestReason'];

export const listRequests = (signal?: AbortSignal) => take(client.GET('/api/v1/requests', signalled(signal)));
export const getRequest = (request: string) =>
  take(client.GET('/api/v1/requests/{request}', { params: { path: { request } } }));
export const sendRequest = (body: RequestInput, key: string) =>
  take(client.POST('/api/v1/requests', { params: { header: change(key) }, body }));
export const answerRequest = (
  request: string,
  body: { verdict: 'accepted' | 'declined'; person?: string; reason?: RequestReason; text?: string },
  key: string,
) =>
  take(
    client.POST('/api/v1/requests/{request}/answers', { params: { path: { request }, header: change(key) }, body }),
  );
export const withdrawRequest = (request: string, key: string) =>
  take(client.DELETE('/api/v1/requests/{request}', { params: { path: { request }, header: change(key) } }));
