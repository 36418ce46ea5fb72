// SPDX-License-Identifier: Apache-2.0
/* The content of one entry as people of the field read it (docs/specs/entries.md). What the
 * client does not know is drawn as a list of what came, and every field of the source stands in
 * the list at the end: nothing is left out silently. */
import type { ComponentChildren } from 'preact';
import type { Content as ContentData, Item } from '../../api/client.ts';
import { t, word } from '../../i18n/t.ts';
import { lazy } from '../../ui/lazy.tsx';
import type { DocumentProps } from './Document.tsx';
import { isDocument } from './blocks.ts';
import { amount, rateOf } from './rate.ts';
import { timeText } from './times.ts';

const Document = lazy<DocumentProps>(() => import('./Document.tsx').then((m) => m.Document));

type Fields = Record<string, string | undefined>;
const fields = (item: Item): Fields => item as unknown as Fields;

/** From – to; the day once when both are on it. */
function span(from?: string, to?: string): string {
  if (!from || !to || from === to) return timeText(from || to || '');
  const isSameDay = from.slice(0, 10) === to.slice(0, 10) && to.length > 10;
  return `${timeText(from)} – ${isSameDay ? timeText(to).slice(11) : timeText(to)}`;
}
const line = (...parts: (string | undefined)[]) => parts.filter(Boolean).join('　');

/* Codes and keys for machines: shown in the list at the end only. */
const MACHINE = /^(type|system|code|key_series|sub_id|flag_source|study_uid|value_.*|.*_code)$/;

/* 6B010, a part of a laboratory code, where the sender gave no name. */
const isCode = (key: string, value: string) => key === 'analyte' && /^[0-9A-Z]{5,17}$/.test(value);

function Pairs({ item, known = [] }: { item: Fields; known?: readonly string[] }) {
  const rest = Object.entries(item).filter(
    ([key, value]) => value && !MACHINE.test(key) && !known.includes(key) && !isCode(key, value),
  );
  if (rest.length === 0) return null;
  return (
    <dl class="generic">
      {rest.map(([key, value]) => (
        <Pair key={key} name={key} value={value ?? ''} />
      ))}
    </dl>
  );
}
function Pair({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{word('field', name)}</dt>
      <dd class="prose">{timeText(value)}</dd>
    </>
  );
}

function groupBy(items: Fields[], key: (item: Fields) => string): [string, Fields[]][] {
  const groups = new Map<string, Fields[]>();
  for (const item of items) {
    const at = key(item);
    const group = groups.get(at);
    if (group) group.push(item);
    else groups.set(at, [item]);
  }
  return [...groups];
}

// ---- prescriptions and injections ----

const DRUG_KEYS = [
  'name', 'dose', 'dose_max', 'dose_unit', 'daily', 'daily_unit', 'total', 'total_unit', 'form', 'comment', 'category',
  'usage', 'days', 'duration', 'times', 'start', 'end', 'instruction', 'route', 'site', 'device', 'method', 'supplement', 'rp',
  'prescription_number', 'strength', 'strength_unit',
] as const;
const ORDER_KEYS = ['rp'] as const;

function Drug({ item }: { item: Fields }) {
  const dose = item.dose_max ? `${item.dose ?? ''}–${item.dose_max}` : item.dose;
  const hasOtherDaily = item.daily && (item.daily !== item.dose || item.daily_unit !== item.dose_unit);
  const sub = line(
    hasOtherDaily ? t('rp.daily', { amount: amount(item.daily, item.daily_unit) }) : '',
    item.total ? t('rp.total', { amount: amount(item.total, item.total_unit) }) : '',
    amount(item.strength, item.strength_unit),
    item.form,
    item.supplement,
  );
  return (
    <li>
      <div class="drug">
        <b>{item.name}</b>
        <span class="dose">{amount(dose, item.dose_unit)}</span>
      </div>
      {sub && <p class="sub">{sub}</p>}
      {item.comment && <p class="sub strong">{item.comment}</p>}
      <Pairs item={item} known={DRUG_KEYS} />
    </li>
  );
}

/* How it is taken: the same for all drugs of an RP, so it stands once below them. */
function usageOf(item: Fields): string {
  // 内服・経口 has said it already
  const route = item.route === '口' && /内服|経口/.test(item.usage ?? '') ? undefined : item.route;
  return line(
    item.usage, item.instruction, route, item.site, item.device, item.method,
    item.times ? t('rp.times', { n: item.times }) : '',
  );
}

