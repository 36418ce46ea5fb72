// SPDX-License-Identifier: Apache-2.0
/* A document of a hospital: its headings, paragraphs, lists and tables as plain text of ours,
 * never its own mark-up; a PDF or a picture from the original, under its own kind only when its
 * bytes say so too, in a frame that runs nothing. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { t, word } from '../../i18n/t.ts';
import { Notice } from '../../ui/pieces.tsx';
import { Attachment, Referred, Viewer, type Settled, type Source } from './Parts.tsx';
import { canOpen, columnsOf, runsOf, sizeText, type Fields } from './blocks.ts';
import { partsLeft, partsOf, type Part } from './parts.ts';
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

function File({ item, source, title }: { item: Fields; source: Source | undefined; title: string }) {
  const [isOpen, setIsOpen] = useState(false);
  const type = item.media_type ?? '';
  const format = line(item.format, item.size_bytes ? sizeText(item.size_bytes) : '');
  if (!source || source.onSettled || !canOpen(type)) {
    return <p class="small quiet">{t('document.file', { format })}</p>;
  }
  return (
    <div class="doc-file">
      <span>{format}</span>
      <button type="button" class="btn compact" onClick={() => setIsOpen(true)}>
        {t('document.open')}
      </button>
      {isOpen && <Viewer source={source} type={type} title={title} onClose={() => setIsOpen(false)} />}
    </div>
  );
}
const line = (...parts: (string | undefined)[]) => parts.filter(Boolean).join('　');

/* A picture, a paper, a file that the text points to; named only where it is not to be had. */
function Figure({ item, part, source }: { item: Fields; part: Part | undefined; source: Source | undefined }) {
  if (part && source) return <Referred source={source} part={part} caption={item.caption ?? ''} />;
  return <p class="doc-figure">{t('document.figure', { name: line(item.caption, item.file) })}</p>;
}

function Embedded({ part, source }: { part: Part | undefined; source: Source | undefined }) {
  if (part && source) return <Referred source={source} part={part} caption={t('part.body')} />;
  return <Notice title={t('document.embedded')} />;
}

function Left({ parts, source }: { parts: Part[]; source: Source | undefined }) {
  if (parts.length === 0 || !source) return null;
  return (
    <section class="doc-left" aria-label={t('part.left', { n: parts.length })}>
      <h3>{t('part.left', { n: parts.length })}</h3>
      {parts.map((part) => (
        <Attachment key={part.number} source={source} part={part} title="" />
      ))}
    </section>
  );
}

export interface DocumentProps {
  items: Fields[];
  /** Under which the original may be fetched. */
  opening: string | undefined;
  /** That its parts are numbered by. */
  list: string | undefined;
  title: string;
  onChanged: () => void;
  /** On paper. */
  onSettled?: Settled | undefined;
}

export function Document({ items, opening, list, title, onChanged, onSettled }: DocumentProps) {
  const source = opening ? { opening, list, onChanged, onSettled } : undefined;
  const parts = partsOf(items);
  const blocks = items.filter((item) => item.type !== 'part');
  const drawn: ComponentChildren[] = runsOf(blocks).map((run, index) => {
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
        return <Figure key={index} item={item} part={parts.get(item.part ?? '')} source={source} />;
      case 'preformatted':
        return <pre key={index} class="doc-text">{item.text}</pre>;
      case 'embedded':
        return <Embedded key={index} part={parts.get(item.part ?? '')} source={source} />;
      case 'cut':
        return <Notice key={index} tone="wait" title={item.text ?? ''} />;
      case 'file':
        return <File key={index} item={item} source={source} title={title} />;
      default:
        return <p key={index} class="prose">{item.text}</p>;
    }
  });
  return (
    <article class="doc">
      {drawn}
      <Left parts={partsLeft(items, parts)} source={source} />
    </article>
  );
}
