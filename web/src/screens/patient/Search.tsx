// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from 'preact/hooks';
import { Link } from 'wouter-preact';
import { api, type PersonSummary, type Search as SearchBody } from '../../api/client.ts';
import { useResource } from '../../api/resource.ts';
import { t } from '../../i18n/t.ts';
import { session } from '../../session.ts';
import { DayField, NO_DAY, dayError, readDay } from '../../ui/DayField.tsx';
import { Field } from '../../ui/Field.tsx';
import type { Errors } from '../../ui/Form.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { ProblemNotice, Skeleton } from '../../ui/pieces.tsx';
import { PersonLine } from './PersonLine.tsx';
import { askSearch, asked, chosen } from './searchState.ts';

function ByNumber() {
  const [number, setNumber] = useState(asked.value?.own_number ?? '');
  const [error, setError] = useState<string>();
  return (
    <form
      role="search"
      class="card-body stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        const text = number.trim().normalize('NFKC');
        setError(text === '' ? t('search.number.missing') : undefined);
        if (text !== '') askSearch({ own_number: text });
      }}
    >
      <Field
        id="search-number"
        label={t('search.by_number')}
        class="mono"
        value={number}
        onInput={setNumber}
        error={error}
        maxLength={15}
        autoFocus
      />
      <button type="submit" class="btn primary">
        <Icon name="search" />
        {t('search.submit')}
      </button>
    </form>
  );
}

/* Who may not register has no use for a stranger's name: the centre finds it its own patients only. */
const findsOwnOnly = () => session.value?.post.facility.may_register === false;

function ByTwo() {
  const today = session.value?.today ?? '';
  const [name, setName] = useState('');
  const [kana, setKana] = useState('');
  const [birth, setBirth] = useState(NO_DAY);
  const [phone, setPhone] = useState('');
  const [errors, setErrors] = useState<Errors>({});

  function submit(event: Event) {
    event.preventDefault();
    const found: Errors = {};
    const search: SearchBody = {};
    if (name.trim()) search.name = name.trim();
    if (kana.trim()) search.kana = kana.trim();
    if (phone.trim()) search.phone = phone.trim().normalize('NFKC');
    const parsed = readDay(birth, today);
    if (parsed.ok) search.birth_date = parsed.day;
    else if (parsed.reason !== 'empty') found['search-birth'] = dayError(parsed, birth) ?? '';
    const count = Object.keys(search).length;
    if (count < 2 && !found['search-birth']) found.two = t('search.two.missing', { n: 2 - count });
    setErrors(found);
    if (Object.keys(found).length === 0) askSearch(search);
  }

  return (
    <form role="search" class="card-body stack" onSubmit={submit} noValidate>
      <p class="small quiet">{t('search.by_two.text')}</p>
      {findsOwnOnly() && <p class="small quiet">{t('search.by_two.own')}</p>}
      {errors.two && (
        <p class="wrong" role="alert">
          {errors.two}
        </p>
      )}
      <Field
        id="search-kana"
        label={t('person.kana')}
        hint={t('search.kana.hint')}
        value={kana}
        onInput={setKana}
        maxLength={128}
        lang="ja"
      />
      <DayField
        id="search-birth"
        label={t('person.birth')}
        value={birth}
        today={today}
        onInput={setBirth}
        error={errors['search-birth']}
      />
      <Field
        id="search-name"
        label={t('person.name')}
        hint={t('search.name.hint')}
        value={name}
        onInput={setName}
        maxLength={128}
        lang="ja"
      />
      <Field
        id="search-phone"
        label={t('person.phone')}
        value={phone}
        onInput={setPhone}
        maxLength={32}
        inputMode="tel"
      />
      <button type="submit" class="btn primary">
        <Icon name="search" />
        {t('search.submit')}
      </button>
    </form>
  );
}

function Found({ people, wasByNumber }: { people: PersonSummary[]; wasByNumber: boolean }) {
  if (people.length === 0) {
    const asks = findsOwnOnly();
    return (
      <div class="empty">
        <b>{t('search.none')}</b>
        <p>{t(asks ? 'search.none.own' : wasByNumber ? 'search.none.number' : 'search.none.two')}</p>
        <Link href={asks ? '/requests/new' : '/patients/new'} class="btn">
          <Icon name="register" />
          {t(asks ? 'search.ask' : 'search.register')}
        </Link>
      </div>
    );
  }
  return (
    <ul class="people">
      {people.map((person) => (
        <li key={person.id}>
          <PersonLine
            person={person}
            href={person.own_number ? `/p/${person.id}/calendar` : `/p/${person.id}/link`}
            onClick={() => {
              chosen.value = person;
            }}
          >
            <span class="btn compact">
              {t(person.own_number ? 'search.open' : 'search.add')}
              <Icon name="right" />
            </span>
          </PersonLine>
        </li>
      ))}
    </ul>
  );
}

export function Search() {
  const search = asked.value;
  const [mode, setMode] = useState<'number' | 'two'>(
    search && !search.own_number ? 'two' : 'number',
  );
  useEffect(() => {
    document.title = `${t('search.title')} - ${t('app.name')}`;
  }, []);
  const change = (next: 'number' | 'two') => {
    if (next !== mode) asked.value = null;
    setMode(next);
  };
  const key = search ? JSON.stringify(search) : null;
  const found = useResource(key, (signal) => api.search(search ?? {}, signal));
  const count = found.value?.persons.length;
  return (
    <div class="page">
      <div class="page-head">
        <h1>{t('search.title')}</h1>
        <p class="small quiet">{t('search.note')}</p>
      </div>
      <div class="columns searching">
        <section class="card" aria-label={t('search.title')}>
          <div class="card-tabs seg">
            <button type="button" aria-pressed={mode === 'number'} onClick={() => change('number')}>
              {t('search.by_number')}
            </button>
            <button type="button" aria-pressed={mode === 'two'} onClick={() => change('two')}>
              {t('search.by_two')}
            </button>
          </div>
          {mode === 'number' ? <ByNumber key="number" /> : <ByTwo key="two" />}
        </section>
        <section class="card" aria-live="polite">
          {key === null && <p class="empty">{t('search.start')}</p>}
          {key !== null && found.state === 'loading' && <Skeleton rows={2} />}
          {key !== null && found.state === 'failed' && (
            <div class="card-body">
              <ProblemNotice problem={found.problem} retry={found.reload} />
            </div>
          )}
          {key !== null && found.state === 'ready' && (
            <>
              {count !== undefined && count > 0 && (
                <header>
                  <h2>{t('search.found', { n: count })}</h2>
                </header>
              )}
              <Found
                people={found.value.persons}
                wasByNumber={search?.own_number !== undefined}
              />
            </>
          )}
        </section>
      </div>
    </div>
  );
}