function Drugs({ items, order }: { items: Fields[]; order: Fields | undefined }) {
  const groups = groupBy(items, (item) => `${usageOf(item)} ${item.days ?? item.duration ?? ''} ${span(item.start, item.end)}`);
  return (
    <>
      {groups.map(([key, drugs], index) => {
        const first = drugs[0] ?? {};
        const n = order?.rp ?? (groups.length > 1 ? String(index + 1) : '1');
        const when = span(first.start, first.end);
        const days = first.days ? t('rp.days', { n: first.days }) : first.duration;
        return (
          <section class="rp" key={key}>
            <header>
              <b>{t('rp.label', { n })}</b>
              <span class="small">{line(...new Set(drugs.map((drug) => drug.category)))}</span>
              <span class="push num strong">{days}</span>
            </header>
            <ul>
              {drugs.map((drug, at) => (
                <Drug key={at} item={drug} />
              ))}
            </ul>
            {(usageOf(first) || when || first.prescription_number) && (
              <footer>
                {usageOf(first)}
                <div class="small num quiet">
                  {line(
                    when,
                    first.prescription_number && t('rp.sheet', { number: first.prescription_number }),
                  )}
                </div>
              </footer>
            )}
          </section>
        );
      })}
    </>
  );
}

/* Steps of a dosage that changes: tapering, or other amounts at other times of the day. */
const STEP_KEYS = [
  'name', 'step', 'dose', 'dose_unit', 'usage', 'days', 'duration', 'times', 'start', 'end', 'instruction', 'conjunction',
] as const;
function Steps({ items }: { items: Fields[] }) {
  return (
    <>
      {groupBy(items, (item) => item.name ?? '').map(([name, steps]) => (
        <section key={name} class="stack gap-s">
          <h3>{name}</h3>
          <ol>
            {steps.map((item, index) => (
              <li key={index}>
                {line(
                  amount(item.dose, item.dose_unit),
                  usageOf(item),
                  item.days ? t('rp.days', { n: item.days }) : item.duration,
                  span(item.start, item.end),
                  item.conjunction,
                )}
                <Pairs item={item} known={STEP_KEYS} />
              </li>
            ))}
          </ol>
        </section>
      ))}
    </>
  );
}

const MIXTURE_KEYS = [
  'class', 'category', 'total', 'total_unit', 'rate', 'rate_unit', 'rate_per', 'usage', 'instruction', 'route', 'site', 'device', 'method', 'times',
  'days', 'duration', 'start', 'end', 'comment', 'daily', 'daily_unit', 'prescription_number',
] as const;

/* One mixture: what is in it, base first, then how it runs. */
function Mixture({ head, parts, n }: { head: Fields; parts: Fields[]; n: string }) {
  const rate = rateOf(head);
  const when = span(head.start, head.end);
  const how = line(
    usageOf(head), rate, head.days ? t('rp.days', { n: head.days }) : head.duration,
    head.daily ? t('rp.daily', { amount: amount(head.daily, head.daily_unit) }) : '',
    head.prescription_number ? t('rp.sheet', { number: head.prescription_number }) : '',
  );
  return (
    <section class="rp">
      <header>
        <b>{t('injection.label', { n })}</b>
        <span class="small">{line(head.class, head.category)}</span>
        {head.total && <span class="push num">{t('rp.total', { amount: amount(head.total, head.total_unit) })}</span>}
      </header>
      <ul>
        {parts.map((part, index) => (
          <li key={index}>
            <div class="drug">
              <b>
                {part.role_code === 'A' && <span class="plus" aria-hidden="true">＋</span>}
                {part.name}
              </b>
              <span class="dose">{amount(part.dose, part.dose_unit)}</span>
            </div>
            <Pairs item={part} known={['name', 'dose', 'dose_unit', 'role', 'strength', 'strength_unit']} />
            {part.strength && <p class="sub">{amount(part.strength, part.strength_unit)}</p>}
          </li>
        ))}
      </ul>
      {(how || when || head.comment) && (
        <footer>
          {how}
          {head.comment && <div class="small strong">{head.comment}</div>}
          {when && <div class="small num quiet">{when}</div>}
        </footer>
      )}
      <Pairs item={head} known={MIXTURE_KEYS} />
    </section>
  );
}

