// SPDX-License-Identifier: Apache-2.0
/* The content of one entry as people of the field read it. What the client does not know is
 * shown whole, as a list of what came: nothing is left out silently. */
import type { ComponentChildren } from 'preact';
import type { Content as ContentData, Item } from '../../api/client.ts';
import { t, word } from '../../i18n/t.ts';

type Fields = Record<string, string | undefined>;
const fields = (item: Item): Fields => item as unknown as Fields;

/** 2026-11-24T10:30 as 2026/11/24 10:30; anything else as it came. */
export function timeText(text: string): string {
  const match = /^(\d{4})-(\d{2})(?:-(\d{2})(?:T(\d{2}):?(\d{2})?.*)?)?$/.exec(text);
  if (!match) return text;
  const [, year, month, day, hour, minute] = match;
  const date = [year, month, day].filter(Boolean).join('/');
  return hour ? `${date} ${hour}:${minute ?? '00'}` : date;
}

const amount = (value?: string, unit?: string) => (value ? `${value}${unit ?? ''}` : '');

function Rest({ item, known }: { item: Fields; known: readonly string[] }) {
  const rest = Object.entries(item).filter(([key, value]) => key !== 'type' && value && !known.includes(key));
  if (rest.length === 0) return null;
  return (
    <dl class="generic">
      {rest.map(([key, value]) => (
        <RestLine key={key} name={key} value={value ?? ''} />
      ))}
    </dl>
  );
}
function RestLine({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{word('field', name)}</dt>
      <dd class="prose">{timeText(value)}</dd>
    </>
  );
}

// ---- prescriptions and injections ----

const DRUG_KEYS = [
  'rp', 'name', 'dose', 'unit', 'daily', 'daily_unit', 'usage', 'days', 'total', 'total_unit', 'comment', 'route',
  'rate', 'rate_unit', 'device', 'start', 'end', 'category', 'form', 'code', 'dose_unit',
] as const;

function groupBy(items: Item[], key: (item: Fields) => string): [string, Fields[]][] {
  const groups = new Map<string, Fields[]>();
  for (const item of items) {
    const at = key(fields(item));
    const group = groups.get(at);
    if (group) group.push(fields(item));
    else groups.set(at, [fields(item)]);
  }
  return [...groups];
}

function Drug({ item, isInjection }: { item: Fields; isInjection: boolean }) {
  const unit = item.unit ?? item.dose_unit;
  const daily = item.daily && item.daily !== item.dose ? amount(item.daily, item.daily_unit ?? unit) : '';
  const sub = [
    daily && t('rp.daily', { amount: daily }),
    !isInjection && item.total ? t('rp.total', { amount: amount(item.total, item.total_unit ?? unit) }) : '',
    item.form ?? '',
    item.comment ?? '',
  ].filter(Boolean);
  return (
    <li>
      <div class="drug">
        <b>{item.name}</b>
        <span class="dose">{amount(item.dose, unit)}</span>
      </div>
      {sub.length > 0 && <p class="sub">{sub.join('　')}</p>}
      <Rest item={item} known={DRUG_KEYS} />
    </li>
  );
}

function Drugs({ items, isInjection }: { items: Item[]; isInjection: boolean }) {
  const groups = groupBy(items, (item) => item.rp ?? '');
  return (
    <>
      {groups.map(([rp, drugs], index) => {
        const first = (key: string) => drugs.find((drug) => drug[key])?.[key];
        const n = rp || String(index + 1);
        const usage = [
          first('usage'),
          first('route'),
          first('rate') ? amount(first('rate'), first('rate_unit')) : '',
          first('device'),
        ].filter(Boolean);
        const span = [first('start'), first('end')].filter(Boolean).map((at) => timeText(at ?? ''));
        return (
          <section class="rp" key={rp}>
            <header>
              <b>{t(isInjection ? 'injection.label' : 'rp.label', { n })}</b>
              {first('category') && <span class="small">{first('category')}</span>}
              {first('days') && <span class="push num">{t('rp.days', { n: first('days') ?? '' })}</span>}
            </header>
            <ul>
              {drugs.map((drug, at) => (
                <Drug key={at} item={drug} isInjection={isInjection} />
              ))}
            </ul>
            {(usage.length > 0 || span.length > 0) && (
              <footer>
                {usage.join('　')}
                {span.length > 0 && <div class="small num">{span.join(' – ')}</div>}
              </footer>
            )}
          </section>
        );
      })}
    </>
  );
}

// ---- results ----

const RESULT_KEYS = [
  'name', 'value', 'unit', 'range', 'low', 'high', 'flag', 'abnormal', 'comment', 'specimen', 'code', 'status', 'time',
] as const;

type Sign = '' | 'high' | 'low' | 'abnormal';
function signOf(item: Fields): Sign {
  const flag = (item.flag ?? item.abnormal ?? '').toUpperCase();
  if (/^(H|HH|>|HIGH)$/.test(flag)) return 'high';
  if (/^(L|LL|<|LOW)$/.test(flag)) return 'low';
  return flag === '' || flag === 'N' ? '' : 'abnormal';
}
const SIGNS: Record<Exclude<Sign, ''>, string> = { high: '▲H', low: '▼L', abnormal: '◆' };

