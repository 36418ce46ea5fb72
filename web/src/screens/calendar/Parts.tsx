// SPDX-License-Identifier: Apache-2.0
/* Files that belong to a document: pictures where they stand in the text, papers in the viewer,
 * everything else as a line to save. Shown only as what their first bytes say they are. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { api } from '../../api/client.ts';
import { Problem } from '../../api/problem.ts';
import { t } from '../../i18n/t.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { lazy } from '../../ui/lazy.tsx';
import { Notice, ProblemNotice } from '../../ui/pieces.tsx';
import { canOpen, kindOfBytes, sizeText } from './blocks.ts';
import { PIXELS_MAX, Turns, isDrawn, isPicture, pixelsOf, type Part } from './parts.ts';
import { hasViewer } from './pdf.ts';

/** Where parts are fetched from. */
export interface Source {
  opening: string;
  /** The list that the numbers are from; none: only the original itself. */
  list: string | undefined;
  /** The document is read anew: it has changed at its hospital. */
  onChanged: () => void;
  /** On paper: what stands in the text is fetched at once, and told when it is drawn or lost. */
  onSettled?: Settled | undefined;
}
export type Settled = (picture: string, isSettled: boolean) => void;

const PdfPages = lazy(() => import('./PdfPages.tsx').then((m) => m.PdfPages));

class NotShown extends Error {}

const AT_A_TIME = 2;
const turns = new Turns(AT_A_TIME);

async function fetchAs(source: Source, part: string | undefined, type: string, signal: AbortSignal): Promise<Blob> {
  const of = part && source.list ? { part: Number(part), list: source.list } : undefined;
  const bytes = await api.original(source.opening, signal, of);
  const head = new Uint8Array(await (isPicture(type) ? bytes : bytes.slice(0, 16)).arrayBuffer());
  if (kindOfBytes(head) !== type || pixelsOf(head, type) > PIXELS_MAX) throw new NotShown();
  return new Blob([bytes], { type });
}

/** A blob's address as long as it is shown. */
function useBlob(source: Source, part: string | undefined, type: string, isWanted: boolean) {
  const [url, setUrl] = useState('');
  const [blob, setBlob] = useState<Blob>();
  const [problem, setProblem] = useState<unknown>();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!isWanted) return undefined;
    const stop = new AbortController();
    let made = '';
    setProblem(undefined);
    setUrl('');
    turns.take(() => fetchAs(source, part, type, stop.signal), stop.signal).then(
      (blob) => {
        if (stop.signal.aborted) return;
        made = URL.createObjectURL(blob);
        setBlob(blob);
        setUrl(made);
      },
      (failure) => {
        if (!stop.signal.aborted) setProblem(failure);
      },
    );
    return () => {
      stop.abort();
      if (made) URL.revokeObjectURL(made);
    };
  }, [source.opening, source.list, part, type, isWanted, turn]);
  return { url, blob, problem, setProblem, again: () => setTurn(turn + 1) };
}

function Trouble({ source, problem, retry }: { source: Source; problem: unknown; retry: () => void }) {
  if (problem instanceof NotShown) return <Notice tone="bad" title={t('part.not_shown')} />;
  // changed at its hospital, or the opening has run out: trying the same again would not help
  const isOld = problem instanceof Problem && (problem.code === 'source_changed' || problem.status === 404 || problem.status === 410);
  return <ProblemNotice problem={problem} retry={isOld ? source.onChanged : retry} />;
}

/* Twice its own size where there is room; on a phone it is moved under the finger. */
function Large({ url, title, onError }: { url: string; title: string; onError: () => void }) {
  const [width, setWidth] = useState<number>();
  return (
    <div class="doc-viewer picture" tabIndex={0} role="group" aria-label={title}>
      <img src={url} alt={title} width={width} onError={onError}
        onLoad={(event) => setWidth(event.currentTarget.naturalWidth * 2)} />
    </div>
  );
}

/** The original, or a part of it, in a frame of its own; given back when it is closed. */
export function Viewer(props: { source: Source; part?: string; type: string; title: string; onClose: () => void }) {
  const { source, part, type, title, onClose } = props;
  const { url, blob, problem, setProblem, again } = useBlob(source, part, type, true);
  return (
    <Dialog title={title} onClose={onClose} wide>
      {url && problem === undefined && isPicture(type) ? (
        <Large url={url} title={title} onError={() => setProblem(new NotShown())} />
      ) : (
        <div class="doc-viewer">
          {problem !== undefined && <Trouble source={source} problem={problem} retry={again} />}
          {!url && problem === undefined && <div role="status" class="small quiet">{t('document.fetching')}</div>}
          {url && blob && problem === undefined && !hasViewer() && <PdfPages blob={blob} title={title} />}
          {url && problem === undefined && hasViewer() && <iframe src={`${url}#navpanes=0`} title={title} />}
        </div>
      )}
    </Dialog>
  );
}

