// SPDX-License-Identifier: Apache-2.0
/* One person in a list: enough to recognise somebody, no more. */
import type { ComponentChildren } from 'preact';
import { Link } from 'wouter-preact';
import type { PersonSummary } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { ageOn, eraShort, slashed } from '../../i18n/wareki.ts';
import { facilitiesOf, session } from '../../session.ts';
import { ConsentTag, FacilityMarks, Name } from '../../ui/pieces.tsx';

export function PersonFacts({ person }: { person: Pick<PersonSummary, 'birth_date' | 'sex'> }) {
  const today = session.value?.today ?? person.birth_date;
  return (
    <span class="person-facts">
      {slashed(person.birth_date)}（{eraShort(person.birth_date)}）
      <span>
        {t('person.age', { n: ageOn(person.birth_date, today) })} {t(`sex.${person.sex}`)}
      </span>
    </span>
  );
}

export function PersonLine(props: {
  person: PersonSummary;
  href?: string;
  onClick?: () => void;
  children?: ComponentChildren;
}) {
  const { person } = props;
  const inside = (
    <>
      <span class="person-name">
        <b>
          <Name text={person.name} />
        </b>
        <span>{person.kana}</span>
      </span>
      <PersonFacts person={person} />
      <span class="person-place row">
        {person.own_number ? (
          <span class="small num">
            {t('person.own_number')} <b>{person.own_number}</b>
          </span>
        ) : (
          <span class="tag wait">{t('person.own_number.none')}</span>
        )}
        <FacilityMarks facilities={facilitiesOf(person.facilities)} />
      </span>
      <span class="person-end">
        {person.consent !== 'active' && <ConsentTag state={person.consent} />}
        {props.children}
      </span>
    </>
  );
  return props.href ? (
    <Link href={props.href} class="person" {...(props.onClick ? { onClick: props.onClick } : {})}>
      {inside}
    </Link>
  ) : (
    <button type="button" class="person" onClick={props.onClick}>
      {inside}
    </button>
  );
}