function Administrations({ items }: { items: Fields[] }) {
  const known = ['name', 'dose', 'dose_unit', 'strength', 'strength_unit', 'start', 'end', 'status', 'given', 'comment', 'route', 'rate', 'device', 'site', 'method', 'staff', 'place', 'form'];
  return (
    <section class="rp">
      <header>
        <b>{t('content.given')}</b>
      </header>
      <ul>
        {items.map((item, index) => (
          <li key={index}>
            <div class="drug">
              <b class={item.given === 'false' ? 'not-given' : ''}>{item.name}</b>
              <span class="dose">{amount(item.dose, item.dose_unit)}</span>
            </div>
            <p class="sub num">{line(span(item.start, item.end), item.status)}</p>
            <p class="sub">{line(amount(item.strength, item.strength_unit), item.form, item.route, item.site, item.device, item.method, item.rate, item.staff, item.place)}</p>
            {item.given === 'false' && <span class="tag bad">{t('content.not_given')}</span>}
            {item.comment && <p class="sub strong">{item.comment}</p>}
            <Pairs item={item} known={known} />
          </li>
        ))}
      </ul>
    </section>
  );
}

// ---- results ----

const RESULT_KEYS = [
  'name', 'value', 'unit', 'range', 'flag', 'comment', 'status', 'group', 'material', 'sampled', 'time',
] as const;

type Sign = '' | 'high' | 'low' | 'abnormal';
export function signOf(flag: string | undefined): Sign {
  const text = (flag ?? '').toUpperCase();
  if (/^(H+|>|HIGH)$/.test(text)) return 'high';
  if (/^(L+|<|LOW)$/.test(text)) return 'low';
  return text === '' || text === 'N' || text === 'S' ? '' : 'abnormal';
}
const SIGNS: Record<Exclude<Sign, ''>, string> = { high: '▲', low: '▼', abnormal: '◆' };
const FINAL = '最終';

function Results({ items, comments }: { items: Fields[]; comments: Fields[] }) {
  const groups = groupBy(items, (item) => line(item.group, item.material));
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
      {groups.map(([name, results]) => {
        const sampled = results.find((item) => item.sampled)?.sampled;
        const said = comments.filter((item) => line(item.group, item.material) === name);
        return (
          <tbody key={name}>
            {(name || sampled) && (
              <tr class="group">
                <th scope="rowgroup" colSpan={4}>
                  {name}
                  {sampled && <span class="num"> {t('lab.sampled', { when: timeText(sampled) })}</span>}
                </th>
              </tr>
            )}
            {results.map((item, index) => (
              <Result key={index} item={item} />
            ))}
            {said.map((item, index) => (
              <tr key={`c${index}`}>
                <td colSpan={4} class="comment">
                  {item.value}
                </td>
              </tr>
            ))}
          </tbody>
        );
      })}
    </table>
  );
}

function Result({ item }: { item: Fields }) {
  const sign = signOf(item.flag);
  const hasStatus = item.status !== undefined && item.status !== FINAL;
  return (
    <>
      <tr class={sign}>
        <td>
          {item.name}
          {hasStatus && <span class="tag wait">{item.status}</span>}
        </td>
        <td class="v">
          {sign ? <b>{item.value}</b> : item.value}
          {sign && (
            <span class={`sign ${sign}`} title={item.flag_source === '計算' ? t('lab.computed') : undefined}>
              <span aria-hidden="true">
                {SIGNS[sign]}
                {item.flag}
              </span>
              <span class="sr">{t(`lab.${sign}`)}</span>
            </span>
          )}
        </td>
        <td class="u">{item.unit}</td>
        <td class="r">{item.range}</td>
      </tr>
      {(item.comment || Object.keys(item).some((key) => !MACHINE.test(key) && !(RESULT_KEYS as readonly string[]).includes(key))) && (
        <tr class={sign}>
          <td colSpan={4} class="comment">
            {item.comment}
            <Pairs item={item} known={RESULT_KEYS} />
          </td>
        </tr>
      )}
    </>
  );
}

