// SPDX-License-Identifier: Apache-2.0
/* なぜ見えないのか: every refusal in words, with what to do next. */
import { Link } from 'wouter-preact';
import type { Facility, Person } from '../../api/client.ts';
import type { CalendarModel } from '../../calendar/model.ts';
import { has, t, word } from '../../i18n/t.ts';
import { instantText } from '../../i18n/wareki.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { FacilityMark } from '../../ui/pieces.tsx';
import { linkWords } from '../patient/linkWords.ts';

const TO_LINKS = ['no_link', 'link_proposed', 'link_suspended', 'link_refused', 'no_own_number'];
const TO_CONSENT = ['no_consent', 'consent_withdrawn', 'consent_expired', 'consent_not_covering', 'joiner_waiting'];

export interface Missing {
  /** Empty: whatever others have. */
  facility: string;
  kinds: string[];
  text: string;
  next: string;
  to: 'link' | 'consent' | null;
}

/* Without a consent nothing of others comes, whatever else may be missing. */
function consentMissing({ consent }: Person): Missing[] {
  if (consent === 'active') return [];
  const reason = consent === 'none' ? 'no_consent' : (`consent_${consent}` as const);
  return [{ facility: '', kinds: [], text: t(`why.${reason}.text`), next: t(`why.${reason}.next`), to: 'consent' }];
}

/** Refusals of the gate, and what has not arrived. */
export function missingOf(model: CalendarModel, person: Person): Missing[] {
  const isCovered = (reason: string) => person.consent !== 'active' && /consent/.test(reason);
  const list: Missing[] = model.refusals.filter(({ reason }) => !isCovered(reason)).map(({ facility, kinds, reason }) => {
    const text = `why.${reason}.text`;
    const next = `why.${reason}.next`;
    const isKnown = has(text) && has(next);
    const link = reason === 'link_proposed' ? person.links.find((one) => one.facility === facility) : undefined;
    return {
      facility,
      kinds,
      text: link ? linkWords(link) : isKnown ? t(text) : t('why.other.text', { code: reason }),
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
  return [...consentMissing(person), ...list];
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
        {missing.map((item, index) => {
          const facility = props.facilityOf(item.facility);
          return (
            <li key={index}>
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
              <p>{item.text}</p>
              <div class="row small">
                <p class="quiet">{item.next}</p>
                {item.to && (
                  <Link href={`/p/${props.person.id}/${item.to}`} class="push nowrap">
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
