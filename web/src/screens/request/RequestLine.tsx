// SPDX-License-Identifier: Apache-2.0
import { Link } from 'wouter-preact';
import { t } from '../../i18n/t.ts';
import { instantText, longDay } from '../../i18n/wareki.ts';
import { facilitiesOf } from '../../session.ts';
import { FacilityMarks } from '../../ui/pieces.tsx';
import type { RequestHead } from './calls.ts';

const TONES: Record<RequestHead['state'], string> = {
  open: 'wait',
  accepted: 'good',
  declined: 'bad',
  withdrawn: '',
  expired: '',
};

export function StateTag({ state }: { state: RequestHead['state'] }) {
  return <span class={`tag ${TONES[state]}`}>{t(`request.state.${state}`)}</span>;
}

/** The last day in Japan on which an open request can be answered. */
export function lastDay(endsAt: number): string {
  return new Date(endsAt - 1 + 9 * 3_600_000).toISOString().slice(0, 10);
}

export function RequestLine({ request }: { request: RequestHead }) {
  const other = facilitiesOf([request.side === 'sent' ? request.asked : request.asker]);
  return (
    <Link href={`/requests/${request.id}`} class="person tall">
      <span class="person-name">
        <b>{request.name}</b>
        <span>{request.kana}</span>
      </span>
      <span class="row small">
        <FacilityMarks facilities={other} />
        {other[0]?.name}
        <span class="push">
          <StateTag state={request.state} />
        </span>
      </span>
      <span class="small quiet">
        {t('request.when', { when: instantText(request.sent_at) })}
        {request.state === 'open' && ` ・ ${t('request.until', { day: longDay(lastDay(request.ends_at)) })}`}
      </span>
    </Link>
  );
}
