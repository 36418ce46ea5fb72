// SPDX-License-Identifier: Apache-2.0
import { Link, Route, Switch } from 'wouter-preact';
import { t } from './i18n/t.ts';
import { lazy } from './ui/lazy.tsx';

const Home = lazy(() => import('./screens/home/Home.tsx').then((m) => m.Home));
const Search = lazy(() => import('./screens/patient/Search.tsx').then((m) => m.Search));
const Patient = lazy(() => import('./screens/patient/Patient.tsx').then((m) => m.Patient));
const Wizard = lazy(() => import('./screens/patient/Wizard.tsx').then((m) => m.Wizard));
const RequestScreen = lazy(() => import('./screens/patient/Wizard.tsx').then((m) => m.RequestScreen));
const References = lazy(() => import('./screens/audit/References.tsx').then((m) => m.References));

function Missing() {
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
      <Route path="/p/:id/:tab">
        {({ id, tab }) => <Patient key={id} id={id} tab={tab} />}
      </Route>
      <Route path="/requests/:id">{({ id }) => <RequestScreen id={id} />}</Route>
      <Route path="/logs">
        <References />
      </Route>
      <Route component={Missing} />
    </Switch>
  );
}
