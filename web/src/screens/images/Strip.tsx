// SPDX-License-Identifier: Apache-2.0
/* The series of all studies on the screen, each with a picture from its middle. */
import type { ComponentChildren } from 'preact';
import type { Facility } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { slashed } from '../../i18n/wareki.ts';
import { useBlobUrl } from '../../ui/blobUrl.ts';
import { FacilityMark } from '../../ui/pieces.tsx';
import type { Loaded } from '../../viewer/pane.ts';
import type { Series } from '../../viewer/study.ts';
import type { Opened } from './studies.ts';

export interface StripProps {
  studies: Opened[];
  /** What the active pane shows. */
  current: { opening: string; index: number } | undefined;
  thumbnail: (opening: string, index: number) => Loaded | undefined;
  facilityOf: (id: string) => Facility | undefined;
  onChoose: (study: Opened, index: number) => void;
  children?: ComponentChildren;
}

export const seriesName = (series: Series): string =>
  t('image.series', { n: series.number, name: [series.modality, series.description].filter(Boolean).join(' ') });

function Thumbnail({ series, blob }: { series: Series; blob: Blob | undefined }) {
  const url = useBlobUrl(blob);
  if (url) return <img src={url} alt="" />;
  return <span class="v-kind">{series.kind === 'image' ? series.modality : t(`image.kind.${series.kind}`)}</span>;
}

export function Strip({ studies, current, thumbnail, facilityOf, onChoose, children }: StripProps) {
  return (
    <nav class="v-strip" aria-label={t('image.strip')}>
      {children}
      {studies.map((study) => {
        const facility = facilityOf(study.head.facility);
        return (
          <section key={study.opening}>
            {studies.length > 1 && (
              <h2>
                {facility && <FacilityMark facility={facility} />}
                {slashed(study.study.date)}
              </h2>
            )}
            <ul>
              {study.study.series.map((series, index) => {
                const isHere = current?.opening === study.opening && current.index === index;
                const count = series.instances.reduce((sum, { frames }) => sum + frames, 0);
                return (
                  <li key={index}>
                    <button type="button" aria-current={isHere ? 'true' : undefined} onClick={() => onChoose(study, index)}>
                      <span class="v-thumb">
                        <Thumbnail series={series} blob={series.kind === 'image' ? thumbnail(study.opening, index)?.blob : undefined} />
                        {count > 1 && <i>{count}</i>}
                      </span>
                      <span class="v-name" aria-hidden="true">
                        {series.description || series.modality}
                      </span>
                      <span class="sr">
                        {seriesName(series)} {t('image.count', { n: count })}
                      </span>
                    </button>
                  </li>
                );
              })}
            </ul>
          </section>
        );
      })}
    </nav>
  );
}
