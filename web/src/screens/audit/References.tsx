// SPDX-License-Identifier: Apache-2.0
/* コンテンツ参照記録 of a month, from the audit: whole facility or one person, what the own staff
 * viewed or what others viewed of the own data, with its CSV. */
import { useEffect, useState } from 'preact/hooks';
import { api, type Person, type Reference, type Side } from '../../api/client.ts';
import { useResource } from '../../api/resource.ts';
import { t, word } from '../../i18n/t.ts';
import { fullInstant } from '../../i18n/wareki.ts';
import { session } from '../../session.ts';
import { Icon } from '../../ui/Icon.tsx';
import { ProblemNotice, Skeleton } from '../../ui/pieces.tsx';

const MONTHS = 60;

export function monthBefore(month: string, count: number): string {
  const [year = 0, number = 1] = month.split('-').map(Number);
  const at = year * 12 + number - 1 - count;
  return `${Math.floor(at / 12)}-${String((at % 12) + 1).padStart(2, '0')}`;
}

const SIDES: Side[] = ['viewer', 'provider'];

function Line({ line, side, hasPerson }: { line: Reference; side: Side; hasPerson: boolean }) {
  const isRefused = /refus|den/.test(line.verdict);
  return (
    <tr>
      <td class="nowrap">{fullInstant(line.at)}</td>
      <td>
        {line.staff}
        <span class="small quiet"> {word('profession', line.profession)}</span>
      </td>
      <td class="nowrap">{word('event', line.event)}</td>
      {hasPerson && (
        <td class="who-was">
          {line.name}
          {line.own_number && <span class="small quiet num"> {line.own_number}</span>}
        </td>
      )}
      <td>{side === 'viewer' ? line.provider : line.viewer}</td>
      <td class="nowrap">{word('kind', line.kind)}</td>
      <td class="nowrap">{line.day.replaceAll('-', '/')}</td>
      <td class="nowrap verdict">
        <span class={`tag ${isRefused ? 'bad' : 'good'}`}>{word('verdict', line.verdict)}</span>
      </td>
    </tr>
  );
}

export function References({ person }: { person?: Person }) {
  const thisMonth = (session.value?.today ?? '').slice(0, 7);
  const [month, setMonth] = useState(thisMonth);
  const [side, setSide] = useState<Side>('viewer');
  const [more, setMore] = useState<{ key: string; lines: Reference[]; next: string | null }>();
  const [problem, setProblem] = useState<unknown>();
  const key = `${month} ${side} ${person?.id ?? ''}`;
  const query = { month, side, ...(person ? { person: person.id } : {}) };
  const page = useResource(`references ${key}`, (signal) => api.references(query, signal));
  useEffect(() => {
    document.title = `${t('logs.title')} ${person?.name ?? ''} - ${t('app.name')}`;
  }, []);
  const added = more?.key === key ? more : undefined;
  const lines = page.value && [...page.value.references, ...(added?.lines ?? [])];
  const next = added ? added.next : (page.value?.next ?? null);

  async function loadMore() {
    if (next === null) return;
    setProblem(undefined);
    try {
      const answer = await api.references({ ...query, cursor: next });
      setMore({ key, lines: [...(added?.lines ?? []), ...answer.references], next: answer.next });
    } catch (failure) {
      setProblem(failure);
    }
  }

  // a month in which little is to be found is looked through by parts
  const isSearching = lines?.length === 0 && next !== null;
  useEffect(() => {
    if (isSearching) void loadMore();
  }, [isSearching, key, next]);

  return (
    <div class="page">
      <div class="page-head">
        <h1>{t('logs.title')}</h1>
        <p class="small quiet">
          {side === 'viewer'
            ? person ? t('logs.lead.person', { name: person.name }) : t('logs.lead')
            : person ? t('logs.lead.provider.person', { name: person.name }) : t('logs.lead.provider')}
        </p>
      </div>
      <section class="card">
        <header class="logs-head">
          <button type="button" class="btn tool compact icon" onClick={() => setMonth(monthBefore(month, 1))}>
            <Icon name="left" />
            <span class="sr">{t('logs.previous')}</span>
          </button>
          <label class="sr" for="logs-month">
            {t('logs.month')}
          </label>
          <select
            id="logs-month"
            class="input month"
            value={month}
            onChange={(event) => setMonth(event.currentTarget.value)}
          >
            {Array.from({ length: MONTHS }, (_, index) => monthBefore(thisMonth, index)).map((value) => (
              <option key={value} value={value}>
                {t('logs.month_name', { year: value.slice(0, 4), month: Number(value.slice(5)) })}
              </option>
            ))}
          </select>
          <button
            type="button"
            class="btn tool compact icon"
            disabled={month >= thisMonth}
            onClick={() => setMonth(monthBefore(month, -1))}
          >
            <Icon name="right" />
            <span class="sr">{t('logs.next')}</span>
          </button>
          <div class="seg" role="group" aria-label={t('logs.side')}>
            {SIDES.map((one) => (
              <button key={one} type="button" aria-pressed={side === one} onClick={() => setSide(one)}>
                {t(`logs.side.${one}`)}
              </button>
            ))}
          </div>
          <a class="btn compact push" href={api.referencesUrl(month, side, person?.id)} download>
            <Icon name="download" />
            {t('logs.csv')}
          </a>
        </header>
        {page.state === 'failed' && (
          <div class="card-body">
            <ProblemNotice problem={page.problem} retry={page.reload} reads />
          </div>
        )}
        {(isSearching ? problem === undefined : !lines && page.state === 'loading') && <Skeleton rows={6} />}
        {lines?.length === 0 && !isSearching && <p class="empty">{t('logs.empty')}</p>}
        {lines && lines.length > 0 && (
          <div class="table-wrap" tabIndex={0} role="region" aria-label={t('logs.scroll')}>
            <table class="table logs">
              <thead>
                <tr>
                  <th scope="col">{t('logs.at')}</th>
                  <th scope="col">{t('logs.staff')}</th>
                  <th scope="col">{t('logs.event')}</th>
                  {!person && <th scope="col">{t('logs.person')}</th>}
                  <th scope="col">{t(side === 'viewer' ? 'logs.provider' : 'logs.viewer')}</th>
                  <th scope="col">{t('logs.kind')}</th>
                  <th scope="col">{t('logs.day')}</th>
                  <th scope="col">{t('logs.verdict')}</th>
                </tr>
              </thead>
              <tbody>
                {lines.map((line, index) => (
                  <Line key={index} line={line} side={side} hasPerson={!person} />
                ))}
              </tbody>
            </table>
          </div>
        )}
        {problem !== undefined && <ProblemNotice problem={problem} />}
        {next !== null && (!isSearching || problem !== undefined) && (
          <p class="card-body">
            <button type="button" class="btn" onClick={() => void loadMore()}>
              {t('app.more')}
            </button>
          </p>
        )}
      </section>
    </div>
  );
}
