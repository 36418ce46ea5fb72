// SPDX-License-Identifier: Apache-2.0
/* The viewer's key images become a note. */
import { t } from '../../i18n/t.ts';
import { MarkImage } from '../images/KeyStrip.tsx';
import type { Mark } from '../images/mark.ts';
import { NoteForm } from './NoteForm.tsx';
import { writeNote } from './calls.ts';
import { pictureOf } from './look.ts';

interface KeyNoteProps {
  person: string;
  marks: Mark[];
  labelOf: (mark: Mark) => string;
  onDone: () => void;
  onClose: () => void;
}

export function KeyNote({ person, marks, labelOf, onDone, onClose }: KeyNoteProps) {
  return (
    <NoteForm
      title={t('note.keep')}
      submit={t('note.keep')}
      text=""
      of={{ person }}
      pictures={marks.map((mark, at) => ({ key: String(at), input: pictureOf(mark), image: <MarkImage mark={mark} alt={mark.said} />, label: labelOf(mark) }))}
      send={(note, key) => writeNote(person, note, key)}
      onDone={onDone}
      onClose={onClose}
    />
  );
}
