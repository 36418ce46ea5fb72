// SPDX-License-Identifier: Apache-2.0
/* What in a study is no picture: a structured report as a page, an encapsulated PDF in its view,
 * everything else by its name with the file to save. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Item, Person } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { useBlobUrl } from '../../ui/blobUrl.ts';
import { Icon } from '../../ui/Icon.tsx';
import { lazy } from '../../ui/lazy.tsx';
import { Notice, ProblemNotice } from '../../ui/pieces.tsx';
import type { Series } from '../../viewer/study.ts';
import { hasViewer } from '../calendar/pdf.ts';
import { formatOf, instanceUrl, readDocument, readReport, readWaveform } from './calls.ts';

const Document = lazy(() => import('../calendar/Document.tsx').then((m) => m.Document), 'content');
const Waves = lazy(() => import('../waves/Waves.tsx').then((m) => m.Waves), 'wave');
const PrintWave = lazy(() => import('../waves/PrintWave.tsx').then((m) => m.PrintWave), 'wave', 'print');
const PdfPages = lazy(() => import('../calendar/PdfPages.tsx').then((m) => m.PdfPages), 'content');

interface PaperProps {
  person: Person;
  opening: string;
  index: number;
  series: Series;
  instance: number;
  /** Whose it is, in words. */
  facility: string;
  /** Once more, which after an opening that has run out is another opening. */
  again: (of: { retry: () => void }, why: unknown) => void;
  /** Sheets to print, which take the whole page; nothing = no more. */
  onSheets: (sheets: JSX.Element | undefined) => void;
}

function useRead<T>(read: (signal: AbortSignal) => Promise<T>) {
  const [value, setValue] = useState<T>();
  const [problem, setProblem] = useState<unknown>();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setProblem(undefined);
    read(stop.signal).then(
      (came) => !stop.signal.aborted && setValue(came),
      (failure: unknown) => !stop.signal.aborted && setProblem(failure),
    );
    return () => stop.abort();
  }, [turn]);
  return { value, problem, retry: () => setTurn(turn + 1) };
}

class NoPdf extends Error {}

async function pdfOf(blob: Blob): Promise<Blob> {
  const head = new TextDecoder('latin1').decode(await blob.slice(0, 5).arrayBuffer());
  if (head !== '%PDF-') throw new NoPdf();
  return new Blob([blob], { type: 'application/pdf' });
}

function Waiting() {
  return (
    <p class="v-wait" role="status">
      {t('app.loading')}
    </p>
  );
}

function Pdf({ opening, index, series, instance, again }: PaperProps) {
  const { value: blob, problem, retry } = useRead((signal) => readDocument({ opening, series: index, instance }, signal).then(pdfOf));
  const url = useBlobUrl(blob);
  if (problem instanceof NoPdf) return <Notice tone="bad" title={t('image.document.bad')} />;
  if (problem !== undefined) return <ProblemNotice problem={problem} retry={() => again({ retry }, problem)} reads />;
  if (!blob) return <Waiting />;
  const title = series.description || t('image.kind.document');
  return hasViewer() ? url && <iframe src={`${url}#navpanes=0`} title={title} /> : <PdfPages blob={blob} title={title} />;
}

function Report({ opening, index, series, instance, again }: PaperProps) {
  const { value, problem, retry } = useRead<{ items: Item[] }>((signal) => readReport({ opening, series: index, instance }, signal));
  if (problem !== undefined) return <ProblemNotice problem={problem} retry={() => again({ retry }, problem)} reads />;
  if (!value) return <Waiting />;
  const items = value.items as unknown as Record<string, string | undefined>[];
  return <Document items={items} opening={undefined} list={undefined} title={series.description} onChanged={retry} />;
}

function Wave({ person, opening, index, series, instance, facility, again, onSheets }: PaperProps) {
  const title = series.description || t('image.kind.waveform');
  return (
    <Waves
      again={again}
      load={(wish, signal) => readWaveform({ opening, series: index, instance }, wish, signal)}
      onPrint={(of) =>
        onSheets(<PrintWave person={person} opening={opening} title={title} facility={facility} of={of} onBack={() => onSheets(undefined)} />)
      }
    />
  );
}

export function SeriesPaper(props: PaperProps) {
  const { series, opening, index, instance } = props;
  return (
    <div class="v-paper" tabIndex={0} role="region" aria-label={series.description || t(`image.kind.${series.kind}`)}>
      {series.kind === 'document' && <Pdf {...props} />}
      {series.kind === 'report' && <Report {...props} />}
      {series.kind === 'waveform' && <Wave {...props} />}
      {series.kind === 'other' && (
        <Notice title={t('image.other')}>
          <p>{t('image.other.next')}</p>
        </Notice>
      )}
      <a class="btn compact" href={instanceUrl({ opening, series: index, instance })} download>
        <Icon name="download" />
        {t('image.save.file', { format: formatOf(series) })}
      </a>
    </div>
  );
}
