// SPDX-License-Identifier: Apache-2.0
/* A note's pictures: drawn by the hospital of each when they come into view, under an opening of
 * the reader's own; what the reader may not see has a place and no more. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Link } from 'wouter-preact';
import { wordsOf } from '../../api/problem.ts';
import { t } from '../../i18n/t.ts';
import { slashed } from '../../i18n/wareki.ts';
import { participants } from '../../session.ts';
import { Icon } from '../../ui/Icon.tsx';
import { FacilityMark } from '../../ui/pieces.tsx';
import { useBlobUrl } from '../../ui/blobUrl.ts';
import type { NotePicture, ShownPicture } from './calls.ts';
import { windowOf } from './look.ts';
import type { Studies } from './openings.ts';

const turned = ({ quarter = 0, is_flipped: isFlipped = false }: ShownPicture) =>
  `rotate(${quarter * 90}deg)${isFlipped ? ' scaleX(-1)' : ''}`;

/** The bytes, once something of it is on the screen. */
function useDrawn(picture: ShownPicture, studies: Studies) {
  const host = useRef<HTMLDivElement>(null);
  const [blob, setBlob] = useState<Blob>();
  const [problem, setProblem] = useState<unknown>();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!host.current || !picture.entry) return undefined;
    let isGone = false;
    const load = () =>
      studies.picture(picture).then(
        (came) => !isGone && setBlob(came),
        (failure: unknown) => !isGone && setProblem(failure),
      );
    const watcher = new IntersectionObserver((seen) => {
      if (!seen.some(({ isIntersecting }) => isIntersecting)) return;
      watcher.disconnect();
      void load();
    });
    watcher.observe(host.current);
    return () => {
      isGone = true;
      watcher.disconnect();
    };
  }, [turn]);
  const retry = () => {
    setProblem(undefined);
    setTurn(turn + 1);
  };
  return { host, url: useBlobUrl(blob), problem, retry };
}

export function NoteImage({ picture, studies, alt }: { picture: ShownPicture; studies: Studies; alt: string }) {
  const { host, url, problem, retry } = useDrawn(picture, studies);
  return (
    <div class="note-image" ref={host}>
      {url && <img src={url} alt={alt} style={{ transform: turned(picture), filter: picture.is_inverted ? 'invert(1)' : '' }} />}
      {!url && problem === undefined && <span role="status">{t('note.picture.coming')}</span>}
      {problem !== undefined && (
        <div role="alert">
          <span>{wordsOf(problem).text}</span>
          <button type="button" class="btn compact" onClick={retry}>
            <Icon name="refresh" />
            {t('app.retry')}
          </button>
        </div>
      )}
    </div>
  );
}

export function labelOf({ entry, window }: NotePicture): string {
  const shades = windowOf(window);
  return [entry?.day && slashed(entry.day), entry?.title, shades && t('note.window', { width: shades.width, center: shades.center })].filter(Boolean).join('　');
}

export function Pictures({ person, pictures, studies }: { person: string; pictures: NotePicture[]; studies: Studies }) {
  return (
    <ul class="note-shown">
      {pictures.map((picture, at) => {
        const { entry } = picture;
        const facility = entry ? participants.value.byId.get(entry.facility) : undefined;
        const label = labelOf(picture);
        return (
          <li key={at}>
            {entry ? (
              <figure>
                <NoteImage picture={picture} studies={studies} alt={t('note.picture', { n: at + 1, name: label })} />
                <figcaption>
                  <span class="note-from">
                    {facility && <FacilityMark facility={facility} />}
                    <span class="small">{facility?.name}</span>
                  </span>
                  <span class="small">{label}</span>
                  <span class="small quiet">{t('note.reference')}</span>
                  {picture.comment && <b>{picture.comment}</b>}
                  <Link class="btn compact" href={`/p/${person}/images/${entry.id}`} state={{ isFromCalendar: true, noted: picture }}>
                    {t('note.picture.open')}
                    <span class="sr">{t('note.picture', { n: at + 1, name: label })}</span>
                  </Link>
                </figcaption>
              </figure>
            ) : (
              <figure>
                <div class="note-image hidden">{t('note.picture.hidden')}</div>
                <figcaption>
                  <span class="small quiet">{t('note.picture.hidden.why')}</span>
                  {picture.comment && <b>{picture.comment}</b>}
                </figcaption>
              </figure>
            )}
          </li>
        );
      })}
    </ul>
  );
}
