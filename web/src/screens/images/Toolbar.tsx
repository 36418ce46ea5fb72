// SPDX-License-Identifier: Apache-2.0
/* Everything that hands and keys can do, as buttons; on a phone most of them in a line behind one of them. */
import { useEffect, useState } from 'preact/hooks';
import { t } from '../../i18n/t.ts';
import { lazy } from '../../ui/lazy.tsx';
import { unitOf } from '../../viewer/geometry.ts';
import type { Tool } from '../../viewer/gestures.ts';
import type { Pane } from '../../viewer/pane.ts';
import { canWindow } from '../../viewer/study.ts';

const FineSteps = lazy(() => import('./FineSteps.tsx').then((m) => m.FineSteps));

export const TOOLS: Tool[] = ['scroll', 'window', 'pan', 'zoom', 'length', 'angle'];
const RATES = [5, 10, 15, 25, 30];

export interface ToolbarProps {
  pane: Pane | undefined;
  tool: Tool;
  layout: number;
  isLinked: boolean;
  isOpen: boolean;
  rate: number;
  onTool: (tool: Tool) => void;
  onLayout: (layout: number) => void;
  onLink: () => void;
  onOpen: () => void;
  onPlay: () => void;
  onRate: (rate: number) => void;
  isMarked: boolean;
  onKey: (() => void) | undefined;
}

export function isOff(pane: Pane, tool: Tool): boolean {
  const { image } = pane;
  if (!image) return true;
  if (tool === 'length') return unitOf(image) === 'none';
  if (tool === 'window') return !canWindow(image);
  return tool === 'scroll' && pane.count < 2;
}

/** The chosen one, or what hands do where that means nothing. */
export const usedTool = (pane: Pane | undefined, tool: Tool): Tool =>
  pane && isOff(pane, tool) ? (pane.count > 1 ? 'scroll' : 'pan') : tool;

function Presets({ pane }: { pane: Pane }) {
  const { presets, window } = pane;
  if (presets.length === 0) return null;
  const chosen = pane.isOwnWindow
    ? presets.findIndex(({ name }) => name === 'default')
    : presets.findIndex(({ window: one }) => one && one.center === window?.center && one.width === window.width);
  return (
    <label class="v-select">
      <span class="sr">{t('image.preset')}</span>
      <select
        value={chosen}
        onChange={(event) => {
          const preset = presets[Number(event.currentTarget.value)];
          if (preset) pane.choose(preset);
        }}
      >
        <option value={-1} hidden={chosen >= 0}>
          {t('image.preset.custom')}
        </option>
        {presets.map(({ name, text }, at) => (
          <option key={at} value={at}>
            {name === '' ? text : t(`image.preset.${name}`)}
            {name === 'default' && text && !/^[\d./-]+$/.test(text) ? ` ${text}` : ''}
          </option>
        ))}
      </select>
    </label>
  );
}

/* What is otherwise dragged. */
function Fine({ pane }: { pane: Pane }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details class="v-fine" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>{t('image.fine')}</summary>
      {isOpen && <FineSteps pane={pane} />}
    </details>
  );
}

function Cine({ pane, rate, onPlay, onRate }: Pick<ToolbarProps, 'rate' | 'onPlay' | 'onRate'> & { pane: Pane }) {
  const rates = RATES.includes(rate) ? RATES : [...RATES, rate].sort((a, b) => a - b);
  return (
    <div class="v-group">
      <button type="button" aria-pressed={pane.isPlaying} onClick={onPlay}>
        {t(pane.isPlaying ? 'image.pause' : 'image.play')}
      </button>
      <label class="v-select">
        <span class="sr">{t('image.rate')}</span>
        <select value={rate} onChange={(event) => onRate(Number(event.currentTarget.value))}>
          {rates.map((one) => (
            <option key={one} value={one}>
              {t('image.rate.n', { n: one })}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

export function Toolbar(props: ToolbarProps) {
  const { pane, tool, layout } = props;
  const noLength = pane?.image && unitOf(pane.image) === 'none' ? t('image.no_length') : undefined;
  const [isAsked, setIsAsked] = useState(false);
  useEffect(() => setIsAsked(false), [pane, tool]);
  return (
    <div class={`v-tools ${props.isOpen || !pane ? 'open' : ''}`} role="toolbar" aria-label={t('image.tools')}>
      {pane && (
        <div class="v-group v-modes" role="group" aria-label={t('image.tool')}>
          {TOOLS.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={tool === one}
              aria-disabled={isOff(pane, one) ? true : undefined}
              title={one === 'length' ? noLength : undefined}
              onClick={() => {
                if (!isOff(pane, one)) props.onTool(one);
                else setIsAsked(one === 'length');
              }}
            >
              {t(`image.tool.${one}`)}
            </button>
          ))}
          <button type="button" class="only-tools" aria-expanded={props.isOpen} onClick={props.onOpen}>
            {t('image.tools')}
          </button>
        </div>
      )}
      {isAsked && noLength && (
        <p class="v-why" role="status" onAnimationEnd={() => setIsAsked(false)}>
          {noLength}
        </p>
      )}
      <div class="v-more">
        {pane && (
          <>
            {pane.count > 1 && <Cine pane={pane} rate={props.rate} onPlay={props.onPlay} onRate={props.onRate} />}
            <Presets pane={pane} />
            <div class="v-group">
              <button type="button" onClick={() => pane.look({ quarter: (pane.view.quarter + 1) % 4 })}>
                {t('image.rotate')}
              </button>
              <button type="button" aria-pressed={pane.view.isFlipped} onClick={() => pane.flip()}>
                {t('image.flip')}
              </button>
              <button type="button" aria-pressed={pane.isInverted} onClick={() => pane.invert()}>
                {t('image.invert')}
              </button>
              <button type="button" onClick={() => pane.look({ zoom: 1, x: 0, y: 0 })}>
                {t('image.fit')}
              </button>
              <button type="button" onClick={() => pane.reset()}>
                {t('image.reset')}
              </button>
              {/* always there: a row more would move the picture while it is measured */}
              <button type="button" aria-disabled={pane.measuring.all.length > 0 ? undefined : true} onClick={() => pane.clear()}>
                {t('image.clear')}
              </button>
            </div>
            <Fine pane={pane} />
            {props.onKey && (
              <div class="v-group">
                <button type="button" aria-pressed={props.isMarked} onClick={props.onKey}>
                  {t('image.key')}
                </button>
              </div>
            )}
          </>
        )}
        <div class="v-group v-layout" role="group" aria-label={t('image.layout')}>
          <span aria-hidden="true">{t('image.layout.short')}</span>
          {[1, 2, 4].map((n) => (
            <button key={n} type="button" aria-pressed={layout === n} aria-label={t('image.layout.n', { n })} onClick={() => props.onLayout(n)}>
              {n}
            </button>
          ))}
          {layout > 1 && (
            <button type="button" aria-pressed={props.isLinked} onClick={props.onLink}>
              {t('image.link')}
            </button>
          )}
        </div>
      </div>
    </div>
  );
}
