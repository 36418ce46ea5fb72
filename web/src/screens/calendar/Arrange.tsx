// SPDX-License-Identifier: Apache-2.0
/* Which rows the viewer has, and in which order. What is chosen holds at once. */
import { useState } from 'preact/hooks';
import { isAsGiven, moveRow, showRow } from '../../calendar/arrange.ts';
import { ROW_IDS } from '../../calendar/model.ts';
import { offGrid } from '../../calendar/offGrid.ts';
import { ALL_ROWS, shownOf } from '../../calendar/rows.ts';
import { t, word } from '../../i18n/t.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { heldText, type OffGridProps } from './OffGrid.tsx';

export function Arrange(props: OffGridProps & { onClose: () => void }) {
  const { rows, onChange } = props;
  const held = new Map(offGrid(props.model, rows.hidden, props.days.value).map((one) => [one.row, heldText(one)]));
  const [said, setSaid] = useState('');
  const name = (row: number) => word('row', ROW_IDS[row] ?? '');
  const isLast = shownOf(rows).length === 1;
  function move(row: number, by: -1 | 1) {
    const moved = moveRow(rows, row, by);
    onChange(moved);
    setSaid(t('rows.moved', { row: name(row), n: moved.order.indexOf(row) + 1 }));
  }
  return (
    <Dialog title={t('rows.title')} onClose={props.onClose}>
      <p class="small quiet">{t('rows.lead')}</p>
      <ol class="arrange">
        {rows.order.map((row, at) => {
          const isShown = !rows.hidden.has(row);
          return (
            <li key={row} class={isShown ? '' : 'off'}>
              <label class="row">
                <input
                  type="checkbox"
                  checked={isShown}
                  disabled={isShown && isLast}
                  title={isShown && isLast ? t('rows.last') : undefined}
                  aria-label={t('rows.show', { row: name(row) })}
                  onChange={(event) => onChange(showRow(rows, row, event.currentTarget.checked))}
                />
                <b>{name(row)}</b>
                {!isShown && <small class={held.has(row) ? 'tag wait' : 'quiet'}>{held.get(row) ?? t('rows.hidden')}</small>}
              </label>
              <button type="button" class="btn plain icon" aria-disabled={at === 0 ? true : undefined} onClick={() => at > 0 && move(row, -1)}>
                <Icon name="up" />
                <span class="sr">{t('rows.up', { row: name(row) })}</span>
              </button>
              <button
                type="button"
                class="btn plain icon"
                aria-disabled={at === rows.order.length - 1 ? true : undefined}
                onClick={() => at < rows.order.length - 1 && move(row, 1)}
              >
                <Icon name="down" />
                <span class="sr">{t('rows.down', { row: name(row) })}</span>
              </button>
            </li>
          );
        })}
      </ol>
      <p class="sr" role="status">
        {said}
      </p>
      <div class="row">
        <button type="button" class="btn" aria-disabled={isAsGiven(rows) ? true : undefined} onClick={() => onChange(ALL_ROWS)}>
          {t('rows.reset')}
        </button>
        <button type="button" class="btn primary push" onClick={props.onClose}>
          {t('app.close')}
        </button>
      </div>
    </Dialog>
  );
}
