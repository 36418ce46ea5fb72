// SPDX-License-Identifier: Apache-2.0
import type { words as ja } from '../ja/key.ts';
import type { Words } from '../t.ts';

export const words: Record<keyof typeof ja, Words> = {
  'key.title': 'Key images {n}',
  'key.go': 'Open key image: {name}',
  'key.drop': 'Remove: {name}',
  'key.sheet': 'Key image sheet',
  'key.note': 'A sheet to go with a referral or a record. Key images and comments that are not kept as a note go when the viewer is closed. Printing and saving are recorded as views.',
  'key.keep': 'Keep as a note',
  'key.kept': 'The key images are kept in a note.',
  'key.kept.see': 'See the notes',
  'key.save': 'Save as a picture file',
  'key.none': 'There are no key images. Go back to the viewer and press "Key image" on a picture.',
  'key.numbers': 'Series {series}  image {image}',
  'key.frame': 'frame {n}',
  'key.comment': 'Comment on image {n}',
  'key.leave.title': 'Key images will be lost',
  'key.leave.text': 'The {n} key images and their comments go when the viewer is closed.',
  'key.leave.do': 'Close, to the calendar',
};
