// SPDX-License-Identifier: Apache-2.0
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Link, Route, Switch } from 'wouter-preact';
import { loadMoreWords, t } from './i18n/t.ts';
import { Home } from './screens/home/Home.tsx';
import { Search } from './screens/patient/Search.tsx';
import { ProblemNotice, Skeleton } from './ui/pieces.tsx';

/** A screen whose code comes when it is first shown. */
function lazy<P extends object>(load: () => Promise<ComponentType<P>>) {
  let loaded: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const [, draw] = useState(0);
    const [problem, setProblem] = useState<unknown>();
    useEffect(() => {
      if (loaded) return;
      Promise.all([load(), loadMoreWords()]).then(
        ([component]) => {
          loaded = component;
          draw(1);
        },
        () => setProblem(new Error('code')),
      );
    }, []);
    if (loaded) {
      const Loaded = loaded;
      return <Loaded {...props} />;
    }
    return (
      <div class="page">
        {problem ? (
          <ProblemNotice problem={problem} retry={() => location.reload()} />
        ) : (
          <Skeleton rows={3} />
        )}
      </div>
    );
  };
}

const Patient = lazy(() => import('./screens/patient/Patient.tsx').then((m) => m.Patient));
const Wizard = lazy(() => import('./screens/patient/Wizard.tsx').then((m) => m.Wizard));
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
      <Route path="/" component={Home} />
      <Route path="/login" component={Home} />
      <Route path="/patients" component={Search} />
      <Route path="/patients/new">
        <Wizard />
      </Route>
      <Route path="/p/:id/:tab">
        {({ id, tab }) => <Patient key={id} id={id} tab={tab} />}
      </Route>
      <Route path="/logs">
        <References />
      </Route>
      <Route component={Missing} />
    </Switch>
  );
}
