// SPDX-License-Identifier: Apache-2.0
/* The keys of the calendar, and whether single letters are among them. */
import { t, type Key } from '../../i18n/t.ts';
import { prefer, preferences } from '../../preferences.ts';
import { Dialog } from '../../ui/Dialog.tsx';

const KEY_LINES: [string[], Key][] = [
  [['←', '→'], 'keys.move'], [['↑', '↓'], 'keys.lines'], [['PageUp', 'PageDown'], 'keys.page'], [['Home', 'End'], 'keys.ends'],
  [['1', '…', '0'], 'keys.rows'], [['T'], 'keys.today'], [['F'], 'keys.facilities'], [['/'], 'keys.find'], [['Enter'], 'keys.open'],
  [['Esc'], 'keys.close'], [['?'], 'keys.help'],
];

export function Keys({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t('keys.title')} onClose={onClose}>
      <div class="keys">
        {KEY_LINES.map(([keys, label]) => (
          <KeyLine key={label} keys={keys} label={t(label)} />
        ))}
      </div>
      <label class="row">
        <input
          type="checkbox"
          checked={preferences.value.letters}
          onChange={(event) => void prefer({ letters: event.currentTarget.checked })}
        />
        {t('keys.letters')}
      </label>
    </Dialog>
  );
}
function KeyLine({ keys, label }: { keys: string[]; label: string }) {
  return (
    <>
      <span class="row">
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </span>
      <span>{label}</span>
    </>
  );
}
