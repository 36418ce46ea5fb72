// SPDX-License-Identifier: Apache-2.0
/* Search terms and the chosen person stay in memory: never in an address. */
import { effect, signal } from '@preact/signals';
import type { PersonSummary, Search } from '../../api/client.ts';
import { session } from '../../session.ts';

export const asked = signal<Search | null>(null);
/** A person found by a search, for the screen that registers the own number. */
export const chosen = signal<PersonSummary | null>(null);

/** The own number that was typed before the person turned out to be registered. */
export const prefilled = signal('');

export function askSearch(search: Search): void {
  asked.value = search;
}

effect(() => {
  if (session.value !== null) return;
  asked.value = null;
  chosen.value = null;
  prefilled.value = '';
});
