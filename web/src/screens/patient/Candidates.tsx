// SPDX-License-Identifier: Apache-2.0
/* Before somebody is registered twice: people who may be the same one, to choose from or to refuse. */
import type { PersonSummary } from '../../api/client.ts';
import { t } from '../../i18n/t.ts';
import { Dialog } from '../../ui/Dialog.tsx';
import { PersonLine } from './PersonLine.tsx';

export function Candidates(props: {
  people: PersonSummary[];
  onSame: (person: PersonSummary) => void;
  onNew: () => void;
  onClose: () => void;
}) {
  return (
    <Dialog title={t('wizard.candidates')} onClose={props.onClose} wide>
      <p>{t('wizard.candidates.text')}</p>
      <ul class="people card">
        {props.people.map((person) => (
          <li key={person.id}>
            <PersonLine person={person} onClick={() => props.onSame(person)}>
              <span class="btn compact primary">{t('wizard.same')}</span>
            </PersonLine>
          </li>
        ))}
      </ul>
      <div class="actions">
        <button type="button" class="btn" onClick={props.onNew}>
          {t('wizard.different')}
        </button>
        <button type="button" class="btn plain" onClick={props.onClose}>
          {t('app.back')}
        </button>
      </div>
    </Dialog>
  );
}
