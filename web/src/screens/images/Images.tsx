// SPDX-License-Identifier: Apache-2.0
/* The viewer of one entry's images: panes, tools, series, what to compare with. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Link, useLocation } from 'wouter-preact';
import '../../styles/images.css';
import type { Facility, Person } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { preferences } from '../../preferences.ts';
import { participants } from '../../session.ts';
import { lazy } from '../../ui/lazy.tsx';
import { ProblemNotice } from '../../ui/pieces.tsx';
import type { Tool } from '../../viewer/gestures.ts';
import { commandOf, type Command } from '../../viewer/keys.ts';
import { Head } from './Head.tsx';
import { sayOf } from './PaneView.tsx';
import { Panes } from './Panes.tsx';
import { Strip } from './Strip.tsx';
import { Toolbar, isOff, usedTool } from './Toolbar.tsx';
import { useSaid } from './cine.ts';
import { hasMark, isOf, markOf } from './mark.ts';
import { useViewing, type Viewing } from './viewing.ts';

const Compare = lazy(() => import('./Compare.tsx').then((m) => m.Compare));
const ImageKeys = lazy(() => import('./Keys.tsx').then((m) => m.ImageKeys), 'help');
const KeyStrip = lazy(() => import('./KeyStrip.tsx').then((m) => m.KeyStrip), 'key');
const KeySheet = lazy(() => import('./KeySheet.tsx').then((m) => m.KeySheet), 'key', 'print');
const LeaveMarks = lazy(() => import('./KeyStrip.tsx').then((m) => m.LeaveMarks), 'key');
const PrintImage = lazy(() => import('./KeySheet.tsx').then((m) => m.PrintImage), 'print');

export interface ImagesProps {
  person: Person;
  entry: string;
}

function Waiting({ person, problem, retry }: { person: string; problem: unknown; retry: () => void }) {
  return (
    <div class="page narrow stack">
      {problem !== undefined ? (
        <>
          <ProblemNotice problem={problem} retry={retry} reads />
          <p>
            <Link class="btn" href={`/p/${person}/calendar`}>
              {t('image.back')}
            </Link>
          </p>
        </>
      ) : (
        <div class="v-opening" role="status">
          <span>{t('image.opening')}</span>
          <div class="skel" />
        </div>
      )}
    </div>
  );
}

/* Keys mean something here while no field or dialog takes them. */
function useKeys(run: (command: Command) => void): void {
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || document.querySelector('dialog[open]')) return;
      const target = event.target instanceof Element ? event.target : null;
      const on = target?.closest('input, select, textarea, .v-paper') ? 'field' : target?.closest('button, a, summary') ? 'button' : 'other';
      const isModified = event.ctrlKey || event.metaKey || event.altKey;
      const command = commandOf({ key: event.key, isModified, on }, preferences.value.letters);
      if (!command) return;
      event.preventDefault();
      latest.current(command);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}

/* Marks go with the screen: they are asked about before it is left. */
function useMarks({ slot, pane, marks, setMarks, layout }: Viewing) {
  const box = useRef<HTMLDivElement>(null);
  /* As it is on the screen; nothing while there is nothing on it. */
  function shot(take: (blob: Blob) => void): void {
    const shown = '.v-host:not([data-ready="no"]) canvas';
    const canvas = box.current?.querySelector<HTMLCanvasElement>(layout > 1 ? `.v-pane.active ${shown}` : shown);
    canvas?.toBlob((blob) => blob && take(blob), 'image/png');
  }
  function mark(): void {
    const one = slot && markOf(slot.study, pane);
    if (!one) return;
    if (hasMark(marks, slot)) setMarks((all) => all.filter((old) => !isOf(old, one)));
    else shot((blob) => setMarks((all) => [...all.filter((old) => !isOf(old, one)), { ...one, blob }]));
  }
  return { box, shot, mark };
}

