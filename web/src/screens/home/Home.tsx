// SPDX-License-Identifier: Apache-2.0
import type { ComponentChildren, ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Link, useLocation } from 'wouter-preact';
import { api, type Home as HomeData, type HomePerson } from '../../api/client.ts';
import { onLive } from '../../api/live.ts';
import { useResource } from '../../api/resource.ts';
import { t } from '../../i18n/t.ts';
import { instantText } from '../../i18n/wareki.ts';
import { facilitiesOf, session } from '../../session.ts';
import { Icon } from '../../ui/Icon.tsx';
import { FacilityMarks, ProblemNotice, Skeleton } from '../../ui/pieces.tsx';
import { linkTone, linkWords } from '../patient/linkWords.ts';
import { PersonLine } from '../patient/PersonLine.tsx';
import { askSearch } from '../patient/searchState.ts';

type Counted = 'home.count.people' | 'home.count.numbers';
interface SectionProps {
  title: string;
  count?: number | undefined;
  of?: Counted;
  children: ComponentChildren;
}

function Section(props: SectionProps) {
  return (
    <section class="card">
      <header>
        <h2>{props.title}</h2>
        {props.count !== undefined && props.count > 0 && (
          <span class="aside num">{t(props.of ?? 'home.count.people', { n: props.count })}</span>
        )}
      </header>
      {props.children}
    </section>
  );
}

function People({ people, empty }: { people: HomePerson[]; empty: ComponentChildren }) {
  if (people.length === 0) return <div class="empty">{empty}</div>;
  return (
    <ul class="people">
      {people.map((person) => (
        <li key={person.id}>
          <PersonLine person={person} href={`/p/${person.id}/calendar`}>
            {person.new_count > 0 && (
              <span class="tag new">{t('home.new_count', { n: person.new_count })}</span>
            )}
            {person.viewed_at !== null && (
              <span class="small quiet nowrap">
                {t('home.viewed', { when: instantText(person.viewed_at) })}
              </span>
            )}
          </PersonLine>
        </li>
      ))}
    </ul>
  );
}

type Links = HomeData['unfinished'];
type ListName = 'unfinished' | 'suspended';

/* What follows of a list comes on demand. The list is read again now and then: as long as its first page ends where it
   did, the following ones stay. */
function useFollowing(list: ListName, first: string | null) {
  const [more, setMore] = useState<{ first: string; rows: Links; next: string | null }>();
  const [problem, setProblem] = useState<unknown>();
  const current = more && more.first === first ? more : undefined;
  const next = current ? current.next : first;
  const load = async () => {
    if (first === null || next === null) return;
    setProblem(undefined);
    try {
      const page = await api.links(list, next);
      setMore({ first, rows: [...(current?.rows ?? []), ...page.links], next: page.next });
    } catch (failure) {
      setProblem(failure);
    }
  };
  return { rows: current?.rows ?? [], hasMore: next !== null, load, problem };
}

function Numbers({ list, rows, next, empty }: { list: ListName; rows: Links; next: string | null; empty: string }) {
  const following = useFollowing(list, next);
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
    <>
      <ul class="people">
        {[...rows, ...following.rows].map(({ person, link }) => (
          <li key={link.id}>
            <Link href={`/p/${person.id}/link`} class="person tall">
              <span class="person-name">
                <b>{person.name}</b>
                <span>{person.kana}</span>
              </span>
              <span class="row small">
                <FacilityMarks facilities={facilitiesOf([link.facility])} />
                {facilitiesOf([link.facility])[0]?.name}
                <span class={`tag ${linkTone(link)} push`}>{t(`link.state.${link.state}`)}</span>
              </span>
              <span class="small quiet">{linkWords(link)}</span>
            </Link>
          </li>
        ))}
      </ul>
      {following.problem !== undefined && <ProblemNotice problem={following.problem} />}
      {following.hasMore && (
        <p class="card-body">
          <button type="button" class="btn" onClick={() => void following.load()}>
            {t('app.more')}
          </button>
        </p>
      )}
    </>
  );
}

