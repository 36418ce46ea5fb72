// SPDX-License-Identifier: Apache-2.0
/* Whose information it is and how fresh; each facility is a filter too. */
import type { Freshness, Link } from '../../api/client.ts';
import type { CalendarModel } from '../../calendar/model.ts';
import { behindWords } from '../../calendar/words.ts';
import { t } from '../../i18n/t.ts';
import { instantText } from '../../i18n/wareki.ts';
import { session } from '../../session.ts';

/* Without freshness the reason of the whole refusal says where it stands. */
function refusalWords(reason: string | undefined, link: Link | undefined): { short: string; long: string } {
  if (reason === undefined) return { short: '', long: '' };
  if (reason === 'link_proposed') {
    const isAway = link?.reason === 'gateway_away';
    const words = isAway ? t('fresh.away', { when: instantText(link.since) }) : t('fresh.proposed');
    return { short: words, long: words };
  }
  if (reason === 'no_link') return { short: t('fresh.not_linked'), long: t('fresh.not_linked.long') };
  return { short: t('fresh.refused'), long: t('fresh.refused.long') };
}

/* A source that tells nothing by itself is looked at now and then. */
const everyText = (seconds: number | null): string =>
  !seconds ? '' : seconds < 120 ? t('fresh.every_s', { n: seconds }) : t('fresh.every_min', { n: Math.round(seconds / 60) });

function freshWords(fresh: Freshness | undefined, reason: string | undefined, link: Link | undefined): { short: string; long: string } {
  if (!fresh) return refusalWords(reason, link);
  const { state, since } = fresh;
  if (state === 'in_step') {
    const when = since === null ? '' : instantText(since);
    const every = everyText(fresh.every_s);
    return { short: t('fresh.in_step', { when }) + every, long: t('fresh.in_step.long', { when }) + every };
  }
  if (state === 'behind') {
    return {
      short: since === null ? t('fresh.behind.unknown') : t('fresh.behind', { when: instantText(since) }),
      long: behindWords(since, fresh.reason),
    };
  }
  return { short: t(`fresh.${state}`), long: t(`fresh.${state}.long`) };
}

export function FacilityBar(props: {
  model: CalendarModel;
  links: Link[];
  hidden: Set<string>;
  onToggle: (facility: string) => void;
  isOpen: boolean;
}) {
  const own = session.value?.post.facility.id;
  // others without data of their own have notes at most, which are not in the calendar
  const shown = [...props.model.facilities.values()].filter((one) => one.is_disclosing || one.id === own);
  const facilities = shown.sort(
    (a, b) => Number(b.id === own) - Number(a.id === own) || a.slot - b.slot,
  );
  return (
    <div class="facility-bar" hidden={!props.isOpen} id="facility-bar">
      {facilities.map((facility) => {
        const fresh = props.model.freshness.find((item) => item.facility === facility.id);
        const reason = props.model.refusals.find(
          (item) => item.facility === facility.id && item.kinds.length === 0,
        )?.reason;
        const words = facility.id === own ? { short: t('cal.own'), long: t('cal.own') } : freshWords(fresh, reason, props.links.find((link) => link.facility === facility.id));
        const standing = reason === 'link_proposed' ? 'waiting' : reason === 'no_link' ? 'not-linked' : reason ? 'refused' : '';
        return (
          <button
            key={facility.id}
            type="button"
            class={`facility-chip ${fresh?.state ?? standing}`}
            aria-pressed={!props.hidden.has(facility.id)}
            title={`${facility.name} ${words.long}`}
            onClick={() => props.onToggle(facility.id)}
          >
            <span class={`fm s${facility.slot}`} aria-hidden="true">
              {facility.letter}
            </span>
            <span class="words">
              <span class="who-name">{facility.name}</span>
              <small>{words.short}</small>
            </span>
          </button>
        );
      })}
    </div>
  );
}
