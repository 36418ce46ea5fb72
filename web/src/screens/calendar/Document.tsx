// SPDX-License-Identifier: Apache-2.0
/* A document of a hospital: its headings, paragraphs, lists and tables as plain text of ours,
 * never its own mark-up; a PDF or a picture from the original, under its own kind only when its
 * bytes say so too, in a frame that runs nothing. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { api } from '../../api/client.ts';
import { t, word } from '../../i18n/t.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { Notice, ProblemNotice } from '../../ui/pieces.tsx';
import { canOpen, columnsOf, kindOfBytes, runsOf, sizeText, type Fields } from './blocks.ts';
import { timeText } from './times.ts';

function Facts({ item }: { item: Fields }) {
  const pairs: [string, string][] = [];
  const { from, to, created, author, organization } = item;
  if (from || to) {
    const isOneDay = !to || to.slice(0, 10) === from?.slice(0, 10);
    pairs.push([t('document.period'), isOneDay ? timeText(from ?? '') : `${timeText(from ?? '')} – ${timeText(to)}`]);
  }
  if (created) pairs.push([t('document.created'), timeText(created)]);
  if (author) pairs.push([word('field', 'author'), author]);
  if (organization) pairs.push([t('document.organization'), organization]);
  if (pairs.length === 0) return null;
  return (
    <dl class="generic">
      {pairs.map(([name, value]) => (
        <Pair key={name} name={name} value={value} />
      ))}
    </dl>
  );
}
function Pair({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

function Heading({ item }: { item: Fields }) {
  const text = item.text ?? '';
  if (item.level === '1') return <h3>{text}</h3>;
  if (item.level === '2') return <h4>{text}</h4>;
  return <h5>{text}</h5>;
}

function Bullets({ items }: { items: Fields[] }) {
  return (
    <ul class="doc-list">
      {items.map((item, index) => (
        <li key={index} class={`l${item.level ?? '1'}`}>
          <span class="mark" aria-hidden={item.mark ? undefined : true}>{item.mark ?? '・'}</span>
          <span class="prose">{item.text}</span>
        </li>
      ))}
    </ul>
  );
}

function Table({ items }: { items: Fields[] }) {
  const [first, ...rest] = items;
  const caption = first?.type === 'table' ? first.caption : undefined;
  const rows = first?.type === 'table' ? rest : items;
  const columns = columnsOf(rows);
  const heads = rows.filter((row) => row.head);
  const body = rows.filter((row) => !row.head);
  const cells = (row: Fields, index: number, isHead: boolean) => (
    <tr key={index}>
      {columns.map((column) =>
        isHead ? (
          <th key={column} scope="col">{row[column]}</th>
        ) : (
          <td key={column} class="prose">{row[column]}</td>
        ),
      )}
    </tr>
  );
  if (rows.length === 0) return null;
  return (
    <div class="doc-table" role="region" aria-label={caption ?? t('document.table')} tabIndex={0}>
      <table>
        {caption && <caption>{caption}</caption>}
        {heads.length > 0 && <thead>{heads.map((row, index) => cells(row, index, true))}</thead>}
        <tbody>{body.map((row, index) => cells(row, index, false))}</tbody>
      </table>
    </div>
  );
}

/* The original in a frame of its own; given back when it is closed. */
function Viewer({ opening, type, title, onClose }: { opening: string; type: string; title: string; onClose: () => void }) {
  const [url, setUrl] = useState('');
  const [problem, setProblem] = useState<unknown>();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    let made = '';
    setProblem(undefined);
    (async () => {
      const bytes = await api.original(opening, stop.signal);
      const head = new Uint8Array(await bytes.slice(0, 16).arrayBuffer());
      if (stop.signal.aborted) return;
      if (kindOfBytes(head) !== type) throw new Error('another kind');
      made = URL.createObjectURL(new Blob([bytes], { type }));
      setUrl(made);
    })().catch((failure) => {
      if (!stop.signal.aborted) setProblem(failure);
    });
    return () => {
      stop.abort();
      if (made) URL.revokeObjectURL(made);
    };
  }, [opening, type, turn]);
  return (
    <Dialog title={title} onClose={onClose} wide>
      <div class="doc-viewer">
        {problem !== undefined && <ProblemNotice problem={problem} retry={() => setTurn(turn + 1)} />}
        {!url && problem === undefined && <div role="status" class="small quiet">{t('document.fetching')}</div>}
        {url && (type === 'application/pdf' ? <iframe src={`${url}#navpanes=0`} title={title} /> : <img src={url} alt={title} />)}
      </div>
    </Dialog>
  );
}

function File({ item, opening, title }: { item: Fields; opening: string | undefined; title: string }) {
  const [isOpen, setIsOpen] = useState(false);
  const type = item.media_type ?? '';
  const format = line(item.format, item.size_bytes ? sizeText(item.size_bytes) : '');
  if (!opening || !canOpen(type)) {
    return <p class="small quiet">{t('document.file', { format })}</p>;
  }
  return (
    <div class="doc-file">
      <span>{format}</span>
      <button type="button" class="btn compact" onClick={() => setIsOpen(true)}>
        {t('document.open')}
      </button>
      {isOpen && <Viewer opening={opening} type={type} title={title} onClose={() => setIsOpen(false)} />}
    </div>
  );
}
const line = (...parts: (string | undefined)[]) => parts.filter(Boolean).join('　');

function Figure({ item }: { item: Fields }) {
  return <p class="doc-figure">{t('document.figure', { name: line(item.caption, item.file) })}</p>;
}

export interface DocumentProps {
  items: Fields[];
  /** Under which the original may be fetched. */
  opening: string | undefined;
  title: string;
}

export function Document({ items, opening, title }: DocumentProps) {
  const drawn: ComponentChildren[] = runsOf(items).map((run, index) => {
    const item = run[0] ?? {};
    switch (item.type) {
      case 'document':
        return <Facts key={index} item={item} />;
      case 'heading':
        return <Heading key={index} item={item} />;
      case 'list_item':
        return <Bullets key={index} items={run} />;
      case 'table':
      case 'table_row':
        return <Table key={index} items={run} />;
      case 'figure':
        return <Figure key={index} item={item} />;
      case 'preformatted':
        return <pre key={index} class="doc-text">{item.text}</pre>;
      case 'embedded':
        return <Notice key={index} title={t('document.embedded')} />;
      case 'cut':
        return <Notice key={index} tone="wait" title={item.text ?? ''} />;
      case 'file':
        return <File key={index} item={item} opening={opening} title={title} />;
      default:
        return <p key={index} class="prose">{item.text}</p>;
    }
  });
  return <article class="doc">{drawn}</article>;
}