function Susceptibilities({ items }: { items: Fields[] }) {
  return (
    <>
      {groupBy(items, (item) => item.organism ?? '').map(([organism, tests]) => (
        <section key={organism} class="stack gap-s">
          <h3>{organism}</h3>
          <table class="lab">
            <thead>
              <tr>
                <th scope="col">{t('content.drug')}</th>
                <th scope="col" class="v">
                  {t('content.mic')}
                </th>
                <th scope="col">{t('content.verdict')}</th>
              </tr>
            </thead>
            <tbody>
              {tests.map((item, index) => (
                <tr key={index} class={item.flag === 'R' ? 'high' : ''}>
                  <td>{item.name}</td>
                  <td class="v">{amount(item.value, item.unit)}</td>
                  <td>
                    <b>{item.flag}</b> <span class="comment">{item.comment}</span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ))}
    </>
  );
}

// ---- events, texts, others ----

function Events({ items }: { items: Fields[] }) {
  return (
    <ol class="events">
      {items.map((item, index) => {
        const rest = Object.entries(item).filter(
          ([key, value]) => value && !MACHINE.test(key) && key !== 'event' && key !== 'name' && key !== 'time',
        );
        return (
          <li key={index}>
            <p class="when">{timeText(item.time ?? item.admitted ?? '')}</p>
            <b>{item.event ?? item.name}</b>
            <dl class="event-facts">
              {rest.map(([key, value]) => (
                <Pair key={key} name={key} value={value ?? ''} />
              ))}
            </dl>
          </li>
        );
      })}
    </ol>
  );
}

function Texts({ items }: { items: Fields[] }) {
  return (
    <dl class="soap">
      {items.map((item, index) => (
        <Text key={index} item={item} />
      ))}
    </dl>
  );
}
function Text({ item }: { item: Fields }) {
  return (
    <>
      <dt>{item.name ?? item.title}</dt>
      <dd class="prose">
        {item.text ?? item.value}
        <Pairs item={item} known={['name', 'title', 'text', 'value']} />
      </dd>
    </>
  );
}

const folded = (text: string | undefined) => (text ?? '').normalize('NFKC').replace(/\s/g, '');

function Generic({ items, title }: { items: Fields[]; title?: string | undefined }) {
  return (
    <>
      {items.map((item, index) => (
        <section key={index} class="stack gap-s">
          {item.name && folded(item.name) !== folded(title) && <h3>{item.name}</h3>}
          <Pairs item={item} known={folded(item.onset_text) === folded(item.name) ? ['name', 'onset_text'] : ['name']} />
        </section>
      ))}
    </>
  );
}

function Observations({ items }: { items: Fields[] }) {
  return (
    <>
      {groupBy(items, (item) => line(item.group, item.material)).map(([group, all]) => (
        <section key={group} class="stack gap-s">
          {group && <h3>{group}</h3>}
          <dl class="generic">
            {all.map((item, index) => (
              <Observed key={index} item={item} />
            ))}
          </dl>
        </section>
      ))}
    </>
  );
}
function Observed({ item }: { item: Fields }) {
  return (
    <>
      <dt>{item.name}</dt>
      <dd class="prose">
        {timeText(item.value ?? '')}
        {item.comment && <p class="small">{item.comment}</p>}
        <Pairs item={item} known={RESULT_KEYS} />
      </dd>
    </>
  );
}

/* What was asked for: names, the specimen once. */
const ORDERED_KEYS = ['name', 'local_name', 'group', 'material', 'sampled'] as const;

function TestOrders({ items }: { items: Fields[] }) {
  return (
    <>
      {groupBy(items, (item) => line(item.group, item.material)).map(([group, all]) => {
        const sampled = all.find((item) => item.sampled)?.sampled;
        return (
          <section key={group} class="stack gap-s">
            <h3>
              {group} {sampled && <span class="small quiet num">{t('lab.sampled', { when: timeText(sampled) })}</span>}
            </h3>
            <ul class="asked">
              {all.map((item, index) => (
                <li key={index}>
                  {item.name ?? item.local_name}
                  <Pairs item={item} known={ORDERED_KEYS} />
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </>
  );
}

function Titled({ type, children }: { type: string; children: ComponentChildren }) {
  return (
    <section class="stack gap-s">
      <h3 class="run-title">{word('item', type)}</h3>
      {children}
    </section>
  );
}

/** Items in the order they came, those that belong together drawn together. */
function draw(items: Fields[], title?: string, hasOrder = true): ComponentChildren[] {
  const drawn: ComponentChildren[] = [];
  const ofType = (type: string) => items.filter((item) => item.type === type);
  const comments = ofType('comment');
  const done = new Set<string>();
  const once = (type: string, make: (all: Fields[]) => ComponentChildren) => {
    if (done.has(type)) return;
    done.add(type);
    drawn.push(make(ofType(type)));
  };
  items.forEach((item, index) => {
    const type = item.type ?? '';
    switch (type) {
      case 'drug':
        return once(type, (all) => <Drugs key={type} items={all} order={ofType('order')[0]} />);
      case 'injection': {
        const parts: Fields[] = [];
        for (let at = index + 1; items[at]?.type === 'component'; at += 1) parts.push(items[at] ?? {});
        const n = ofType('order')[0]?.rp ?? String(ofType(type).indexOf(item) + 1);
        return drawn.push(<Mixture key={index} head={item} parts={parts} n={n} />);
      }
      case 'component': {
        // drawn with its mixture; parts without one make a mixture of their own
        let at = index;
        while (at > 0 && items[at]?.type === 'component') at -= 1;
        if (items[at]?.type === 'injection') return;
        return once(type, (all) => <Mixture key={type} head={{}} parts={all} n="1" />);
      }
      case 'step':
        return once(type, (all) => (
          <Titled key={type} type={type}>
            <Steps items={all} />
          </Titled>
        ));
      case 'administration':
        return once(type, (all) => <Administrations key={type} items={all} />);
      case 'observation':
        // words about an examination, not measurements: no table of values
        if (ofType(type).every((one) => !one.unit && !one.range && !one.flag))
          return once(type, (all) => <Observations key={type} items={all} />);
        return once(type, (all) => <Results key={type} items={all} comments={comments} />);
      case 'result':
        return once(type, (all) => <Results key={type} items={all} comments={comments} />);
      case 'comment':
        if (items.some((other) => other.type === 'result')) return;
        return once(type, (all) => <Generic key={type} items={all} />);
      case 'test_order':
        return once(type, (all) => (
          <Titled key={type} type={type}>
            <TestOrders items={all} />
          </Titled>
        ));
      case 'susceptibility':
        return once(type, (all) => (
          <Titled key={type} type={type}>
            <Susceptibilities items={all} />
          </Titled>
        ));
      case 'remark':
        return once(type, (all) => (
          <Titled key={type} type={type}>
            <Texts items={all} />
          </Titled>
        ));
      case 'event':
        return once(type, (all) => <Events key={type} items={all} />);
      case 'section':
      case 'text':
        return once(type, (all) => <Texts key={type} items={all} />);
      case 'order':
        return hasOrder && drawn.push(<Pairs key={index} item={item} known={ORDER_KEYS} />);
      default:
        return once(type, (all) => {
          const drawnItems = <Generic key={type} items={all} title={title} />;
          // one kind of thing needs no heading of its own below the panel's
          if (items.every((one) => one.type === type)) return drawnItems;
          return (
            <Titled key={type} type={type}>
              {drawnItems}
            </Titled>
          );
        });
    }
  });
  return drawn;
}

function Source({ items }: { items: Fields[] }) {
  return (
    <details class="source small">
      <summary>{t('content.source')}</summary>
      {items.map((item, index) => (
        <dl class="generic" key={index}>
          {Object.entries(item).map(([key, value]) => (
            <SourcePair key={key} name={key} value={value ?? ''} />
          ))}
        </dl>
      ))}
    </details>
  );
}
function SourcePair({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt lang="en">{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

/** Several RPs of one prescription as one: each block, what was ordered once, all fields. */
export function Whole({ contents }: { contents: ContentData[] }) {
  const rpOf = (items: Fields[]) => Number(items.find((item) => item.type === 'order')?.rp ?? Infinity);
  const all = contents.map((content) => content.items.map(fields)).sort((a, b) => rpOf(a) - rpOf(b));
  const orders = new Map<string, Fields>();
  for (const item of all.flat()) {
    if (item.type !== 'order') continue;
    const { rp: _, ...rest } = item;
    orders.set(JSON.stringify(rest), item);
  }
  return (
    <>
      {all.map((items, index) => (
        <div class="stack gap-s" key={index}>
          {draw(items, undefined, false)}
        </div>
      ))}
      {[...orders.values()].map((item, index) => (
        <Pairs key={index} item={item} known={ORDER_KEYS} />
      ))}
      <Source items={all.flat()} />
    </>
  );
}

export function Content(props: {
  content: ContentData;
  opening: string | undefined;
  onChanged: () => void;
  /** On paper. */
  onSettled?: DocumentProps['onSettled'];
}) {
  const { content, opening, onChanged } = props;
  if (content.items.length === 0) return <p class="empty">{t('panel.empty')}</p>;
  const items = content.items.map(fields);
  if (isDocument(items)) {
    return <Document items={items} opening={opening} list={content.list} title={content.entry.title} onChanged={onChanged} onSettled={props.onSettled} />;
  }
  return (
    <>
      {draw(items, content.entry.title)}
      <Source items={items} />
    </>
  );
}
