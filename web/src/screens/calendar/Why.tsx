// SPDX-License-Identifier: Apache-2.0
/* なぜ見えないのか: every refusal in words, with what to do next. */
import { Link } from 'wouter-preact';
import type { Facility } from '../../api/client.ts';
import type { CalendarModel } from '../../calendar/model.ts';
import { has, t, word } from '../../i18n/t.ts';
import { instantText } from '../../i18n/wareki.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { FacilityMark } from '../../ui/pieces.tsx';

const TO_LINKS = ['no_link', 'link_proposed', 'link_suspended', 'link_refused', 'no_own_number'];
const TO_CONSENT = ['no_consent', 'consent_withdrawn', 'consent_expired', 'consent_not_covering', 'joiner_waiting'];

export interface Missing {
  facility: string;
  kinds: string[];
  text: string;
  next: string;
  to: 'link' | 'consent' | null;
}

/** Refusals of the gate, and what has not arrived. */
export function missingOf(model: CalendarModel): Missing[] {
  const list: Missing[] = model.refusals.map(({ facility, kinds, reason }) => {
    const text = `why.${reason}.text`;
    const next = `why.${reason}.next`;
    const isKnown = has(text) && has(next);
    return {
      facility,
      kinds,
      text: isKnown ? t(text) : t('why.other.text', { code: reason }),
      next: isKnown ? t(next) : t('why.other.next'),
      to: TO_LINKS.includes(reason) ? 'link' : TO_CONSENT.includes(reason) ? 'consent' : null,
    };
  });
  for (const { facility, state, since } of model.freshness) {
    if (state !== 'behind' && state !== 'loading') continue;
    const text =
      state === 'loading'
        ? t('fresh.loading.long')
        : since === null
          ? t('fresh.behind.unknown.long')
          : t('fresh.behind.long', { when: instantText(since) });
    list.push({
      facility,
      kinds: [],
      text,
      next: state === 'behind' ? t('why.gateway_away.next') : '',
      to: null,
    });
  }
  return list;
}

export function Why(props: {
  model: CalendarModel;
  person: string;
  facilityOf: (id: string) => Facility | undefined;
  onClose: () => void;
}) {
  const missing = missingOf(props.model);
  return (
    <Dialog title={t('why.title')} onClose={props.onClose} wide>
      <p class="lead">{missing.length > 0 ? t('why.lead') : t('why.none')}</p>
      <ul class="why-list">
        {missing.map((item, index) => {
          const facility = props.facilityOf(item.facility);
          return (
            <li key={index}>
              <div class="row">
                {facility && <FacilityMark facility={facility} />}
                <h3>{facility?.name ?? ''}</h3>
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
              <p>{item.text}</p>
              <div class="row small">
                <p class="quiet">{item.next}</p>
                {item.to && (
                  <Link href={`/p/${props.person}/${item.to}`} class="push nowrap">
                    {t(item.to === 'link' ? 'why.to_links' : 'why.to_consent')}
                  </Link>
                )}
              </div>
            </li>
          );
        })}
      </ul>
    </Dialog>
  );
}
