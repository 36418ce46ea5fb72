// SPDX-License-Identifier: Apache-2.0
import './styles/base.css';
import { render } from 'preact';
import { useEffect } from 'preact/hooks';
import { language, t } from './i18n/t.ts';
import { applyPreferences } from './preferences.ts';
import { Patient } from './routes.tsx';
import { Login } from './screens/login/Login.tsx';
import { Shell } from './screens/Shell.tsx';
import { restore, session } from './session.ts';

function App() {
  const isLoggedIn = session.value !== null;
  useEffect(() => {
    if (!isLoggedIn) document.title = `${t('login.title')} - ${t('app.name')}`;
  }, [isLoggedIn, language.value]);
  // a new key draws every word again after a change of language
  return isLoggedIn ? <Shell key={language.value} /> : <Login key={language.value} />;
}

const root = document.getElementById('app');
if (root) {
  // a link to a patient: the screen's code comes while the server is asked who this is
  if (location.pathname.startsWith('/p/')) void Patient.prepare().catch(() => {});
  await Promise.all([applyPreferences(), restore()]);
  render(<App />, root);
}
