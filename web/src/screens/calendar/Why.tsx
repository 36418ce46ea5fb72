// SPDX-License-Identifier: Apache-2.0
/* なぜ見えないのか: every refusal in words, with what to do next. */
import { Link } from 'wouter-preact';
import type { Facility, Person } from '../../api/client.ts';
import type { CalendarModel } from '../../calendar/model.ts';
import { t, word } from '../../i18n/t.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { FacilityMark } from '../../ui/pieces.tsx';
import { missingOf, type Missing } from './missing.ts';
import { whyWords } from './whyWords.ts';

const TO_LINKS = ['no_link', 'link_proposed', 'link_suspended', 'link_refused', 'no_own_number'];
const TO_CONSENT = [
  'no_consent', 'consent_withdrawn', 'consent_expired', 'consent_refused', 'consent_not_covering', 'joiner_waiting',
];

function wayOut(reason: string): 'link' | 'consent' | null {
  if (TO_LINKS.includes(reason)) return 'link';
  return TO_CONSENT.includes(reason) ? 'consent' : null;
}

function Reason({ item, person, facility }: { item: Missing; person: Person; facility: Facility | undefined }) {
  const { text, next } = whyWords(item);
  const to = wayOut(item.reason);
  return (
    <li>
      <div class="row">
        {facility && <FacilityMark facility={facility} />}
        <h3>{facility?.name ?? t('why.others')}</h3>
        <span class="why-kinds">
          {item.kinds.length === 0 ? (
            <span class="tag">{t('why.all')}</span>
          ) : (
            item.kinds.map((kind) => (
              <span class="tag" key={kind}>
                {word('kind', kind)}
              </span>
            ))
          )}
        </span>
      </div>
      <p>{text}</p>
      <div class="row small">
        <p class="quiet">{next}</p>
        {to && (
          <Link href={`/p/${person.id}/${to}`} class="push nowrap">
            {t(to === 'link' ? 'why.to_links' : 'why.to_consent')}
          </Link>
        )}
      </div>
    </li>
  );
}

export function Why(props: {
  model: CalendarModel;
  person: Person;
  facilityOf: (id: string) => Facility | undefined;
  onClose: () => void;
}) {
  const missing = missingOf(props.model, props.person);
  return (
    <Dialog title={t('why.title')} onClose={props.onClose} wide>
      <p class="lead">{missing.length > 0 ? t('why.lead') : t('why.none')}</p>
      <ul class="why-list">
        {missing.map((item, index) => (
          <Reason key={index} item={item} person={props.person} facility={props.facilityOf(item.facility)} />
        ))}
      </ul>
    </Dialog>
  );
}
