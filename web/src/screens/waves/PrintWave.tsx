// SPDX-License-Identifier: Apache-2.0
/* The waveform at the scale that is said, on the paper that every print is on. */
import { useEffect, useState } from 'preact/hooks';
import type { Person } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { Icon } from '../../ui/Icon.tsx';
import { Paper } from '../print/Paper.tsx';
import type { Picture } from './picture.ts';

const UPRIGHT_MM = 200;

interface PrintProps {
  person: Person;
  /** Its printing is written down. */
  opening: string;
  title: string;
  picture: Picture;
  onBack: () => void;
}

export function PrintWave({ person, opening, title, picture, onBack }: PrintProps) {
  const [url, setUrl] = useState('');
  const [isDrawn, setIsDrawn] = useState(false);
  useEffect(() => {
    const made = URL.createObjectURL(picture.blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [picture]);
  const { width_mm, speed, gain } = picture;
  return (
    <Paper
      title={t('wave.print')}
      person={person}
      openings={[opening]}
      waitsFor={isDrawn ? 0 : 1}
      isWide={width_mm > UPRIGHT_MM}
      back={`/p/${person.id}/calendar`}
      tools={
        <button type="button" class="btn compact" onClick={onBack}>
          <Icon name="left" />
          {t('wave.back')}
        </button>
      }
    >
      <p>{title}</p>
      {url && (
        <img
          class="paper-wave"
          src={url}
          alt={title}
          style={{ width: `${width_mm}mm` }}
          onLoad={() => setIsDrawn(true)}
        />
      )}
      <p>
        {t('wave.print.scale', { speed, gain })}　{t('wave.reference')}
      </p>
    </Paper>
  );
}
