// SPDX-License-Identifier: Apache-2.0
/* Above the pictures: the way back, what they are of, what may be done with all of it, and what is
 * missing of it. */
import type { Facility } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { slashed } from '../../i18n/wareki.ts';
import { Icon } from '../../ui/Icon.tsx';
import { FacilityMark } from '../../ui/pieces.tsx';
import { formatOf, instanceUrl, zipUrl } from './calls.ts';
import type { Slot } from './slot.ts';
import type { Opened } from './studies.ts';

function Save({ slot }: { slot: Slot }) {
  const { opening } = slot.study;
  const instance = slot.pane?.frames[slot.pane.at]?.instance ?? 0;
  return (
    <details class="v-menu">
      <summary class="btn compact">
        <Icon name="download" />
        <span class="v-word">{t('image.save')}</span>
      </summary>
      <div>
        <a href={instanceUrl({ opening, series: slot.index, instance })} download>
          {slot.pane ? t('image.save.one') : t('image.save.this', { format: formatOf(slot.study.study.series[slot.index]) })}
        </a>
        <a href={zipUrl(opening, slot.index)} download>
          {t('image.save.series')}
        </a>
        <a href={zipUrl(opening)} download>
          {t('image.save.study')}
        </a>
        <p class="small">{t('image.save.note')}</p>
      </div>
    </details>
  );
}

export interface HeadProps {
  first: Opened;
  slot: Slot | undefined;
  facility: Facility | undefined;
  back: string;
  isLost: boolean;
  onLeave: () => void;
  onCompare: () => void;
  onPrint: () => void;
  onKeys: () => void;
}

export function Head({ first, slot, facility, back, isLost, onLeave, onCompare, onPrint, onKeys }: HeadProps) {
  const cut = (slot?.study ?? first).study;
  return (
    <header class="v-head">
      <a
        class="btn compact"
        href={back}
        onClick={(event) => {
          event.preventDefault();
          onLeave();
        }}
      >
        <Icon name="left" />
        <span class="v-word">{t('image.back')}</span>
      </a>
      <h2>
        {facility && <FacilityMark facility={facility} />}
        <span class="v-title">
          <b>{first.study.date ? slashed(first.study.date) : ''}</b> {first.study.description || first.head.title}
        </span>
      </h2>
      <span class="v-acts">
        <button type="button" class="btn compact" onClick={onCompare}>
          <Icon name="plus" />
          <span class="v-word">{t('image.compare')}</span>
        </button>
        {slot && <Save slot={slot} />}
        {slot?.pane && (
          <button type="button" class="btn compact" onClick={onPrint}>
            <Icon name="print" />
            <span class="v-word">{t('image.print')}</span>
          </button>
        )}
        <button type="button" class="btn compact icon only-wide" onClick={onKeys}>
          <Icon name="keyboard" />
          <span class="sr">{t('image.keys')}</span>
        </button>
      </span>
      {cut.is_cut && (
        <p class="v-cut">
          {t('image.cut', {
            n: cut.series.reduce((sum, { instances }) => sum + instances.length, 0),
            all: cut.instance_total ? t('image.cut.all', { n: cut.instance_total }) : '',
          })}
        </p>
      )}
      {isLost && (
        <p class="v-cut" role="status">
          {t('image.lost')}
        </p>
      )}
    </header>
  );
}
