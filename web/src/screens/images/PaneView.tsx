// SPDX-License-Identifier: Apache-2.0
/* One pane on the screen: the picture, what must be known about it at its edges, hands on it. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Facility } from '../../api/client.ts';
import { t, type Key } from '../../i18n/t.ts';
import { slashed } from '../../i18n/wareki.ts';
import { lazy } from '../../ui/lazy.tsx';
import { FacilityMark, ProblemNotice } from '../../ui/pieces.tsx';
import { useRecovery } from '../../ui/recovery.ts';
import { edgesOf } from '../../viewer/geometry.ts';
import type { Tool } from '../../viewer/gestures.ts';
import type { Pane } from '../../viewer/pane.ts';
import type { Lines } from '../../viewer/lines.ts';
import { canWindow } from '../../viewer/study.ts';
import { useHands, useStage } from './hands.ts';
import type { Opened } from './studies.ts';

const Unsupported = lazy(() => import('./Unsupported.tsx').then((m) => m.Unsupported));

export interface PaneProps {
  pane: Pane;
  of: Opened;
  facility: Facility | undefined;
  name: string;
  isActive: boolean;
  isMarked: boolean;
  tool: Tool;
  cuts: Lines['cuts'];
  onActive: () => void;
  onScroll: (steps: number) => void;
  onGo: (at: number) => void;
  onTools: () => void;
  onRetry: (problem: unknown) => void;
}

const SIDES: Record<string, Key> = { L: 'image.side.L', R: 'image.side.R', B: 'image.side.B' };

/** How lines are drawn comes after the first picture, which has none. */
function useLines(hasPicture: boolean, hasLines: boolean) {
  const [lines, setLines] = useState<typeof import('../../viewer/lines.ts')>();
  useEffect(() => {
    if (hasPicture && !lines) import('../../viewer/lines.ts').then(setLines, () => {}); // once more with a line
  }, [hasPicture, hasLines]);
  return lines;
}

export function PaneView(props: PaneProps) {
  const { pane } = props;
  const latest = useRef(props);
  latest.current = props;
  const { canvas, host, stage, isSized } = useStage();
  const { image } = pane;
  const { picture, isPreview } = pane.picture();
  const { measuring } = pane;
  const measures = measuring.all;
  const lines = useLines(picture !== undefined, props.cuts.length + measures.length > 0);
  useLayoutEffect(() => {
    const { current } = stage;
    if (!image || !current) return;
    const { view, window, isInverted } = pane;
    const above = { cuts: props.cuts, measures, detector: t('image.detector') };
    current.draw(image, picture, { view, window, isInverted }, (on) => lines?.drawLines(on, image, above));
  });

  const hands = useHands(host, stage, latest);
  const problem = pane.failure;
  useRecovery(pane.valuesFailure, () => props.onRetry(pane.valuesFailure));
  const count = pane.count;
  return (
    <div class={`v-pane ${props.isActive ? 'active' : ''}`} role="group" aria-label={props.name} onFocusIn={props.onActive}>
      <div
        class="v-host"
        ref={host}
        tabIndex={0}
        role="img"
        aria-label={sayOf(pane)}
        data-ready={picture && isSized ? (isPreview ? 'preview' : 'raw') : 'no'}
        {...hands}
        onContextMenu={(event) => event.preventDefault()}
        // lifting a finger that rested would press what has opened under it
        onTouchEnd={(event) => event.cancelable && event.preventDefault()}
      >
        <canvas ref={canvas} aria-hidden="true" />
      </div>
      <Around {...props} isPreview={isPreview} hasPicture={picture !== undefined} />
      {image && !image.is_supported && <Unsupported pane={pane} of={props.of} />}
      {problem !== undefined && (
        <div class="v-over">
          <ProblemNotice problem={problem} retry={() => props.onRetry(problem)} reads />
        </div>
      )}
      {image?.is_supported && !picture && problem === undefined && (
        <p class="v-wait" role="status">
          {t('image.fetching')}
        </p>
      )}
      {measures.length > 0 && image && (
        <ul class="sr" aria-label={t('image.measures')}>
          {measuring.done.map((measure, at) => (
            <li key={at}>{lines?.textOf(image, measure, t('image.detector'))}</li>
          ))}
        </ul>
      )}
      {count > 1 && (
        <input
          class="v-slider"
          type="range"
          min={1}
          max={count}
          value={pane.at + 1}
          aria-label={t('image.slider')}
          aria-valuetext={sayOf(pane)}
          onInput={(event) => props.onGo(Number(event.currentTarget.value) - 1)}
        />
      )}
    </div>
  );
}

const place = (mm: number) => `${mm < 0 ? '−' : ''}${Math.abs(mm).toFixed(1)}`;

export function sayOf(pane: Pane): string {
  const { depth } = pane;
  const slice = t('image.slice.said', { n: pane.at + 1, total: pane.count });
  return depth === null ? slice : `${slice} ${t('image.place', { mm: place(depth) })}`;
}

export const windowNumber = (value: number) => String(Math.abs(value) < 10 ? Math.round(value * 100) / 100 : Math.round(value)).replace('-', '−');

function Around({ pane, of, facility, isMarked, isPreview, hasPicture }: PaneProps & { isPreview: boolean; hasPicture: boolean }) {
  const { image, series, window, depth } = pane;
  if (!image) return null;
  const edges = edgesOf(image, pane.view);
  const side = SIDES[series.laterality];
  const ratio = image.lossy_ratio;
  return (
    <div class="v-around">
      <div class="tl">
        <span class="v-from">
          {facility && <FacilityMark facility={facility} />}
          <b>{facility?.name ?? ''}</b>
        </span>
        <span>{of.study.date && slashed(of.study.date)}</span>
        <span class="v-what">
          {[series.modality, series.body_part, series.description].filter(Boolean).join(' ')}
        </span>
      </div>
      <div class="tr">
        <span class="v-reference">{t('image.reference')}</span>
        {isMarked && <span class="v-key">★ {t('image.key')}</span>}
        {ratio !== null && (
          <span>{ratio > 1 ? t('image.lossy.ratio', { ratio: Math.round(ratio) }) : t('image.lossy')}</span>
        )}
        {hasPicture && isPreview && <span>{t(pane.valuesFailure === undefined ? 'image.preview' : 'image.preview.only')}</span>}
      </div>
      <div class="bl">
        {pane.count > 1 && <b>{t('image.slice', { n: pane.at + 1, total: pane.count })}</b>}
        {depth !== null && <span>{t('image.place', { mm: place(depth) })}</span>}
        {side && <span class="v-side">{t(side)}</span>}
      </div>
      <div class="br">
        {canWindow(image) && (window || image.has_voi_lut) && (
          <span>
            {window
              ? t('image.window', { width: windowNumber(window.width), center: windowNumber(window.center) })
              : t('image.window.table')}
          </span>
        )}
        {image.is_supported && <span>{t('image.zoom', { n: Math.round(pane.view.zoom * 100) })}</span>}
      </div>
      {edges && (
        <>
          <b class="edge t">{edges.top}</b>
          <b class="edge r">{edges.right}</b>
          <b class="edge b">{edges.bottom}</b>
          <b class="edge l">{edges.left}</b>
        </>
      )}
    </div>
  );
}
