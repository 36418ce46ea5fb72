// SPDX-License-Identifier: Apache-2.0
/* What every printed page carries (OU-4): above, whose information it is; below, who printed it,
 * where, when and under which number of the audit. A table's head and foot stand on each page.
 * Without the audit's row nothing of the patient comes out of the printer. */
import '../../styles/print.css';
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Link } from 'wouter-preact';
import { api, type Person, type Printed } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { ageOn, eraYear, fullInstant, slashed } from '../../i18n/wareki.ts';
import { session } from '../../session.ts';
import { Icon } from '../../ui/Icon.tsx';
import { Name, ProblemNotice } from '../../ui/pieces.tsx';

export function Identity({ person }: { person: Person }) {
  const today = session.value?.today ?? person.birth_date;
  return (
    <div class="paper-who">
      <b>
        <Name text={person.name} />
      </b>
      <span>{person.kana}</span>
      <span>
        {slashed(person.birth_date)}（{eraYear(person.birth_date)}） {t('person.age', { n: ageOn(person.birth_date, today) })}{' '}
        {t(`sex.${person.sex}`)}
      </span>
      {person.own_number && (
        <span>
          {t('person.own_number')} {person.own_number}
        </span>
      )}
    </div>
  );
}

function Origin({ printed }: { printed: Printed[] }) {
  const last = printed.at(-1);
  if (!last) return null;
  return (
    <div class="paper-foot">
      <span>{t('print.by', { staff: last.staff, facility: last.facility })}</span>
      <span>{fullInstant(last.at)}</span>
      <span class="paper-request">{t('print.request', { id: printed.map(({ request }) => request).join(' ') })}</span>
      <span>{session.value?.is_demo ? t('print.demo') : t('print.care')}</span>
    </div>
  );
}

export function Paper(props: {
  title: string;
  person: Person;
  /** What goes on the paper; nothing can be printed before it is there. */
  openings: string[];
  /** So many pictures are still on their way. */
  waitsFor?: number;
  isWide?: boolean;
  back: string;
  /** Where the page is no address of its own. */
  onBack?: () => void;
  tools?: ComponentChildren;
  children: ComponentChildren;
}) {
  const [printed, setPrinted] = useState<Printed[]>([]);
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const { openings, waitsFor = 0 } = props;

  // each copy has a row of its own
  useEffect(() => {
    const after = () => setPrinted([]);
    addEventListener('afterprint', after);
    return () => removeEventListener('afterprint', after);
  }, []);
  useEffect(() => {
    if (printed.length === 0) return;
    const handle = requestAnimationFrame(() => print());
    return () => cancelAnimationFrame(handle);
  }, [printed]);

  async function start() {
    if (isBusy) return;
    setIsBusy(true);
    setProblem(undefined);
    try {
      const rows: Printed[] = [];
      for (const opening of openings) rows.push(await api.print(opening));
      setPrinted(rows);
    } catch (failure) {
      setProblem(failure);
    }
    setIsBusy(false);
  }

  return (
    <div class={`print ${printed.length > 0 ? 'is-printed' : ''} ${props.isWide ? 'wide' : ''}`}>
      <div class="print-tools stack">
        <h1>{props.title}</h1>
        {props.tools}
        <p class="small quiet">{t('print.note')}</p>
        <div class="row">
          <button type="button" class="btn primary" disabled={isBusy || openings.length === 0 || waitsFor > 0} onClick={() => void start()}>
            <Icon name="print" />
            {t('print.do')}
          </button>
          {props.onBack ? (
            <button type="button" class="btn" onClick={props.onBack}>
              {t('print.back')}
            </button>
          ) : (
            <Link href={props.back} class="btn">
              {t('print.back')}
            </Link>
          )}
        </div>
        <p class="small" role="status">
          {waitsFor > 0 && t('print.pictures', { n: waitsFor })}
        </p>
        {problem !== undefined && <ProblemNotice problem={problem} retry={() => void start()} />}
      </div>
      <p class="print-hint">{t('print.hint')}</p>
      <table class="paper" role="presentation">
        <thead>
          <tr>
            <td>
              <Identity person={props.person} />
            </td>
          </tr>
        </thead>
        <tfoot>
          <tr>
            <td>
              <Origin printed={printed} />
            </td>
          </tr>
        </tfoot>
        <tbody>
          <tr>
            <td>
              <div class="paper-body" role="region" aria-label={props.title} tabIndex={0}>
                {props.children}
              </div>
            </td>
          </tr>
        </tbody>
      </table>
    </div>
  );
}
