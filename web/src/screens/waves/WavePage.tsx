// SPDX-License-Identifier: Apache-2.0
/* A waveform on the screen, or on paper. Whoever mounts it has opened the entry. */
import { useState } from 'preact/hooks';
import type { Person } from '../../api/client.ts';
import type { Picture } from './picture.ts';
import { PrintWave } from './PrintWave.tsx';
import type { LoadWave } from './useWave.ts';
import { Waves } from './Waves.tsx';

export function WavePage(props: { person: Person; opening: string; title: string; load: LoadWave }) {
  const [picture, setPicture] = useState<Picture>();
  return picture ? (
    <PrintWave person={props.person} opening={props.opening} title={props.title} picture={picture} onBack={() => setPicture(undefined)} />
  ) : (
    <Waves load={props.load} onPrint={setPicture} />
  );
}