function Results({ items }: { items: Item[] }) {
  const groups = groupBy(items, (item) => item.specimen ?? '');
  return (
    <table class="lab">
      <thead>
        <tr>
          <th scope="col">{t('lab.name')}</th>
          <th scope="col" class="v">
            {t('lab.value')}
          </th>
          <th scope="col">{t('lab.unit')}</th>
          <th scope="col">{t('lab.range')}</th>
        </tr>
      </thead>
      {groups.map(([specimen, results]) => (
        <tbody key={specimen}>
          {groups.length > 1 && specimen && (
            <tr>
              <th scope="rowgroup" colSpan={4}>
                {specimen}
              </th>
            </tr>
          )}
          {results.map((item, index) => (
            <Result key={index} item={item} />
          ))}
        </tbody>
      ))}
    </table>
  );
}

function Result({ item }: { item: Fields }) {
  const sign = signOf(item);
  const range = item.range ?? [item.low, item.high].filter(Boolean).join(' - ');
  const rest = Object.keys(item).some((key) => key !== 'type' && item[key] && !(RESULT_KEYS as readonly string[]).includes(key));
  return (
    <>
      <tr class={sign}>
        <td>{item.name}</td>
        <td class="v">
          {sign ? <b>{item.value}</b> : item.value}
          {sign && (
            <span class={`sign ${sign}`}>
              <span aria-hidden="true">{SIGNS[sign]}</span>
              <span class="sr">{t(`lab.${sign}`)}</span>
            </span>
          )}
        </td>
        <td class="u">{item.unit}</td>
        <td class="r">{range}</td>
      </tr>
      {(item.comment || rest) && (
        <tr class={sign}>
          <td colSpan={4} class="comment">
            {item.comment}
            <Rest item={item} known={RESULT_KEYS} />
          </td>
        </tr>
      )}
    </>
  );
}

// ---- events, texts, others ----

const EVENT_KEYS = ['name', 'event', 'time', 'day'] as const;

function Events({ items }: { items: Item[] }) {
  return (
    <ol class="events">
      {items.map((raw, index) => {
        const item = fields(raw);
        const rest = Object.entries(item).filter(
          ([key, value]) => key !== 'type' && value && !(EVENT_KEYS as readonly string[]).includes(key),
        );
        return (
          <li key={index}>
            <p class="when">{timeText(item.time ?? item.day ?? '')}</p>
            <b>{item.name ?? item.event}</b>
            <p class="small">
              {rest.map(([key, value]) => `${word('field', key)} ${timeText(value ?? '')}`).join('　')}
            </p>
          </li>
        );
      })}
    </ol>
  );
}

function Sections({ items }: { items: Item[] }) {
  return (
    <dl class="soap">
      {items.map((raw, index) => (
        <Section key={index} item={fields(raw)} />
      ))}
    </dl>
  );
}
function Section({ item }: { item: Fields }) {
  return (
    <>
      <dt>{item.name ?? item.title}</dt>
      <dd class="prose">
        {item.text ?? item.value}
        <Rest item={item} known={['name', 'title', 'text', 'value']} />
      </dd>
    </>
  );
}

function Texts({ items }: { items: Item[] }) {
  return (
    <>
      {items.map((raw, index) => {
        const item = fields(raw);
        return (
          <section key={index} class="stack gap-s">
            {(item.name ?? item.title) && <h3>{item.name ?? item.title}</h3>}
            <p class="prose">{item.text ?? item.value}</p>
            <Rest item={item} known={['name', 'title', 'text', 'value']} />
          </section>
        );
      })}
    </>
  );
}

function Generic({ items }: { items: Item[] }) {
  return (
    <>
      {items.map((raw, index) => {
        const item = fields(raw);
        return (
          <section key={index} class="stack gap-s">
            {item.name && <h3>{item.name}</h3>}
            <Rest item={item} known={['name']} />
          </section>
        );
      })}
    </>
  );
}

const DRAWN: Record<string, (items: Item[], kind: string) => ComponentChildren> = {
  drug: (items, kind) => <Drugs items={items} isInjection={kind === 'injection'} />,
  result: (items) => <Results items={items} />,
  event: (items) => <Events items={items} />,
  section: (items) => <Sections items={items} />,
  text: (items) => <Texts items={items} />,
};

/** Runs of items of one type, in the order they came. */
function runs(items: Item[]): { type: string; items: Item[] }[] {
  const list: { type: string; items: Item[] }[] = [];
  for (const item of items) {
    const last = list.at(-1);
    const type = item.type as unknown as string;
    if (last?.type === type) last.items.push(item);
    else list.push({ type, items: [item] });
  }
  return list;
}

export function Content({ content }: { content: ContentData }) {
  if (content.items.length === 0) return <p class="empty">{t('panel.empty')}</p>;
  return (
    <>
      {runs(content.items).map((run, index) => {
        const draw = DRAWN[run.type];
        return <div class="stack gap-s" key={index}>{draw ? draw(run.items, content.entry.kind) : <Generic items={run.items} />}</div>;
      })}
    </>
  );
}
