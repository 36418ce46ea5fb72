// SPDX-License-Identifier: Apache-2.0
/* The waveform at the scale that is said, in lines: what the browser prints, or saves as a PDF, has
 * the millimetres of the grid. */
import '../../styles/waves.css';
import type { Person } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { slashed } from '../../i18n/wareki.ts';
import { clockOf, dayAt, timeAt } from '../../waveform/clock.ts';
import type { Page } from '../../waveform/pages.ts';
import type { Recording } from '../../waveform/recording.ts';
import type { Gain, Speed } from '../../waveform/sheet.ts';
import { UNITS, type Mark } from '../../waveform/vector.ts';
import { Paper } from '../print/Paper.tsx';
import { claimsOf, filtersOf, valuesOf } from './facts.ts';
import { elapsed } from './words.ts';

export interface Printable {
  recording: Recording;
  pages: Page[];
  speed: Speed;
  gain: Gain;
}

interface PrintProps {
  person: Person;
  /** Its printing is written down. */
  opening: string;
  title: string;
  facility: string;
  of: Printable;
  onBack: () => void;
}

function drawn(mark: Mark) {
  if (mark.is === 'line') {
    return <path d={mark.d} fill="none" stroke={mark.colour} stroke-width={mark.width} stroke-linejoin="round" />;
  }
  if (mark.is === 'box') return <rect x={mark.x} y={mark.y} width={mark.width} height={mark.height} fill={mark.colour} />;
  const { most, halo, colour } = mark;
  return (
    <text
      x={mark.x}
      y={mark.y}
      font-size={mark.size}
      font-weight={mark.weight}
      fill={halo > 0 ? 'none' : colour}
      {...(halo > 0 ? { stroke: colour, 'stroke-width': halo } : {})}
      {...(most === undefined ? {} : { textLength: most, lengthAdjust: 'spacingAndGlyphs' })}
    >
      {mark.text}
    </text>
  );
}

/* An SVG in an SVG cuts off what is beyond it. */
function Clipped({ mark }: { mark: Mark }) {
  if (!mark.clip) return drawn(mark);
  const { x, y, width, height } = mark.clip;
  return (
    <svg x={x} y={y} width={width} height={height} viewBox={`${x} ${y} ${width} ${height}`}>
      {drawn(mark)}
    </svg>
  );
}

function Sheet({ page, label }: { page: Page; label: string }) {
  const [width, height] = [page.width_mm, page.height_mm];
  return (
    <svg
      class="paper-wave"
      width={`${width}mm`}
      height={`${height}mm`}
      viewBox={`0 0 ${Math.round(width * UNITS)} ${Math.round(height * UNITS)}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {page.marks.map((mark, at) => (
        <Clipped key={at} mark={mark} />
      ))}
    </svg>
  );
}

/** Where the sheet is in the recording, by its clock where it has one. */
function whenOf(recording: Recording, { from_ms, to_ms }: Page): string {
  const clock = clockOf(recording);
  const stretch = `${elapsed(from_ms)} – ${elapsed(to_ms)}`;
  if (clock === undefined) return [slashed(recording.start), stretch].filter(Boolean).join('　');
  return `${slashed(dayAt(clock + from_ms))} ${timeAt(clock + from_ms)}　${stretch}`;
}

function Head({ recording, speed, gain, title, facility, page }: Omit<Printable, 'pages'> & { title: string; facility: string; page: Page }) {
  const { hasTime, unscaled, unsupported } = claimsOf(recording);
  const scale = [
    hasTime ? t('wave.speed.mm', { n: speed }) : t('wave.no_time'), t('wave.gain.mm', { n: gain }),
    unscaled && t('wave.no_scale.leads', { leads: unscaled }), unsupported && t('wave.unsupported.text', { leads: unsupported }),
  ];
  return (
    <div class="wave-head">
      <p>
        <b>{title}</b>　{facility}　<b>{whenOf(recording, page)}</b>
      </p>
      <p>
        <b>{scale.filter(Boolean).join('　')}</b>　{t('wave.filter')} {filtersOf(recording)}　<b>{t('wave.not_diagnostic')}</b>
      </p>
      {recording.values.length > 0 && (
        <p>
          {t('wave.values')}：{valuesOf(recording).map((pair) => pair.join(' ')).join('　')}
        </p>
      )}
    </div>
  );
}

export function PrintWave({ person, opening, title, facility, of, onBack }: PrintProps) {
  const { recording, pages } = of;
  const label = recording.groups[recording.group]?.label ?? '';
  const said = recording.statements.filter(({ kind }) => kind === 'interpretation');
  return (
    <Paper
      title={t('wave.print')}
      person={person}
      openings={[opening]}
      isWide
      back=""
      onBack={onBack}
      tools={<p class="small">{t('wave.print.pdf')}</p>}
    >
      {pages.map((page, at) => (
        <section key={at} class="wave-page">
          <Head {...of} title={label || title} facility={facility} page={page} />
          <Sheet page={page} label={`${label || title} ${whenOf(recording, page)}`} />
          {at === 0 && said.length > 0 && (
            <p class="wave-said">
              {t('wave.interpretation')}：{said.map(({ text }) => text).join('　')}
            </p>
          )}
        </section>
      ))}
    </Paper>
  );
}
