// SPDX-License-Identifier: Apache-2.0
/* The panes on the screen: pictures, or the paper of a series that is none. */
import type { JSX, RefObject } from 'preact';
import type { Facility, Person } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { lazy } from '../../ui/lazy.tsx';
import type { Tool } from '../../viewer/gestures.ts';
import { PaneView } from './PaneView.tsx';
import { seriesName } from './Strip.tsx';
import { hasMark } from './mark.ts';
import type { Viewing } from './viewing.ts';

const SeriesPaper = lazy(() => import('./Paper.tsx').then((m) => m.SeriesPaper));

export interface PanesProps {
  viewing: Viewing;
  person: Person;
  tool: Tool;
  box: RefObject<HTMLDivElement | null>;
  facilityOf: (id: string) => Facility | undefined;
  onTools: () => void;
  onSheets: (sheets: JSX.Element | undefined) => void;
}

function Place({ at, viewing, person, tool, facilityOf, onTools, onSheets }: Omit<PanesProps, 'box'> & { at: number }) {
  const { slots, layout, active, marks, setActive, go, again, cutsOn } = viewing;
  const one = slots[at];
  const series = one?.study.study.series[one.index];
  if (!one || !series) return <div class="v-pane empty" onClick={() => setActive(at)} />;
  const isActive = layout > 1 && at === active;
  const facility = facilityOf(one.study.head.facility);
  const key = `${one.study.head.id} ${one.index}`; // another series is another pane
  return one.pane ? (
    <PaneView
      key={key}
      pane={one.pane}
      of={one.study}
      facility={facility}
      name={t('image.pane', { n: at + 1, name: seriesName(series) })}
      isActive={isActive}
      isMarked={hasMark(marks, one)}
      tool={tool}
      cuts={cutsOn?.(slots, at, active) ?? []}
      onActive={() => setActive(at)}
      onScroll={(steps) => go(at, (one.pane?.at ?? 0) + steps)}
      onGo={(to) => go(at, to)}
      onTools={onTools}
      onRetry={(problem) => one.pane && again(one.pane, problem)}
    />
  ) : (
    <div class={`v-pane written ${isActive ? 'active' : ''}`} key={key} onFocusIn={() => setActive(at)}>
      <SeriesPaper
        person={person}
        opening={one.study.opening}
        index={one.index}
        series={series}
        instance={0}
        facility={facility?.name ?? ''}
        again={again}
        onSheets={onSheets}
      />
    </div>
  );
}

export function Panes({ box, ...props }: PanesProps) {
  const { layout } = props.viewing;
  return (
    <div class={`v-panes n${layout}`} ref={box}>
      {Array.from({ length: layout }, (_, at) => (
        <Place key={at} at={at} {...props} />
      ))}
    </div>
  );
}
