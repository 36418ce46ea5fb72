// SPDX-License-Identifier: Apache-2.0
/* Everything about one person: banner and tabs stay, the screen below changes. */
import type { ComponentType } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Link } from 'wouter-preact';
import '../../styles/calendar.css';
import { api, type Facility, type Person } from '../../api/client.ts';
import { onLive } from '../../api/live.ts';
import { Problem } from '../../api/problem.ts';
import { useResource } from '../../api/resource.ts';
import { language, t, type Key } from '../../i18n/t.ts';
import { ageOn, eraShort, eraYear, slashed } from '../../i18n/wareki.ts';
import { participants, session } from '../../session.ts';
import { Icon, type IconName } from '../../ui/Icon.tsx';
import { ConsentTag, Name, ProblemNotice, Skeleton } from '../../ui/pieces.tsx';
import { lazy } from '../../ui/lazy.tsx';
import { openAhead } from '../calendar/ahead.ts';
import { Calendar } from '../calendar/Calendar.tsx';
import { chosen } from './searchState.ts';
import { asksToOpen, undated, type Undated } from './undated.ts';

const PROBLEMS_SHOWN = 2;

export interface TabProps {
  person: Person;
  reload: () => void;
  entry?: string | undefined;
}

const TABS: { tab: string; label: Key; icon: IconName }[] = [
  { tab: 'calendar', label: 'patient.tab.calendar', icon: 'grid' },
  { tab: 'notes', label: 'patient.tab.notes', icon: 'grid' },
  { tab: 'link', label: 'patient.tab.links', icon: 'plus' },
  { tab: 'consent', label: 'patient.tab.consent', icon: 'check' },
  { tab: 'access', label: 'patient.tab.logs', icon: 'logs' },
];

const Consents = lazy(() => import('../consent/Consents.tsx').then((m) => m.Consents), 'register');
const References = lazy(() => import('../audit/References.tsx').then((m) => m.References), 'audit');
const Images = lazy(() => import('../images/Images.tsx').then((m) => m.Images), 'image');
const Notes = lazy(() => import('../note/Notes.tsx').then((m) => m.Notes), 'note');
const Links = lazy(() => import('./Links.tsx').then((m) => m.Links), 'register');

const SCREENS: Record<string, ComponentType<TabProps>> = {
  calendar: Calendar,
  link: Links,
  notes: Notes,
  consent: Consents,
  images: ({ person, entry = '' }) => <Images key={entry} person={person} entry={entry} />,
  access: ({ person }) => <References person={person} />,
};

interface Named {
  first: Undated;
  title: string;
  facilities: Facility[];
}
/* The same allergy from three hospitals is one warning with three marks. */
function byTitle(items: Undated[], facilityOf: (id: string) => Facility | undefined): Named[] {
  const named = new Map<string, Named>();
  for (const item of items) {
    const key = item.title.normalize('NFKC').replace(/\s/g, '');
    const facility = facilityOf(item.facility);
    const known = named.get(key) ?? { first: item, title: item.title, facilities: [] };
    if (facility && !known.facilities.includes(facility)) known.facilities.push(facility);
    named.set(key, known);
  }
  return [...named.values()];
}

function Care({ tab }: { tab: string }) {
  const items = undated.value;
  const [isOpen, setIsOpen] = useState(false);
  if (!items) return null;
  const facilityOf = (id: string) => participants.value.byId.get(id);
  const allergies = byTitle(items.filter((item) => item.kind === 'allergy'), facilityOf);
  const problems = byTitle(items.filter((item) => item.kind === 'problem'), facilityOf);
  const shown = problems.slice(0, PROBLEMS_SHOWN);
  const others = byTitle(items, facilityOf).length - allergies.length - shown.length;
  const open = (item: Undated) => {
    asksToOpen.value = item;
  };
  const isCalendar = tab === 'calendar';
  return (
    <div class="banner-care">
      {isCalendar && allergies.length === 0 && <span class="tag">{t('patient.allergy.none')}</span>}
      {/* on a phone they are one line, which says how many they are and opens */}
      {allergies.length > 1 && (
        <button type="button" class="allergy-all" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          <Icon name="warn" />
          <b>{t('patient.allergy.n', { n: allergies.length })}</b>
          <span>{allergies.map(({ title }) => title).join('、')}</span>
          <Icon name={isOpen ? 'up' : 'down'} />
        </button>
      )}
      <span class={`allergies ${allergies.length > 1 && !isOpen ? 'folded' : ''}`}>
        {allergies.map(({ first, title, facilities }) => (
          <button
            type="button"
            class="allergy"
            key={first.entry}
            disabled={!isCalendar}
            title={facilities.map((facility) => facility.name).join('、')}
            onClick={() => open(first)}
          >
            <Icon name="warn" />
            <span class="sr">{t('patient.allergy')}</span>
            <span>{title}</span>
          </button>
        ))}
      </span>
      {isCalendar &&
        shown.map(({ first, title }) => (
          <button type="button" class="problem" key={first.entry} onClick={() => open(first)}>
            <span class="sr">{t('patient.problems')}</span>
            <span>{title}</span>
          </button>
        ))}
      {isCalendar && others > 0 && <More items={items} open={open} count={others} />}
    </div>
  );
}