function QuickFind() {
  const [, go] = useLocation();
  const [number, setNumber] = useState('');
  const input = useRef<HTMLInputElement>(null);
  return (
    <form
      class="card find"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        if (number.trim() === '') {
          input.current?.focus();
          return;
        }
        askSearch({ own_number: number.trim().normalize('NFKC') });
        go('/patients');
      }}
    >
      <header>
        <h2>{t('home.find')}</h2>
      </header>
      <div class="card-body stack gap-s">
        <label class="label" for="quick-number">
          {t('home.find.label')}
        </label>
        <div class="row nowrap-row">
          <input
            ref={input}
            id="quick-number"
            class="input mono"
            value={number}
            maxLength={15}
            autoComplete="off"
            onInput={(event) => setNumber(event.currentTarget.value)}
          />
          <button type="submit" class="btn primary">
            <Icon name="search" />
            {t('home.find.submit')}
          </button>
        </div>
        <Link href="/patients">{t('home.find.other')}</Link>
      </div>
    </form>
  );
}

/* Comes after the lists: most facilities have no requests, and nothing moves for them. */
function LaterRequests() {
  const [Requests, setRequests] = useState<ComponentType>();
  useEffect(() => {
    import('../request/Requests.tsx').then(
      (module) => setRequests(() => module.Requests),
      () => {}, // the page is whole without; a reload tries again
    );
  }, []);
  return Requests ? <Requests /> : null;
}

export function Home() {
  const home = useResource('home', (signal) => api.home(signal));
  useEffect(() => {
    document.title = `${t('home.title')} - ${t('app.name')}`;
    let timer: ReturnType<typeof setTimeout> | undefined;
    // a hospital that backfills sends many events: one reload for all of them
    const remove = onLive((kind) => {
      if (kind === 'session' || timer) return;
      timer = setTimeout(() => {
        timer = undefined;
        home.reload();
      }, 2000);
    });
    const onSight = () => {
      if (document.visibilityState === 'visible') home.reload();
    };
    document.addEventListener('visibilitychange', onSight);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onSight);
      remove();
    };
  }, []);
  const value = home.value;
  const mayRegister = session.value?.post.facility.may_register ?? true;
  return (
    <div class="page">
      <h1 class="sr">{t('home.title')}</h1>
      {home.state === 'failed' && <ProblemNotice problem={home.problem} retry={home.reload} reads />}
      <div class="columns home">
        <div class="stack">
          <Section title={t('home.news')} count={value?.news.length}>
            {value ? (
              <People people={value.news} empty={<p>{t('home.news.empty')}</p>} />
            ) : (
              <Skeleton rows={3} />
            )}
          </Section>
          <Section title={t('home.recent')} count={value?.recent.length}>
            {value ? (
              <People
                people={value.recent}
                empty={
                  <>
                    <p>{t('home.recent.empty')}</p>
                    <p class="small">{t(mayRegister ? 'home.recent.empty.next' : 'home.recent.empty.ask')}</p>
                  </>
                }
              />
            ) : (
              <Skeleton rows={4} />
            )}
          </Section>
        </div>
        <div class="stack">
          <QuickFind />
          <LaterRequests />
          {value && value.suspended.length > 0 && (
            <Section title={t('home.suspended')} count={value.suspended_total} of="home.count.numbers">
              <Numbers list="suspended" rows={value.suspended} next={value.suspended_next} empty="" />
            </Section>
          )}
          <Section title={t('home.unfinished')} count={value?.unfinished_total} of="home.count.numbers">
            {value ? (
              <Numbers list="unfinished" rows={value.unfinished} next={value.unfinished_next} empty={t('home.unfinished.empty')} />
            ) : (
              <Skeleton rows={2} />
            )}
          </Section>
        </div>
      </div>
    </div>
  );
}
