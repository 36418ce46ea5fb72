// SPDX-License-Identifier: Apache-2.0
/* The keys of the viewer. */
import { t, type Key } from '../../i18n/t.ts';
import { prefer, preferences } from '../../preferences.ts';
import { Dialog } from '../../ui/Dialog.tsx';

const LINES: [string[], Key][] = [
  [['↑', '↓'], 'image.keys.frame'], [['PageUp', 'PageDown'], 'image.keys.ten'], [['Home', 'End'], 'image.keys.ends'],
  [['←', '→'], 'image.keys.series'], [['S', 'W', 'P', 'Z', 'L', 'A'], 'image.keys.tools'], [['1', '…', '6'], 'image.keys.preset'],
  [['R', 'I'], 'image.keys.reset'], [['K'], 'image.key'], [['Space'], 'image.keys.play'], [['Esc'], 'image.keys.back'], [['?'], 'keys.help'],
];

export function ImageKeys({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t('image.keys')} onClose={onClose}>
      <div class="keys">
        {LINES.map(([keys, label]) => (
          <Line key={label} keys={keys} label={label} />
        ))}
      </div>
      <label class="row">
        <input type="checkbox" checked={preferences.value.letters} onChange={(event) => void prefer({ letters: event.currentTarget.checked })} />
        {t('keys.letters')}
      </label>
    </Dialog>
  );
}

function Line({ keys, label }: { keys: string[]; label: Key }) {
  return (
    <>
      <span class="row">
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </span>
      <span>{t(label)}</span>
    </>
  );
}
