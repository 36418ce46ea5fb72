// SPDX-License-Identifier: Apache-2.0
import { useEffect } from 'preact/hooks';
import { Link, Route, Switch } from 'wouter-preact';
import { t } from './i18n/t.ts';
import { lazy } from './ui/lazy.tsx';

export const Home = lazy(() => import('./screens/home/Home.tsx').then((m) => m.Home), 'work', 'request');
export const Search = lazy(() => import('./screens/patient/Search.tsx').then((m) => m.Search), 'work');
export const Patient = lazy(() => import('./screens/patient/Patient.tsx').then((m) => m.Patient), 'work', 'calendar');
const Wizard = lazy(() => import('./screens/patient/Wizard.tsx').then((m) => m.Wizard), 'work', 'register', 'request');
const RequestScreen = lazy(() => import('./screens/patient/Wizard.tsx').then((m) => m.RequestScreen), 'work', 'register', 'request');
const References = lazy(() => import('./screens/audit/References.tsx').then((m) => m.References), 'work', 'calendar', 'audit');

const PrintCalendar = lazy(() => import('./screens/print/PrintCalendar.tsx').then((m) => m.PrintCalendar), 'work', 'calendar', 'help', 'print');
const PrintEntry = lazy(() => import('./screens/print/PrintEntry.tsx').then((m) => m.PrintEntry), 'work', 'calendar', 'content', 'print');

function Missing() {
  useEffect(() => {
    document.title = `${t('app.unknown_page')} - ${t('app.name')}`;
  }, []);
  return (
    <div class="page narrow stack">
      <h1>{t('app.unknown_page')}</h1>
      <p>{t('app.unknown_page.text')}</p>
      <p>
        <Link href="/" class="btn primary">
          {t('app.to_home')}
        </Link>
      </p>
    </div>
  );
}

export function Routes() {
  return (
    <Switch>
      <Route path="/">
        <Home />
      </Route>
      <Route path="/login">
        <Home />
      </Route>
      <Route path="/patients">
        <Search />
      </Route>
      <Route path="/patients/new">
        <Wizard />
      </Route>
      <Route path="/p/:id/images/:entry">
        {({ id, entry }) => <Patient key={id} id={id} tab="images" entry={entry} />}
      </Route>
      <Route path="/p/:id/:tab">
        {({ id, tab }) => <Patient key={id} id={id} tab={tab} />}
      </Route>
      <Route path="/requests/:id">{({ id }) => <RequestScreen id={id} />}</Route>
      <Route path="/print/calendar/:id">{({ id }) => <PrintCalendar key={id} id={id} />}</Route>
      <Route path="/print/entry/:id/:entries">
        {({ id, entries }) => <PrintEntry key={entries} id={id} entries={entries.split(',')} />}
      </Route>
      <Route path="/logs">
        <References />
      </Route>
      <Route component={Missing} />
    </Switch>
  );
}
