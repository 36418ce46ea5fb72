// SPDX-License-Identifier: Apache-2.0
/* A PDF drawn by us, for browsers that show none in a frame (phones). Pages near the screen are
 * drawn on a canvas, with their text beside for those who listen. Nothing in the document runs
 * or leads anywhere: no scripts, no forms, no links; its worker comes from this server alone. */
import {
  AnnotationMode, PDFWorker, PasswordException, getDocument, version, type PDFDocumentProxy, type PDFPageProxy,
} from 'pdfjs-dist/legacy/build/pdf.mjs';
import { useEffect, useRef, useState } from 'preact/hooks';
import { t, type Key } from '../../i18n/t.ts';
import { startWorker } from '../../trusted.ts';
import { Icon } from '../../ui/Icon.tsx';
import { Notice } from '../../ui/pieces.tsx';
import { PAGES_MAX, ZOOMS, sameShape, scaleOf } from './pdf.ts';
import { PIXELS_MAX } from './parts.ts';

const HOME = `/assets/pdfjs-${version}/`;
const TEXT_MAX = 20_000;

/** Its own worker, gone with it. */
function usePdf(blob: Blob) {
  const [pdf, setPdf] = useState<PDFDocumentProxy>();
  const [failed, setFailed] = useState<Key>();
  useEffect(() => {
    let isOver = false;
    const port = startWorker(`${HOME}worker.js`);
    const worker = PDFWorker.create({ port });
    const fail = (why: Key) => {
      if (!isOver) setFailed(why);
    };
    port.addEventListener('error', () => fail('pdf.no_worker'));
    void (async () => {
      try {
        const data = new Uint8Array(await blob.arrayBuffer());
        const opened = await getDocument({
          data, worker, cMapUrl: `${HOME}cmaps/`, wasmUrl: HOME, useWasm: false, useWorkerFetch: true, useSystemFonts: true,
          enableXfa: false, maxImageSize: PIXELS_MAX, verbosity: 0,
        }).promise;
        if (isOver) return;
        if (opened.numPages > 0) setPdf(opened);
        else fail('pdf.broken');
      } catch (failure) {
        fail(failure instanceof PasswordException ? 'pdf.password' : 'pdf.broken');
      }
    })();
    return () => {
      isOver = true;
      worker.destroy();
      port.terminate();
    };
  }, [blob]);
  return { pdf, failed };
}

/** Draws while it is near the screen, and gives the canvas back when it is not. */
function Page({ pdf, number, width }: { pdf: PDFDocumentProxy; number: number; width: number }) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [isNear, setIsNear] = useState(false);
  const [shape, setShape] = useState('210 / 297');
  const [text, setText] = useState('');
  const [hasFailed, setHasFailed] = useState(false);
  useEffect(() => {
    const watcher = new IntersectionObserver((seen) => setIsNear(seen.at(-1)?.isIntersecting ?? false), { rootMargin: '400px' });
    if (box.current) watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  useEffect(() => {
    const target = canvas.current;
    if (!isNear || !target || width === 0) return undefined;
    let isOver = false;
    let page: PDFPageProxy | undefined;
    let drawing: ReturnType<PDFPageProxy['render']> | undefined;
    void (async () => {
      try {
        page = await pdf.getPage(number);
        if (isOver) return;
        const given = page.getViewport({ scale: 1 });
        setShape(sameShape(given.width, given.height));
        const scale = scaleOf(given.width, given.height, width, devicePixelRatio);
        const viewport = page.getViewport({ scale });
        target.width = Math.max(1, Math.floor(viewport.width));
        target.height = Math.max(1, Math.floor(viewport.height));
        drawing = page.render({ canvas: target, viewport, annotationMode: AnnotationMode.ENABLE });
        await drawing.promise;
        const { items } = await page.getTextContent();
        if (!isOver) setText(items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : '')).join('').slice(0, TEXT_MAX));
      } catch {
        if (!isOver) setHasFailed(true);
      }
    })();
    return () => {
      isOver = true;
      drawing?.cancel();
      target.width = target.height = 0;
    };
  }, [isNear, width, number]);
  return (
    <div class="pdf-page" ref={box} role="group" aria-label={t('pdf.page', { n: number, total: pdf.numPages })} style={{ aspectRatio: shape, width: `${width}px` }}>
      {hasFailed ? <Notice tone="bad" title={t('pdf.page_failed', { n: number })} /> : <canvas ref={canvas} width={0} height={0} aria-hidden="true" />}
      <p class="sr">{text}</p>
    </div>
  );
}

export function PdfPages({ blob, title }: { blob: Blob; title: string }) {
  const { pdf, failed } = usePdf(blob);
  const scroll = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(0);
  const [zoom, setZoom] = useState(0);
  useEffect(() => {
    if (!scroll.current) return undefined;
    const watcher = new ResizeObserver(() => setRoom(scroll.current?.clientWidth ?? 0));
    watcher.observe(scroll.current);
    return () => watcher.disconnect();
  }, [pdf]);
  if (failed) return <Notice tone="bad" title={t(failed)}><p>{t('pdf.save_instead')}</p></Notice>;
  if (!pdf) return <div role="status" class="small quiet">{t('document.fetching')}</div>;
  const count = Math.min(pdf.numPages, PAGES_MAX);
  const width = Math.floor(room * (ZOOMS[zoom] ?? 1));
  const by = (step: number) => setZoom(Math.min(Math.max(zoom + step, 0), ZOOMS.length - 1));
  return (
    <div class="pdf">
      <div class="pdf-tools row">
        <span class="small">{t('pdf.pages', { n: pdf.numPages })}</span>
        <button type="button" class="btn compact icon push" aria-disabled={zoom === 0 ? true : undefined} onClick={() => by(-1)}>
          <b aria-hidden="true">−</b>
          <span class="sr">{t('pdf.smaller')}</span>
        </button>
        <span class="small num" role="status">{Math.round((ZOOMS[zoom] ?? 1) * 100)}%</span>
        <button type="button" class="btn compact icon" aria-disabled={zoom === ZOOMS.length - 1 ? true : undefined} onClick={() => by(1)}>
          <Icon name="plus" />
          <span class="sr">{t('pdf.larger')}</span>
        </button>
      </div>
      <div class="pdf-scroll" ref={scroll} tabIndex={0} role="group" aria-label={title}>
        {Array.from({ length: count }, (_, index) => (
          <Page key={index} pdf={pdf} number={index + 1} width={width} />
        ))}
        {pdf.numPages > count && <Notice tone="wait" title={t('pdf.many', { n: count, total: pdf.numPages })}><p>{t('pdf.save_instead')}</p></Notice>}
      </div>
    </div>
  );
}
