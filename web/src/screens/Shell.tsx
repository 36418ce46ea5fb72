// SPDX-License-Identifier: Apache-2.0
/* The frame of every screen: menu, who works here, states of the connection. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Link, useLocation } from 'wouter-preact';
import { liveHeardAt, liveState, onLiveState } from '../api/live.ts';
import { loadWords, t, word } from '../i18n/t.ts';
import { instantText } from '../i18n/wareki.ts';
import { prefer, preferences } from '../preferences.ts';
import { Patient, Routes, Search } from '../routes.tsx';
import { logout, minutesLeft, session } from '../session.ts';
import { Icon, Sign, type IconName } from '../ui/Icon.tsx';
import { prepareWhenIdle } from '../ui/lazy.tsx';
import { FacilityMark } from '../ui/pieces.tsx';

const PLACES: { href: string; icon: IconName; label: 'nav.home' | 'nav.search' | 'nav.register' | 'nav.request' | 'nav.logs' }[] = [
  { href: '/', icon: 'home', label: 'nav.home' },
  { href: '/patients', icon: 'search', label: 'nav.search' },
  { href: '/patients/new', icon: 'register', label: 'nav.register' },
  { href: '/requests/new', icon: 'register', label: 'nav.request' },
  { href: '/logs', icon: 'logs', label: 'nav.logs' },
];

function Menu({ close }: { close: () => void }) {
  const current = session.value;
  if (!current) return null;
  const { staff, post, network } = current;
  return (
    <div class="menu" id="who-menu">
      <div class="mine">
        <FacilityMark facility={post.facility} />
        <div>
          <b>{staff.name}</b>
          <p class="small quiet">{post.facility.name}</p>
          <p class="small quiet">
            {word('profession', post.profession)} / {word('role', post.role)}
          </p>
          <p class="small quiet">{network.name}</p>
        </div>
      </div>
      <div class="stack gap-s">
        <span class="label small" id="menu-size">
          {t('app.size')}
        </span>
        <div class="seg" role="group" aria-labelledby="menu-size">
          {([1, 2, 3] as const).map((size) => (
            <button
              key={size}
              type="button"
              aria-pressed={preferences.value.size === size}
              onClick={() => void prefer({ size })}
            >
              {t(`app.size.${size}`)}
            </button>
          ))}
        </div>
      </div>
      <div class="stack gap-s">
        <span class="label small" id="menu-language">
          {t('app.language')}
        </span>
        <div class="seg" role="group" aria-labelledby="menu-language">
          <button
            type="button"
            lang="ja"
            aria-pressed={preferences.value.language === 'ja'}
            onClick={() => void prefer({ language: 'ja' })}
          >
            日本語
          </button>
          <button
            type="button"
            lang="en"
            aria-pressed={preferences.value.language === 'en'}
            onClick={() => void prefer({ language: 'en' })}
          >
            English
          </button>
        </div>
      </div>
      <button
        type="button"
        class="btn"
        onClick={() => {
          close();
          void logout();
        }}
      >
        {t('app.logout')}
      </button>
    </div>
  );
}

function Who() {
  const [isOpen, setIsOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    const onPointer = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) setIsOpen(false);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      setIsOpen(false);
      button.current?.focus();
    };
    addEventListener('pointerdown', onPointer);
    addEventListener('keydown', onKey);
    return () => {
      removeEventListener('pointerdown', onPointer);
      removeEventListener('keydown', onKey);
    };
  }, [isOpen]);
  const current = session.value;
  if (!current) return null;
  return (
    <div class="who" ref={box}>
      <button
        type="button"
        ref={button}
        aria-expanded={isOpen}
        aria-controls="who-menu"
        onClick={() => setIsOpen(!isOpen)}
      >
        <FacilityMark facility={current.post.facility} />
        <span class="who-words">
          <b>{current.staff.name}</b>
          <span>{current.post.facility.name}</span>
        </span>
        <span class="sr">{t('app.menu')}</span>
        <Icon name="down" />
      </button>
      {isOpen && <Menu close={() => setIsOpen(false)} />}
    </div>
  );
}

const LOST_MS = 8000;

/** Nothing heard for longer than a few seconds: since when, and the screen says so. */
function useLostSince(): number {
  const [since, setSince] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const update = () => {
      clearTimeout(timer);
      const heard = liveHeardAt();
      if (liveState() === 'lost') timer = setTimeout(() => setSince((old) => old || heard), Math.max(0, heard + LOST_MS - Date.now()));
      else if (liveState() === 'open') setSince(0);
    };
    update();
    const remove = onLiveState(update);
    return () => {
      clearTimeout(timer);
      remove();
    };
  }, []);
  return since;
}

export function Shell() {
  const [location] = useLocation();
  const lostSince = useLostSince();
  const main = useRef<HTMLElement>(null);
  useEffect(() => prepareWhenIdle([Patient, Search, { prepare: () => loadWords('problem') }], location.startsWith('/p/')), []);
  const current = session.value;
  if (!current) return null;
  const hidden = current.post.facility.may_register ? 'nav.request' : 'nav.register';
  const isHere = (href: string) =>
    href === location || (href === '/patients' && location.startsWith('/p/'));
  return (
    <div class={current.is_demo ? 'shell is-demo' : 'shell'}>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {t('app.skip')}
      </a>
      <header class="top">
        <Link href="/" class="brand">
          <Sign />
          <span>{t('app.name')}</span>
          <small>{current.network.name}</small>
        </Link>
        <nav class="nav" aria-label={t('app.nav')}>
          {PLACES.filter(({ label }) => label !== hidden).map(({ href, icon, label }) => (
            <Link key={href} href={href} aria-current={isHere(href) ? 'page' : undefined}>
              <Icon name={icon} />
              <span>{t(label)}</span>
            </Link>
          ))}
        </nav>
        <Who />
      </header>
      {current.is_demo && <p class="demo" role="status">{t('app.demo')}</p>}
      {lostSince > 0 && (
        <p class="strip bad" role="alert">
          {t('app.offline', { when: instantText(lostSince) })}
        </p>
      )}
      {minutesLeft.value !== null && (
        <p class="strip" role="alert">
          {t('ending.text', { n: minutesLeft.value })}
        </p>
      )}
      <main class="main" id="main" ref={main} tabIndex={-1}>
        <Routes />
      </main>
    </div>
  );
}
