// SPDX-License-Identifier: Apache-2.0
/* Marked pictures on one page for a referral or a record: whose, from where, which picture of
 * which series, a comment of the one who marked. On paper, or as one picture file; each time the
 * audit has its row first (OU-4). */
import { useState } from 'preact/hooks';
import { api, type Facility, type Person } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { slashed } from '../../i18n/wareki.ts';
import { Icon } from '../../ui/Icon.tsx';
import { ProblemNotice } from '../../ui/pieces.tsx';
import { Paper } from '../print/Paper.tsx';
import { MarkImage } from './KeyStrip.tsx';
import { drawSheet } from './keyPage.ts';
import type { Mark } from './mark.ts';

const COMMENT_MAX = 200;

interface KeySheetProps {
  person: Person;
  marks: Mark[];
  facilityOf: (id: string) => Facility | undefined;
  onMarks: (marks: Mark[]) => void;
  onBack: () => void;
}

/** Line by line, as it stands under the picture. */
function factsOf({ study, series, image, frame, said }: Mark, facility: Facility | undefined): string[] {
  const { lossy_ratio: ratio } = image;
  const numbers = t('key.numbers', { series: series.number, image: image.number });
  return [
    [facility?.name, study.study.date && slashed(study.study.date), study.study.description].filter(Boolean).join('　'),
    [series.modality, series.description, image.frames > 1 ? `${numbers} ${t('key.frame', { n: frame + 1 })}` : numbers].filter(Boolean).join('　'),
    said,
    [t('image.reference'), ratio ? t('image.lossy.ratio', { ratio: Math.round(ratio) }) : ratio === 0 && t('image.lossy')].filter(Boolean).join('　'),
  ];
}

export function KeySheet({ person, marks, facilityOf, onMarks, onBack }: KeySheetProps) {
  const [drawn, setDrawn] = useState(new Set<Mark['blob']>());
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const openings = [...new Set(marks.map(({ study }) => study.opening))];
  const lines = (mark: Mark) => factsOf(mark, facilityOf(mark.study.head.facility));
  const change = (mark: Mark, comment: string) => onMarks(marks.map((one) => (one === mark ? { ...one, comment } : one)));

  async function save() {
    setIsBusy(true);
    setProblem(undefined);
    try {
      const rows = [];
      for (const opening of openings) rows.push(await api.print(opening));
      const blob = await drawSheet(person, marks.map((mark) => ({ ...mark, lines: lines(mark) })), rows);
      const url = URL.createObjectURL(blob);
      const link = document.createElement('a');
      link.href = url;
      link.download = 'key-images.png'; // a name of its own would carry the patient into folders
      link.click();
      setTimeout(() => URL.revokeObjectURL(url));
    } catch (failure) {
      setProblem(failure);
    }
    setIsBusy(false);
  }

  const tools = (
    <>
      <p class="small quiet">{t('key.note')}</p>
      <div class="row">
        <button type="button" class="btn" disabled={isBusy || marks.length === 0} onClick={() => void save()}>
          <Icon name="download" />
          {t('key.save')}
        </button>
      </div>
      {problem !== undefined && <ProblemNotice problem={problem} retry={() => void save()} />}
    </>
  );
  const isThere = marks.every(({ blob }) => drawn.has(blob));
  return (
    <Paper title={t('key.sheet')} person={person} openings={openings} waitsFor={isThere ? 0 : 1} back="" onBack={onBack} tools={tools}>
      {marks.length === 0 && <p>{t('key.none')}</p>}
      <div class="key-sheet">
        {marks.map((mark, at) => (
          <figure key={`${mark.study.opening} ${mark.index} ${mark.at}`}>
            <MarkImage mark={mark} alt={mark.said} onDrawn={() => setDrawn((old) => new Set(old).add(mark.blob))} />
            <figcaption>
              {lines(mark).map((line, place) => (
                <span key={place}>{line}</span>
              ))}
              {mark.comment && <b class="only-paper">{mark.comment}</b>}
              <label class="only-screen">
                {t('key.comment', { n: at + 1 })}
                <textarea maxLength={COMMENT_MAX} rows={2} value={mark.comment ?? ''} onInput={(event) => change(mark, event.currentTarget.value)} />
              </label>
              <button type="button" class="btn compact only-screen" onClick={() => onMarks(marks.filter((one) => one !== mark))}>
                {t('key.drop', { name: String(at + 1) })}
              </button>
            </figcaption>
          </figure>
        ))}
      </div>
    </Paper>
  );
}
