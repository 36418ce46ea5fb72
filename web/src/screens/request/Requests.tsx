// SPDX-License-Identifier: Apache-2.0
/* On the home page: requests that wait for the own answer, and what became of those sent. */
import { useEffect } from 'preact/hooks';
import { Link } from 'wouter-preact';
import { onLive } from '../../api/live.ts';
import { useResource } from '../../api/resource.ts';
import { t } from '../../i18n/t.ts';
import { session } from '../../session.ts';
import { Icon } from '../../ui/Icon.tsx';
import { ProblemNotice } from '../../ui/pieces.tsx';
import { listRequests } from './calls.ts';
import { RequestLine } from './RequestLine.tsx';

export function Requests() {
  const requests = useResource('requests', listRequests);
  useEffect(
    () =>
      onLive((kind) => {
        if (kind === 'request' || kind === 'link' || kind === 'reload') requests.reload();
      }),
    [],
  );
  const mayRegister = session.value?.post.facility.may_register ?? true;
  const { value } = requests;
  if (!value) {
    return requests.state === 'failed' ? <ProblemNotice problem={requests.problem} retry={requests.reload} reads /> : null;
  }
  return (
    <>
      {value.received.length > 0 && (
        <section class="card">
          <header>
            <h2>{t('request.received')}</h2>
            <span class="aside num">{t('request.count', { n: value.received_total })}</span>
          </header>
          <ul class="people">
            {value.received.map((request) => (
              <li key={request.id}>
                <RequestLine request={request} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {(!mayRegister || value.sent.length > 0) && (
        <section class="card">
          <header>
            <h2>{t('request.sent')}</h2>
          </header>
          {!mayRegister && (
            <div class="card-body">
              <Link href="/requests/new" class="btn primary">
                <Icon name="register" />
                {t('request.new')}
              </Link>
            </div>
          )}
          {value.sent.length > 0 ? (
            <ul class="people">
              {value.sent.map((request) => (
                <li key={request.id}>
                  <RequestLine request={request} />
                </li>
              ))}
            </ul>
          ) : (
            <p class="empty">{t('request.sent.empty')}</p>
          )}
        </section>
      )}
    </>
  );
}