export function Images({ person, entry }: ImagesProps) {
  const [, navigate] = useLocation();
  const viewing = useViewing(entry);
  const { first, slot, pane, marks, setMarks, studies, layout } = viewing;
  const { box, shot, mark } = useMarks(viewing);
  const [tool, setTool] = useState<Tool>('scroll');
  const [isOpen, setIsOpen] = useState(false);
  const [dialog, setDialog] = useState<'compare' | 'keys' | 'sheet' | 'leave' | null>(null);
  const [paper, setPaper] = useState<Blob>();
  const [sheets, setSheets] = useState<JSX.Element>();
  const said = useSaid(pane ? sayOf(pane) : '');
  const facilityOf = (id: string): Facility | undefined => participants.value.byId.get(id);
  const back = `/p/${person.id}/calendar`;
  const close = () => setDialog(null);

  function leave(): void {
    // where one came from, as it was left
    if ((history.state as { isFromCalendar?: boolean } | null)?.isFromCalendar) history.back();
    else navigate(back);
  }
  function askLeave(): void {
    if (marks.some(({ isKept }) => !isKept)) setDialog('leave');
    else leave();
  }
  useKeys((command) => {
    if (paper || dialog) {
      if (command.does !== 'back') return;
      setPaper(undefined);
      close();
    } else if (command.does === 'back') {
      if (isOpen) setIsOpen(false);
      else if (pane?.measuring.draft) pane.clear();
      else askLeave();
    } else if (command.does === 'help') setDialog('keys');
    else if (command.does === 'series') viewing.toSeries(command.by);
    else if (!pane) return;
    else if (command.does === 'tool') setTool((old) => (isOff(pane, command.tool) ? old : command.tool));
    else if (command.does === 'mark') mark();
    else viewing.obey(command);
  });

  if (!first) return <Waiting person={person.id} problem={viewing.problem} retry={viewing.openAnew} />;
  if (sheets) return sheets;
  if (paper && slot?.pane) {
    return <PrintImage person={person} of={slot.study} pane={slot.pane} facility={facilityOf(slot.study.head.facility)} blob={paper} onBack={() => setPaper(undefined)} />;
  }
  if (dialog === 'sheet') return <KeySheet person={person} marks={marks} facilityOf={facilityOf} onMarks={setMarks} onBack={close} />;
  const isAlone = studies.length === 1 && first.study.series.length === 1;
  return (
    <div class={`v ${isAlone ? 'alone' : ''}`}>
      <Head
        first={first}
        slot={slot}
        facility={facilityOf(first.head.facility)}
        back={back}
        isLost={viewing.isLost}
        onLeave={askLeave}
        onCompare={() => setDialog('compare')}
        onPrint={() => shot(setPaper)}
        onKeys={() => setDialog('keys')}
      />
      {(pane || !isAlone) && (
        <Toolbar
          pane={pane}
          tool={usedTool(pane, tool)}
          layout={layout}
          isLinked={viewing.isLinked}
          isOpen={isOpen}
          rate={viewing.rate}
          onTool={(next) => {
            setTool(next);
            setIsOpen(false);
          }}
          onLayout={viewing.spread}
          onLink={viewing.link}
          onOpen={() => setIsOpen(!isOpen)}
          onPlay={viewing.play}
          onRate={viewing.setRate}
          isMarked={slot !== undefined && hasMark(marks, slot)}
          onKey={pane?.image?.is_supported ? mark : undefined}
        />
      )}
      <Strip
        studies={studies}
        current={slot ? { opening: slot.study.opening, index: slot.index } : undefined}
        thumbnail={viewing.thumbnail}
        facilityOf={facilityOf}
        onChoose={(study, index) => viewing.show(viewing.active, study, index)}
      >
        {marks.length > 0 && (
          <KeyStrip
            marks={marks}
            onGo={viewing.toMark}
            onDrop={(one) => setMarks(marks.filter((old) => old !== one))}
            onSheet={() => setDialog('sheet')}
          />
        )}
      </Strip>
      <Panes viewing={viewing} person={person} tool={tool} box={box} facilityOf={facilityOf} onTools={() => setIsOpen(true)} onSheets={setSheets} />
      <p class="sr" aria-live="polite">
        {said}
      </p>
      {dialog === 'compare' && (
        <Compare person={person.id} shown={new Set(studies.map(({ head }) => head.id))} facilityOf={facilityOf} onChoose={viewing.compare} onClose={close} />
      )}
      {dialog === 'leave' && <LeaveMarks marks={marks} onLeave={leave} onSheet={() => setDialog('sheet')} onClose={close} />}
      {dialog === 'keys' && <ImageKeys onClose={close} />}
    </div>
  );
}