function More({ items, open, count }: { items: Undated[]; open: (item: Undated) => void; count: number }) {
  const first = items.find((item) => item.kind === 'problem') ?? items[0];
  if (!first) return null;
  return (
    <button type="button" class="problem" onClick={() => open(first)}>
      {t('patient.more', { n: count })}
    </button>
  );
}

const isOwnSuspended = (person: Person): boolean =>
  person.links.some((link) => link.state === 'suspended' && link.facility === session.value?.post.facility.id);

function Banner({ person, tab }: { person: Person; tab: string }) {
  const today = session.value?.today ?? person.birth_date;
  return (
    <div class="banner">
      <div class="banner-who">
        <div class="banner-name">
          <h1>
            <Name text={person.name} />
          </h1>
          <span>{person.kana}</span>
        </div>
        <div class="banner-facts">
          <span>
            {slashed(person.birth_date)}（{language.value === 'ja' ? eraYear(person.birth_date) : eraShort(person.birth_date)}）
          </span>
          <b>
            {t('person.age', { n: ageOn(person.birth_date, today) })} {t(`sex.${person.sex}`)}
          </b>
          <span>
            {person.own_number ? (
              <>
                {t('person.own_number')} <b>{person.own_number}</b>
              </>
            ) : (
              <span class="tag wait">{t(isOwnSuspended(person) ? 'person.own_number.waits' : 'person.own_number.none')}</span>
            )}
          </span>
          <ConsentTag state={person.consent} />
        </div>
        <Care tab={tab} />
      </div>
      <nav class="tabs" aria-label={t('patient.tabs')}>
        {TABS.map((place) => (
          <Link
            key={place.tab}
            href={`/p/${person.id}/${place.tab}`}
            aria-current={place.tab === tab ? 'page' : undefined}
          >
            {t(place.label)}
          </Link>
        ))}
      </nav>
    </div>
  );
}

export function Patient({ id, tab, entry }: { id: string; tab: string; entry?: string }) {
  // somebody found by a search who has no number here yet: only the own number can be registered
  const isJoining = chosen.value?.id === id && chosen.value.own_number === null;
  const person = useResource(isJoining ? null : `person ${id}`, () => api.person(id));
  const [seen, setSeen] = useState<Person>();
  const giveBack = useRef(() => {});
  useLayoutEffect(() => {
    if (isJoining || tab !== 'calendar') return;
    giveBack.current = openAhead(id);
    return () => giveBack.current();
  }, [id, tab, isJoining]);
  useEffect(() => {
    undated.value = null;
    const remove = onLive((kind, event) => {
      if ((kind === 'consent' || kind === 'link') && event.person === id) person.reload();
    });
    return () => {
      remove();
      undated.value = null;
      asksToOpen.value = null;
    };
  }, [id]);
  const value = person.value ?? seen;
  useEffect(() => {
    if (!person.value) return;
    setSeen(person.value);
    // the other tabs say what they are
    if (!/^(access|consent|link|notes)$/.test(tab)) document.title = `${person.value.name} - ${t('app.name')}`;
  }, [person.value, tab]);
  const isKnown = person.value !== undefined;
  useEffect(() => {
    // pictures after a reload: no calendar has told of the allergies
    if (tab !== 'images' || !isKnown || undated.value) return;
    const stop = new AbortController();
    void import('./readUndated.ts').then((m) => m.readUndated(id, stop.signal));
    return () => stop.abort();
  }, [id, tab, isKnown]);
  const problem = person.state === 'failed' ? person.problem : undefined;
  useEffect(() => {
    if (problem !== undefined) giveBack.current();
  }, [problem]);
  const mayJoin = problem instanceof Problem && (problem.status === 403 || problem.status === 404);
  const joined = () => {
    chosen.value = null;
    person.reload();
  };
  if (!value && (isJoining || (mayJoin && tab === 'link'))) return <Links id={id} reload={joined} />;
  if (!value) {
    return (
      <div class="page narrow stack">
        {problem !== undefined ? (
          <>
            <ProblemNotice problem={problem} retry={person.reload} reads />
            <p>
              <Link href="/patients" class="btn">
                {t('nav.search')}
              </Link>
            </p>
          </>
        ) : (
          <Skeleton rows={2} />
        )}
      </div>
    );
  }
  // pictures are of an entry
  const Screen = (tab !== 'images' || entry ? SCREENS[tab] : undefined) ?? Calendar;
  return (
    <div class={`patient ${Screen === Calendar ? '' : entry ? 'view' : 'flow'}`}>
      <p class="print-hint">{t('patient.print')}</p>
      <Banner person={value} tab={tab} />
      <Screen person={value} reload={person.reload} entry={entry} />
    </div>
  );
}
