// SPDX-License-Identifier: Apache-2.0
/* Over a grid with nothing in it: whether the choice leaves all of it out, or nothing is there. */
import { t } from '../../i18n/t.ts';

export function Empty({ isByChoice, onClear, onWhy }: { isByChoice: boolean; onClear: () => void; onWhy: () => void }) {
  return (
    <div class="cal-empty" role="status">
      <b>{t(isByChoice ? 'cal.empty.filter' : 'cal.empty')}</b>
      {isByChoice ? (
        <button type="button" class="btn compact" onClick={onClear}>
          {t('cal.empty.clear')}
        </button>
      ) : (
        <button type="button" class="btn compact" onClick={onWhy}>
          {t('cal.why')}
        </button>
      )}
    </div>
  );
}