const line = (...parts: (string | undefined)[]) => parts.filter(Boolean).join('　');
const sizeOf = (part: Part) => (part.size ? sizeText(part.size) : '');

function Save({ source, part }: { source: Source; part: Part }) {
  if (part.isTooLarge) return <span class="small quiet">{t('part.too_large')}</span>;
  if (!source.list) return null;
  return (
    <a class="btn plain compact" download
      href={api.originalUrl(source.opening, { part: Number(part.number), list: source.list })}>
      <Icon name="download" />
      {t('part.save')}
      <span class="sr">{part.name}</span>
    </a>
  );
}

/** A line with what there is, and the ways to it. */
export function Attachment({ source, part, title }: { source: Source; part: Part; title: string }) {
  const [isOpen, setIsOpen] = useState(false);
  const name = title || part.name || t('part.unnamed');
  if (source.onSettled) {
    return <p class="doc-figure">{t('part.paper.file', { name: line(name, part.format, sizeOf(part)) })}</p>;
  }
  const opens = canOpen(part.type) && !part.isTooLarge && source.list !== undefined;
  return (
    <div class="doc-file">
      <span class="doc-name">
        {name}
        <small class="quiet">{line(part.name === name ? '' : part.name, part.format, sizeOf(part))}</small>
      </span>
      <span class="doc-ways">
        {opens && (
          <button type="button" class="btn compact" onClick={() => setIsOpen(true)}>
            {t('document.open')}
            <span class="sr">{name}</span>
          </button>
        )}
        <Save source={source} part={part} />
      </span>
      {isOpen && (
        <Viewer source={source} part={part.number} type={part.type} title={name} onClose={() => setIsOpen(false)} />
      )}
    </div>
  );
}

/** A picture at its place, fetched when it comes near the screen, larger when it is pressed. */
export function Picture({ source, part, caption }: { source: Source; part: Part; caption: string }) {
  const box = useRef<HTMLElement>(null);
  const [isNear, setIsNear] = useState(false);
  const [isOpen, setIsOpen] = useState(false);
  useEffect(() => {
    const watcher = new IntersectionObserver(
      (seen) => {
        if (seen.some((one) => one.isIntersecting)) setIsNear(true);
      },
      { rootMargin: '300px' },
    );
    if (box.current) watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  const { url, problem, setProblem, again } = useBlob(source, part.number, part.type, isNear);
  const words = caption || part.name || t('part.picture');
  return (
    <figure class="doc-picture" ref={box}>
      {problem !== undefined && (
        <>
          <Trouble source={source} problem={problem} retry={again} />
          {problem instanceof NotShown && <Save source={source} part={part} />}
        </>
      )}
      {problem === undefined && !url && (
        <div class="skel" role="status">
          <span class="sr">{t('part.fetching', { name: words })}</span>
        </div>
      )}
      {problem === undefined && url && (
        <button type="button" onClick={() => setIsOpen(true)} title={t('part.larger')}>
          <img src={url} alt={words} onError={() => setProblem(new NotShown())} />
          <span class="sr">{t('part.larger')}</span>
        </button>
      )}
      {caption && <figcaption>{caption}</figcaption>}
      {isOpen && (
        <Viewer source={source} part={part.number} type={part.type} title={words} onClose={() => setIsOpen(false)} />
      )}
    </figure>
  );
}

/** On paper: large enough to read, or words in its place. */
function PaperPicture({ source, part, caption, onSettled }: { source: Source; part: Part; caption: string; onSettled: Settled }) {
  const id = useId();
  const { url, problem, setProblem, again } = useBlob(source, part.number, part.type, true);
  const [drawn, setDrawn] = useState('');
  const isSettled = problem !== undefined || (url !== '' && drawn === url);
  useEffect(() => {
    onSettled(id, isSettled);
    return () => onSettled(id, false);
  }, [isSettled]);
  const words = caption || part.name || t('part.picture');
  return (
    <figure class="doc-picture">
      {problem !== undefined ? (
        <>
          <p class="doc-figure">{t('part.paper.missing', { name: words })}</p>
          <div class="no-paper">
            <Trouble source={source} problem={problem} retry={again} />
          </div>
        </>
      ) : (
        url && (
          <img
            src={url}
            alt={words}
            onError={() => setProblem(new NotShown())}
            onLoad={({ currentTarget: image }) =>
              void image.decode().then(() => setDrawn(url), () => setProblem(new NotShown()))}
          />
        )
      )}
      {caption && <figcaption>{caption}</figcaption>}
    </figure>
  );
}

/** What a reference of the text is drawn as. */
export function Referred({ source, part, caption }: { source: Source; part: Part; caption: string }) {
  const isShown = isDrawn(part, source.list);
  if (isShown && source.onSettled) {
    return <PaperPicture source={source} part={part} caption={caption} onSettled={source.onSettled} />;
  }
  return isShown ? (
    <Picture source={source} part={part} caption={caption} />
  ) : (
    <Attachment source={source} part={part} title={caption} />
  );
}
