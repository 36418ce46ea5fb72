// SPDX-License-Identifier: Apache-2.0
/* Marked pictures on one page for a referral or a record: whose, from where, which picture of
 * which series, a comment of the one who marked. On paper, or as one picture file; each time the
 * audit has its row first (OU-4). */
import { useState } from 'preact/hooks';
import { Link } from 'wouter-preact';
import { api, type Facility, type Person } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { slashed } from '../../i18n/wareki.ts';
import { Icon } from '../../ui/Icon.tsx';
import { Notice, ProblemNotice } from '../../ui/pieces.tsx';
import { Paper } from '../print/Paper.tsx';
import { lazy } from '../../ui/lazy.tsx';
import { mayWrite } from '../../session.ts';
import { MarkImage } from './KeyStrip.tsx';
import { drawSheet } from './keyPage.ts';
import type { Mark } from './mark.ts';

/* One file of code for all that goes on paper. */
export { PrintImage } from './Print.tsx';
const KeyNote = lazy(() => import('../note/KeyNote.tsx').then((m) => m.KeyNote), 'note');

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
  const [isNoting, setIsNoting] = useState(false);
  const isKept = marks.length > 0 && marks.every((mark) => mark.isKept);
  const openings = [...new Set(marks.map(({ study }) => study.opening))];
  const lines = (mark: Mark) => factsOf(mark, facilityOf(mark.study.head.facility));
  const change = (mark: Mark, comment: string) => onMarks(marks.map((one) => (one === mark ? { ...one, comment, isKept: false } : one)));

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
        {mayWrite() && (
          <button type="button" class="btn primary" disabled={marks.length === 0 || isKept} onClick={() => setIsNoting(true)}>
            {t('key.keep')}
          </button>
        )}
        <button type="button" class="btn" disabled={isBusy || marks.length === 0} onClick={() => void save()}>
          <Icon name="download" />
          {t('key.save')}
        </button>
      </div>
      {isKept && (
        <Notice tone="good" title={t('key.kept')}>
          <Link href={`/p/${person.id}/notes`}>{t('key.kept.see')}</Link>
        </Notice>
      )}
      {problem !== undefined && <ProblemNotice problem={problem} retry={() => void save()} />}
      {isNoting && (
        <KeyNote
          person={person.id}
          marks={marks}
          labelOf={(mark) => lines(mark).slice(0, 3).join('　')}
          onClose={() => setIsNoting(false)}
          onDone={() => {
            setIsNoting(false);
            onMarks(marks.map((mark) => ({ ...mark, isKept: true })));
          }}
        />
      )}
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
