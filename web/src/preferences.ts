// SPDX-License-Identifier: Apache-2.0
/* What a person set for this browser: language, size, shortcuts. Never anything of patients. */
import { signal } from '@preact/signals';
import { setLanguage, type Language } from './i18n/t.ts';

const KEY = 'tsumugi-preferences';

interface Preferences {
  language: Language;
  size: 1 | 2 | 3;
  letters: boolean;
}

function read(): Preferences {
  const base: Preferences = { language: 'ja', size: 1, letters: true };
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    if (typeof stored !== 'object' || stored === null) return base;
    const { language, size, letters } = stored as Partial<Preferences>;
    return {
      language: language === 'en' ? 'en' : 'ja',
      size: size === 2 || size === 3 ? size : 1,
      letters: letters !== false,
    };
  } catch {
    return base;
  }
}

export const preferences = signal<Preferences>(read());

export async function prefer(change: Partial<Preferences>): Promise<void> {
  preferences.value = { ...preferences.value, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences.value));
  } catch {
    // private windows may refuse; the choice then holds for this page
  }
  await applyPreferences();
}

export async function applyPreferences(): Promise<void> {
  document.documentElement.dataset.size = String(preferences.value.size);
  await setLanguage(preferences.value.language);
}
