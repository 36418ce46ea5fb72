// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from 'preact/hooks';
import { useLocation } from 'wouter-preact';
import type { Post } from '../../api/client.ts';
import { Problem } from '../../api/problem.ts';
import { language, t, word } from '../../i18n/t.ts';
import { prefer } from '../../preferences.ts';
import { Home } from '../../routes.tsx';
import { farewell, login } from '../../session.ts';
import { Field } from '../../ui/Field.tsx';
import { ErrorSummary, SubmitButton, type Errors } from '../../ui/Form.tsx';
import { prepareWhenIdle } from '../../ui/lazy.tsx';
import { Sign } from '../../ui/Icon.tsx';
import { FacilityMark, Notice, ProblemNotice } from '../../ui/pieces.tsx';

/* Threads of many houses, one cloth. */
function Weave() {
  const lines = Array.from({ length: 26 }, (_, index) => index * 40 + 10);
  return (
    <svg class="weave" viewBox="0 0 1000 1000" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
      <g fill="none" stroke-width="10">
        {lines.map((at, index) => (
          <path
            key={`v${at}`}
            d={`M${at} 0V1000`}
            stroke="#3460fb"
            stroke-opacity="0.22"
            stroke-dasharray="70 10"
            stroke-dashoffset={index % 2 === 0 ? 35 : 75}
          />
        ))}
        {lines.map((at, index) => (
          <path
            key={`h${at}`}
            d={`M0 ${at}H1000`}
            stroke={index % 9 === 7 ? '#ffd43d' : '#9db7f9'}
            stroke-opacity={index % 9 === 7 ? 0.5 : 0.14}
            stroke-dasharray="70 10"
            stroke-dashoffset={index % 2 === 0 ? 75 : 35}
          />
        ))}
      </g>
    </svg>
  );
}

