// SPDX-License-Identifier: Apache-2.0
/* The picture as it is on the screen, on the paper that every print is on. */
import { useState } from 'preact/hooks';
import type { Facility, Person } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { slashed } from '../../i18n/wareki.ts';
import { useBlobUrl } from '../../ui/blobUrl.ts';
import type { Pane } from '../../viewer/pane.ts';
import { Paper } from '../print/Paper.tsx';
import { sayOf } from './PaneView.tsx';
import type { Opened } from './studies.ts';

interface PrintProps {
  person: Person;
  of: Opened;
  pane: Pane;
  facility: Facility | undefined;
  blob: Blob;
  onBack: () => void;
}

export function PrintImage({ person, of, pane, facility, blob, onBack }: PrintProps) {
  const url = useBlobUrl(blob);
  const [isDrawn, setIsDrawn] = useState(false);
  const { series, image } = pane;
  const facts = [facility?.name, slashed(of.study.date), series.modality, series.description, sayOf(pane)];
  const ratio = image?.lossy_ratio;
  return (
    <Paper title={t('image.print')} person={person} openings={[of.opening]} waitsFor={isDrawn ? 0 : 1} back="" onBack={onBack}>
      <p>{facts.filter(Boolean).join('　')}</p>
      {url && <img class="paper-image" src={url} alt={sayOf(pane)} onLoad={() => setIsDrawn(true)} />}
      <p>
        <b>{t('image.reference')}</b> {ratio ? t('image.lossy.ratio', { ratio: Math.round(ratio) }) : ratio === 0 && t('image.lossy')}
      </p>
    </Paper>
  );
}
