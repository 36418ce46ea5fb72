// SPDX-License-Identifier: Apache-2.0
/* The one Trusted Types policy (content security policy: trusted-types tsumugi): it makes the
 * addresses of our own workers, of the files that came with this build, and no mark-up. */

interface Policy {
  createScriptURL: (url: string) => string;
}
interface Factory {
  createPolicy: (name: string, rules: Policy) => Policy;
}

const OWN = /^\/assets\/[\w.-]+(\/[\w.-]+)*\.js$/;

function ownScript(url: string): string {
  if (!OWN.test(url) || url.includes('..')) throw new TypeError('no script of this build');
  return url;
}

const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
const policy: Policy = factory?.createPolicy('tsumugi', { createScriptURL: ownScript }) ?? { createScriptURL: ownScript };

export const startWorker = (url: string): Worker => new Worker(policy.createScriptURL(url), { type: 'module' });
