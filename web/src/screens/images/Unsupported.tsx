// SPDX-License-Identifier: Apache-2.0
/* In a picture's place where it cannot be shown: why, and its file. */
import { t } from '../../i18n/t.ts';
import { Icon } from '../../ui/Icon.tsx';
import { Notice } from '../../ui/pieces.tsx';
import type { PaneProps } from './PaneView.tsx';
import { instanceUrl } from './calls.ts';

export function Unsupported({ pane, of }: Pick<PaneProps, 'pane' | 'of'>) {
  const { image } = pane;
  const instance = pane.frames[pane.at]?.instance ?? 0;
  return (
    <div class="v-over">
      <Notice tone="wait" title={t('image.unsupported')}>
        <p>{t('image.unsupported.next', { syntax: image?.syntax ?? '' })}</p>
        <a class="btn compact" href={instanceUrl({ opening: of.opening, series: pane.index, instance })} download>
          <Icon name="download" />
          {t('image.save.one')}
        </a>
      </Notice>
    </div>
  );
}
