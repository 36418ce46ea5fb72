// SPDX-License-Identifier: Apache-2.0
/* What is otherwise dragged, in steps. */
import { t, type Key } from '../../i18n/t.ts';
import { zoomAt } from '../../viewer/geometry.ts';
import type { Pane } from '../../viewer/pane.ts';
import { canWindow } from '../../viewer/study.ts';

const STEP = 40;

function Pair({ what, less, more }: { what: Key; less: () => void; more: () => void }) {
  return (
    <div class="v-pair" role="group" aria-label={t(what)}>
      <span aria-hidden="true">{t(what)}</span>
      <button type="button" onClick={less} aria-label={t('image.less', { what: t(what) })}>
        −
      </button>
      <button type="button" onClick={more} aria-label={t('image.more', { what: t(what) })}>
        ＋
      </button>
    </div>
  );
}

const MOVES: [Key, string, number, number][] = [
  ['image.move.left', '←', -STEP, 0], ['image.move.right', '→', STEP, 0], ['image.move.up', '↑', 0, -STEP], ['image.move.down', '↓', 0, STEP],
];

export function FineSteps({ pane }: { pane: Pane }) {
  const zoom = (by: number) => pane.look(zoomAt(pane.view, { width: 0, height: 0 }, by, [0, 0]));
  return (
    <div>
      {pane.image && canWindow(pane.image) && (
        <>
          <Pair what="image.fine.width" less={() => pane.turnWindow(-12, 0)} more={() => pane.turnWindow(12, 0)} />
          <Pair what="image.fine.center" less={() => pane.turnWindow(0, -12)} more={() => pane.turnWindow(0, 12)} />
        </>
      )}
      <Pair what="image.fine.zoom" less={() => zoom(0.8)} more={() => zoom(1.25)} />
      <div class="v-pair" role="group" aria-label={t('image.fine.move')}>
        <span aria-hidden="true">{t('image.fine.move')}</span>
        {MOVES.map(([label, sign, x, y]) => (
          <button key={sign} type="button" aria-label={t(label)} onClick={() => pane.look({ x: pane.view.x + x, y: pane.view.y + y })}>
            {sign}
          </button>
        ))}
      </div>
    </div>
  );
}
