// SPDX-License-Identifier: Apache-2.0
/* The marked pictures beside the series, and the question whether they may go. */
import { t } from '../../i18n/t.ts';
import { useBlobUrl } from '../../ui/blobUrl.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { seriesName } from './Strip.tsx';
import type { Mark } from './mark.ts';

export function MarkImage({ mark, alt, onDrawn }: { mark: Mark; alt: string; onDrawn?: () => void }) {
  const url = useBlobUrl(mark.blob);
  return url ? <img src={url} alt={alt} onLoad={onDrawn} /> : null;
}

interface KeyStripProps {
  marks: Mark[];
  onGo: (mark: Mark) => void;
  onDrop: (mark: Mark) => void;
  onSheet: () => void;
}

export function KeyStrip({ marks, onGo, onDrop, onSheet }: KeyStripProps) {
  return (
    <section class="v-marks">
      <h2>{t('key.title', { n: marks.length })}</h2>
      <ul>
        {marks.map((mark) => {
          const name = `${seriesName(mark.series)} ${mark.said}`;
          return (
            <li key={`${mark.study.opening} ${mark.index} ${mark.at}`}>
              <button type="button" onClick={() => onGo(mark)}>
                <span class="v-thumb">
                  <MarkImage mark={mark} alt="" />
                  <i aria-hidden="true">{mark.at + 1}</i>
                </span>
                <span class="sr">{t('key.go', { name })}</span>
              </button>
              <button type="button" class="v-drop" title={t('key.drop', { name })} onClick={() => onDrop(mark)}>
                <span aria-hidden="true">×</span>
                <span class="sr">{t('key.drop', { name })}</span>
              </button>
            </li>
          );
        })}
      </ul>
      <button type="button" class="btn compact" onClick={onSheet}>
        {t('key.sheet')}
      </button>
    </section>
  );
}

interface LeaveProps {
  marks: Mark[];
  onLeave: () => void;
  onSheet: () => void;
  onClose: () => void;
}

export function LeaveMarks({ marks, onLeave, onSheet, onClose }: LeaveProps) {
  return (
    <Dialog title={t('key.leave.title')} onClose={onClose}>
      <p>{t('key.leave.text', { n: marks.filter(({ isKept }) => !isKept).length })}</p>
      <div class="row">
        <button type="button" class="btn primary" onClick={onSheet}>
          {t('key.sheet')}
        </button>
        <button type="button" class="btn" onClick={onLeave}>
          <Icon name="left" />
          {t('key.leave.do')}
        </button>
      </div>
    </Dialog>
  );
}