function Posts({ posts, choose }: { posts: Post[]; choose: (post: string) => void }) {
  return (
    <div>
      <h2>{t('login.posts')}</h2>
      <p class="quiet">{t('login.posts.text')}</p>
      <ul class="stack gap-s">
        {posts.map((post) => (
          <li key={post.id}>
            <button type="button" class="post" onClick={() => choose(post.id)}>
              <FacilityMark facility={post.facility} />
              <span>
                <b>{post.facility.name}</b>
                <br />
                <span class="small quiet">
                  {word('profession', post.profession)} / {word('role', post.role)}
                </span>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface NewPasswordProps {
  problem: unknown;
  busy: boolean;
  change: (password: string) => void;
}

/* What the office gave is known to two people: it opens nothing before it is changed. */
function NewPassword({ problem, busy, change }: NewPasswordProps) {
  const [first, setFirst] = useState('');
  const [again, setAgain] = useState('');
  const [isShown, setIsShown] = useState(false);
  const [errors, setErrors] = useState<Errors>({});
  const [turn, setTurn] = useState(0);

  function submit(event: Event) {
    event.preventDefault();
    if (busy) return;
    const found: Errors = {};
    if (first.length < 13) found['login-new'] = t('login.new.short');
    else if (again !== first) found['login-again'] = t('login.new.differs');
    setErrors(found);
    setTurn(turn + 1);
    if (Object.keys(found).length === 0) change(first);
  }

  const type = isShown ? 'text' : 'password';
  return (
    <form onSubmit={submit} noValidate>
      <h2>{t('login.new.title')}</h2>
      <p>{t('login.new.text')}</p>
      {problem !== undefined && <ProblemNotice problem={problem} />}
      <ErrorSummary errors={errors} turn={turn} />
      <Field
        id="login-new"
        label={t('login.new')}
        hint={t('login.new.hint')}
        type={type}
        value={first}
        onInput={setFirst}
        error={errors['login-new']}
        autoComplete="new-password"
        maxLength={128}
        autoFocus
      />
      <div class="stack gap-s">
        <Field
          id="login-again"
          label={t('login.new.again')}
          type={type}
          value={again}
          onInput={setAgain}
          error={errors['login-again']}
          autoComplete="new-password"
          maxLength={128}
        />
        <label class="row small">
          <input type="checkbox" checked={isShown} onChange={(event) => setIsShown(event.currentTarget.checked)} />
          {t('login.show')}
        </label>
      </div>
      <SubmitButton busy={busy}>{t('login.new.submit')}</SubmitButton>
    </form>
  );
}

const isOf = (failure: unknown, codes: RegExp) => failure instanceof Problem && codes.test(failure.code);

const FAREWELLS = { ended: 'login.ended', out: 'login.out', idle: 'lock.title', gone: 'login.gone' } as const;

export function Login() {
  const [place, go] = useLocation();
  const [id, setId] = useState('');
  const [password, setPassword] = useState('');
  const [isShown, setIsShown] = useState(false);
  const [errors, setErrors] = useState<Errors>({});
  const [turn, setTurn] = useState(0);
  const [problem, setProblem] = useState<unknown>();
  const [posts, setPosts] = useState<Post[]>();
  const [renewing, setRenewing] = useState<{ post: string | undefined }>();
  const [isBusy, setIsBusy] = useState(false);

  // while somebody types, the next screen comes
  useEffect(() => prepareWhenIdle([Home]), []);

  function refuse(failure: unknown, post?: string) {
    setPosts(undefined);
    if (isOf(failure, /^password_initial$/)) {
      setRenewing({ post });
      return;
    }
    setProblem(failure);
    if (isOf(failure, /^password_/)) return;
    setRenewing(undefined);
    setPassword('');
  }

  async function enter(post?: string, changed?: string) {
    setIsBusy(true);
    setProblem(undefined);
    try {
      const choice = await login(id.trim(), password, post, changed);
      if (choice) setPosts(choice);
      else if (place === '/login') go('/', { replace: true });
    } catch (failure) {
      refuse(failure, post);
    } finally {
      setIsBusy(false);
    }
  }

  function submit(event: Event) {
    event.preventDefault();
    if (isBusy) return;
    const found: Errors = {};
    if (id.trim() === '') found['login-id'] = t('login.id.missing');
    if (password === '') found['login-password'] = t('login.password.missing');
    setErrors(found);
    setTurn(turn + 1);
    if (Object.keys(found).length === 0) void enter();
  }

  const reason = farewell.value;
  return (
    <div class="login">
      <header class="login-art">
        <Weave />
        <div>
          <h1>
            <Sign />
            {t('app.name')}
          </h1>
          <p>{t('login.lead')}</p>
        </div>
        <p class="small">{t('login.note')}</p>
      </header>
      <main class="login-form">
        {posts ? (
          <Posts posts={posts} choose={(post) => void enter(post)} />
        ) : renewing ? (
          <NewPassword
            problem={problem}
            busy={isBusy}
            change={(changed) => void enter(renewing.post, changed)}
          />
        ) : (
          <form onSubmit={submit} noValidate>
            <h2>{t('login.title')}</h2>
            {reason && !problem && (
              <Notice tone={reason === 'out' ? 'good' : 'wait'} title={t(FAREWELLS[reason])}>
                {reason === 'idle' && <p>{t('lock.text')}</p>}
              </Notice>
            )}
            {problem !== undefined && <ProblemNotice problem={problem} />}
            <ErrorSummary errors={errors} turn={turn} />
            <Field
              id="login-id"
              label={t('login.id')}
              value={id}
              onInput={setId}
              error={errors['login-id']}
              autoComplete="username"
              maxLength={64}
              autoFocus
            />
            <div class="stack gap-s">
              <Field
                id="login-password"
                label={t('login.password')}
                type={isShown ? 'text' : 'password'}
                value={password}
                onInput={setPassword}
                error={errors['login-password']}
                autoComplete="current-password"
                maxLength={128}
              />
              <label class="row small">
                <input
                  type="checkbox"
                  checked={isShown}
                  onChange={(event) => setIsShown(event.currentTarget.checked)}
                />
                {t('login.show')}
              </label>
            </div>
            <SubmitButton busy={isBusy}>{t('login.submit')}</SubmitButton>
            <button
              type="button"
              class="btn plain compact"
              lang={language.value === 'ja' ? 'en' : 'ja'}
              onClick={() => void prefer({ language: language.value === 'ja' ? 'en' : 'ja' })}
            >
              {t('login.language')}
            </button>
          </form>
        )}
      </main>
    </div>
  );
}
