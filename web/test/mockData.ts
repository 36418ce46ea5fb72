// SPDX-License-Identifier: Apache-2.0
/* Invented facilities, staff, persons and two years of entries for the mock server. */
import { dayNumber, dayText, weekday } from '../src/i18n/wareki.ts';
import type {
  Content, EntryHead, Facility, Item, Kind, Link, Consent, Row, Sex,
} from '../src/api/client.ts';

export const TODAY = process.env.MOCK_TODAY ?? '2026-11-24';
export const TODAY_NUMBER = dayNumber(TODAY);
export const ROWS: Row[] = [
  'period', 'prescription', 'injection', 'test', 'image', 'report', 'file', 'visit', 'record', 'message',
];

let seed = 20261124;
export function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
let counter = 0;
export function newId(): string {
  counter += 1;
  return Array.from({ length: 4 }, () =>
    Math.floor(random() * 2 ** 32).toString(16).padStart(8, '0')).join('').slice(0, 26)
    + counter.toString(16).padStart(6, '0');
}

function facility(
  code: string, name: string, kana: string, kind: Facility['kind'], letter: string, slot: number,
  is_disclosing: boolean, is_connected = true,
): Facility {
  return { id: newId(), code, name, kana, kind, letter, slot, is_disclosing, is_connected };
}
export const RINDO = facility('2010101', 'りんどう市立病院', 'リンドウシリツビョウイン', 'hospital', 'り', 1, true);
export const KEYAKI = facility('2010102', 'けやき会病院', 'ケヤキカイビョウイン', 'hospital', 'け', 2, true, false);
export const TENRYU = facility('2010103', '天龍峡リハビリテーション病院', 'テンリュウキョウリハビリテーションビョウイン', 'hospital', '天', 3, true);
export const KAWABE = facility('2010201', 'かわべ診療所', 'カワベシンリョウジョ', 'clinic', 'か', 4, false);
export const SUZURAN = facility('2040301', 'すずらん薬局', 'スズランヤッキョク', 'pharmacy', 'す', 5, false);
export const HIDAMARI = facility('2060401', '訪問看護ステーションひだまり', 'ホウモンカンゴステーションヒダマリ', 'nursing', 'ひ', 6, false);
export const YUZU = facility('2030501', 'ゆず歯科医院', 'ユズシカイイン', 'dental', 'ゆ', 9, true);
export const FACILITIES = [RINDO, KEYAKI, TENRYU, KAWABE, SUZURAN, HIDAMARI, YUZU];

export interface Entry {
  id: string;
  kind: Kind;
  row: Row | null;
  day: number | null;
  endDay: number | null;
  isOpen: boolean;
  time: string;
  facility: Facility;
  title: string;
  state: EntryHead['state'];
  flags: number;
  department: string;
  author: string;
  items: Item[];
  order: number;
}
export interface Person {
  id: string;
  name: string;
  kana: string;
  birth_date: string;
  sex: Sex;
  phone: string;
  links: (Link & { ownNumber: string })[];
  consents: Consent[];
  entries: Entry[];
  viewedAt: number | null;
}

const KIND_ROWS: Record<Kind, Row | null> = {
  admission: 'period', period: 'period', prescription: 'prescription', injection: 'injection',
  laboratory: 'test', microbiology: 'test', physiology: 'test', radiology: 'image', endoscopy: 'image',
  report: 'report', document: 'report', file: 'file', visit: 'visit', progress_note: 'visit',
  meal: 'record', vital_signs: 'record', note: 'record', message: 'message', unknown: 'file',
  patient: null, allergy: null, doctor: null, problem: null,
};
const DEPARTMENTS = ['内科', '循環器内科', '整形外科', '消化器内科', '眼科', '泌尿器科'];
const DOCTORS = ['宮﨑 健', '髙橋 由紀子', '齋藤 隆', '渡邊 美穂', '小池 慎一郎'];

let order = 0;
function entry(
  facilityOf: Facility, kind: Kind, day: number | null, title: string, items: Item[],
  more: Partial<Entry> = {},
): Entry {
  order += 1;
  const hour = 8 + Math.floor(random() * 9);
  return {
    id: newId(), kind, row: KIND_ROWS[kind], day, endDay: null, isOpen: false,
    time: day === null ? '' : `${dayText(day)}T${String(hour).padStart(2, '0')}:${pick(['05', '12', '30', '47'])}`,
    facility: facilityOf, title, state: 'current', flags: 0, department: pick(DEPARTMENTS), author: pick(DOCTORS),
    items, order, ...more,
  };
}

const DRUGS = [
  ['アムロジピンOD錠5mg「トーワ」', '1', '錠', '1日1回 朝食後'],
  ['メトホルミン塩酸塩錠500mgMT「日医工」', '2', '錠', '1日2回 朝夕食後'],
  ['ロスバスタチン錠2.5mg「DSEP」', '1', '錠', '1日1回 夕食後'],
  ['エドキサバントシル酸塩水和物錠30mg', '1', '錠', '1日1回 朝食後'],
  ['ランソプラゾールOD錠15mg「サワイ」', '1', '錠', '1日1回 就寝前'],
  ['センノシド錠12mg', '2', '錠', '1日1回 就寝前'],
] as const;
function prescription(f: Facility, day: number, days: number): Entry {
  const first = Math.floor(random() * 4);
  const chosen = DRUGS.slice(first, first + 1 + Math.floor(random() * 3));
  const items: Item[] = chosen.map(([name, dose, unit, usage], index) => ({
    type: 'drug', name, code: `62000${index}`, system: 'HOT9', dose, dose_unit: unit, daily: dose, daily_unit: unit, usage, days: String(days),
    total: String(Number(dose) * days), total_unit: unit, category: '外来 院外処方',
    ...(index === 0 && random() < 0.2 ? { comment: '一包化' } : {}),
  }));
  items.push({ type: 'order', rp: '1', ordered: dayText(day), doctor: '宮﨑 健', department: '内科', order_type: '外来' });
  const name = chosen[0]?.[0] ?? '';
  return entry(f, 'prescription', day, chosen.length > 1 ? `${name} 他${chosen.length - 1}` : name, items);
}
const TESTS = [
  ['白血球数', '10³/μL', 3.3, 8.6, 6.1], ['赤血球数', '10⁶/μL', 4.35, 5.55, 4.4],
  ['ヘモグロビン', 'g/dL', 13.7, 16.8, 13.9], ['血小板数', '10³/μL', 158, 348, 220],
  ['AST(GOT)', 'U/L', 13, 30, 24], ['ALT(GPT)', 'U/L', 10, 42, 28], ['γ-GTP', 'U/L', 13, 64, 52],
  ['クレアチニン', 'mg/dL', 0.65, 1.07, 0.98], ['eGFR', 'mL/min/1.73m²', 60, 120, 62],
  ['尿酸', 'mg/dL', 3.7, 7.8, 6.4], ['HbA1c(NGSP)', '%', 4.9, 6.0, 6.6], ['LDLコレステロール', 'mg/dL', 65, 163, 121],
  ['CRP', 'mg/dL', 0, 0.14, 0.1], ['ナトリウム', 'mmol/L', 138, 145, 140], ['カリウム', 'mmol/L', 3.6, 4.8, 4.2],
] as const;
function laboratory(f: Facility, day: number): Entry {
  let flags = 0;
  const chosen = TESTS.filter(() => random() < 0.7);
  const items: Item[] = chosen.map(([name, unit, low, high, centre]) => {
    const value = centre + (random() - 0.45) * (high - low) * 0.7;
    const digits = high < 1 ? 2 : high < 20 ? 1 : 0;
    const flag = value > high ? 'H' : value < low ? 'L' : '';
    if (flag === 'H') flags |= 2;
    if (flag === 'L') flags |= 4;
    return {
      type: 'result', name, code: '3B0100000023', system: 'JC10', value: Math.max(0, value).toFixed(digits), unit, range: `${low} - ${high}`,
      status: '最終', group: /球|ヘモ|血小板/.test(name) ? '血液学的検査' : '生化学的検査', material: /球|ヘモ|血小板/.test(name) ? '全血' : '血清',
      sampled: `${dayText(day)}T09:05`, ...(flag ? { flag, flag_source: '報告' } : {}),
    };
  });
  return entry(f, 'laboratory', day, `血液検査 ${items.length}項目`, items, { flags });
}
function injection(f: Facility, day: number): Entry {
  return entry(f, 'injection', day, 'ソルデム3A輸液500mL 他1', [
    { type: 'injection', class: '点滴', category: '入院', rate: '80', rate_unit: 'mL', rate_per: '時', route: '静脈内', device: '末梢静脈ライン', start: `${dayText(day)}T10:00`, end: `${dayText(day)}T16:00` },
    { type: 'component', name: 'ソルデム3A輸液500mL', dose: '1', dose_unit: '袋', role_code: 'B', role: '基剤' },
    { type: 'component', name: 'ビタメジン静注用', dose: '1', dose_unit: '瓶', role_code: 'A', role: '添加' },
    { type: 'order', rp: '1', ordered: dayText(day), doctor: '髙橋 由紀子', department: '循環器内科', order_type: '入院' },
  ]);
}

function admission(f: Facility, from: number, to: number | null, ward: string): Entry[] {
  const items: Item[] = [
    { type: 'event', event: '入院', time: `${dayText(from)}T10:30`, ward, room: '502', bed: '3', department: '循環器内科', doctor: '宮﨑 健' },
    { type: 'event', event: '転棟', time: `${dayText(from + 5)}T14:00`, ward: '4階東病棟', room: '401', department: '循環器内科' },
  ];
  if (to !== null) items.push({ type: 'event', event: '退院', time: `${dayText(to)}T11:00`, disposition: '軽快', department: '循環器内科' });
  return [entry(f, 'admission', from, `入院 ${ward}`, items, { endDay: to, isOpen: to === null })];
}

function lastWorkday(day: number): number {
  return weekday(day) > 4 ? day - (weekday(day) - 4) : day;
}

function richEntries(): Entry[] {
  const list: Entry[] = [];
  const push = (...entries: Entry[]) => list.push(...entries);
  for (let day = TODAY_NUMBER - 730; day <= TODAY_NUMBER; day += 1) {
    if (weekday(day) > 4) continue;
    const age = TODAY_NUMBER - day;
    const f = pick([RINDO, RINDO, KEYAKI, TENRYU]);
    if (f === KEYAKI && age < 2) continue;
    if (random() < 0.16) {
      push(entry(f, 'visit', day, '外来受診', [{ type: 'event', event: '外来受診', time: `${dayText(day)}T09:10`, department: '内科', doctor: '宮﨑 健' }]));
      if (random() < 0.7) push(prescription(f, day, pick([14, 28, 30])));
      if (random() < 0.6) push(laboratory(f, day));
      if (random() < 0.35) push(entry(f, 'progress_note', day, '外来経過記録', [
        { type: 'section', name: 'S', text: '最近は息切れなし。夜間の咳も減った。食事は減塩を続けている。' },
        { type: 'section', name: 'O', text: '血圧 132/78、脈拍 68 整、SpO₂ 97%(室内気)。下腿浮腫なし。' },
        { type: 'section', name: 'A', text: '慢性心不全 NYHA II、安定。2型糖尿病 コントロール良好。' },
        { type: 'section', name: 'P', text: '現処方を継続。次回4週後、採血。' },
      ]));
    }
    if (random() < 0.035) push(entry(f, 'radiology', day, pick(['胸部単純撮影', '腹部CT(単純)', '頭部MRI', '腰椎単純撮影']), [
      { type: 'procedure', name: '胸部単純撮影', reported: '2026-11-20', reason: '心不全の経過観察', comment: '心不全フォロー' },
    ], { flags: 64 }));
    if (random() < 0.03) push(entry(f, 'report', day, '放射線読影レポート', [
      { type: 'text', name: '所見', text: '心胸郭比54%。両側肋骨横隔膜角は鋭。肺野に活動性病変を認めません。\n前回と比べ心陰影は縮小しています。' },
      { type: 'text', name: '診断', text: '心拡大(改善)。' },
    ]));
    if (random() < 0.02) push(entry(f, 'physiology', day, '心電図12誘導', [{ type: 'procedure', name: '標準12誘導心電図' }], { flags: 128 }));
    if (random() < 0.012) push(entry(f, 'endoscopy', day, '上部消化管内視鏡', [{ type: 'procedure', name: '上部消化管内視鏡', comment: '経鼻' }], { flags: 64 }));
    if (random() < 0.012) push(entry(f, 'document', day, pick(['診療情報提供書', '退院時サマリー', '看護サマリー']), [{ type: 'text', name: '本文', text: '平素より大変お世話になっております。' }]));
    if (random() < 0.03) push(entry(HIDAMARI, 'note', day, '訪問看護記録', [{ type: 'text', name: '記録', text: '体重 58.2kg(前回比 +0.3kg)。下肢浮腫なし。内服確認済み。' }], { department: '', author: '北原 千尋' }));
    if (random() < 0.012) push(entry(KAWABE, 'message', day, 'りんどう市立病院 地域連携室あて', [{ type: 'text', name: '連絡', text: '次回受診日の変更をお願いします。' }], { department: '', author: '川辺 誠' }));
    if (random() < 0.008) push(entry(TENRYU, 'file', day, 'リハビリ計画書.zip', [{ type: 'file', name: 'リハビリ計画書.zip', size: '182 KB' }]));
  }
  for (const [from, length, where, ward] of [[700, 14, RINDO, '5階西病棟'], [420, 9, KEYAKI, '3階病棟'], [300, 32, TENRYU, '回復期病棟'], [60, 12, RINDO, '5階西病棟']] as const) {
    const start = TODAY_NUMBER - from;
    push(...admission(where, start, start + length, ward));
    for (let day = start; day < start + length; day += 1) {
      push(injection(where, day));
      if (day % 2 === 0) push(laboratory(where, day));
      push(entry(where, 'vital_signs', day, '体温・脈拍・血圧', [
        { type: 'result', name: '体温', value: (36.2 + random()).toFixed(1), unit: '℃' },
        { type: 'result', name: '血圧', value: `${118 + Math.floor(random() * 22)}/${70 + Math.floor(random() * 12)}`, unit: 'mmHg' },
        { type: 'result', name: '脈拍', value: String(60 + Math.floor(random() * 20)), unit: '/分' },
      ]));
      if (day === start) push(entry(where, 'meal', day, '心臓病食 6g未満', [{ type: 'meal', class: '特別食', name: '心臓病食 塩分6g未満', usage: '昼食から' }]));
      push(entry(where, 'progress_note', day, '入院経過記録', [{ type: 'section', name: 'A', text: '経過良好。' }]));
      if (random() < 0.4) push(entry(where, 'injection', day, 'フロセミド注20mg', [{ type: 'injection', class: '静注', route: '静脈内' }, { type: 'component', name: 'フロセミド注20mg', dose: '1', dose_unit: 'A', role_code: 'B' }]));
    }
  }
  push(...admission(TENRYU, TODAY_NUMBER - 6, null, '回復期病棟'));
  push(entry(RINDO, 'period', TODAY_NUMBER - 90, '心不全地域連携パス', [{ type: 'text', name: '内容', text: '3か月ごとにりんどう市立病院、毎月かわべ診療所を受診。' }], { endDay: TODAY_NUMBER + 90 }));
  const near = lastWorkday(TODAY_NUMBER - 1);
  push(laboratory(RINDO, near), laboratory(RINDO, near), prescription(TENRYU, near, 28));
  push(entry(RINDO, 'laboratory', near, '緊急検査 トロポニンT', [
    { type: 'result', name: 'トロポニンT', value: '0.21', unit: 'ng/mL', range: '0 - 0.014', flag: 'H', comment: '再検済' },
  ], { flags: 2 | 16 }));
  push(entry(TENRYU, 'injection', near, 'ヘパリンNa注5千単位', [{ type: 'component', name: 'ヘパリンNa注5千単位/5mL', dose: '1', dose_unit: 'V', role_code: 'B' }], { flags: 32, state: 'deleted' }));
  push(entry(RINDO, 'laboratory', TODAY_NUMBER, '血液検査(結果待ち)', [{ type: 'test_order', name: '血液検査 一般・生化学', group: '血液検査' }], { flags: 256 }));
  push(entry(TENRYU, 'radiology', TODAY_NUMBER + 3, '胸部単純撮影', [{ type: 'procedure', name: '胸部単純撮影', planned: '2026-11-27T10:00' }], { flags: 512, state: 'planned' }));
  push(entry(RINDO, 'prescription', near - 1, '処方(不完全)', [], { flags: 1024, state: 'incomplete' }));
  push(
    entry(RINDO, 'allergy', null, 'ペニシリン系', [{ type: 'allergy', name: 'ペニシリン系抗菌薬', class: '薬剤', reaction: '皮疹', severity: '中等度', onset: '2019-06' }]),
    entry(KEYAKI, 'allergy', null, 'そば', [{ type: 'allergy', name: 'そば', class: '食物', reaction: '呼吸困難', severity: '重度' }]),
    entry(RINDO, 'problem', null, '慢性心不全(NYHA II)', [{ type: 'problem', name: '慢性心不全', start: '2019-05-14', icd10: 'I509', rank: '主病名' }]),
    entry(RINDO, 'problem', null, '2型糖尿病', [{ type: 'problem', name: '2型糖尿病', start: '2014-04-01', icd10: 'E11' }]),
    entry(TENRYU, 'problem', null, '廃用症候群', [{ type: 'problem', name: '廃用症候群', start: '2026-01-29', icd10: 'M6259' }]),
    entry(RINDO, 'doctor', null, '宮﨑 健(循環器内科)', [{ type: 'doctor', name: '宮﨑 健', department: '循環器内科' }]),
    entry(RINDO, 'patient', null, '患者基本情報', [{ type: 'patient', address: '長野県りんどう市大瀬木1-2-3', insurance: '後期高齢者医療' }]),
  );
  for (const item of list) if (item.day !== null && item.day >= TODAY_NUMBER - 3 && item.facility !== KAWABE) item.flags |= 1;
  return list;
}

let numberCounter = 300100;
export function newLink(f: Facility, number: string | null, state: Link['state'], reason: string | null = null) {
  numberCounter += 7;
  const own = number ?? String(numberCounter).padStart(8, '0');
  return { id: newId(), facility: f.id, number: own, ownNumber: own, state, reason, since: Date.now() - 40 * 86_400_000 };
}
export function newConsent(version: number, at: number, by: string): Consent {
  return {
    id: newId(), version, form: 'comprehensive', channel: 'paper', state: 'active', giver: 'self', list_version: 12,
    given_at: at, given_facility: KAWABE.name, given_by: by,
  };
}

function person(name: string, kana: string, birth: string, sex: Sex, days: number | null): Person {
  return {
    id: newId(), name, kana, birth_date: birth, sex, phone: '0265-00-1234', links: [], entries: [],
    consents: [newConsent(1, Date.now() - 200 * 86_400_000, '川辺 美咲')],
    viewedAt: days === null ? null : Date.now() - days * 86_400_000,
  };
}

export const PEOPLE: Person[] = [];
{
  const first = person('髙﨑 さくら', 'タカサキ サクラ', '1950-01-01', 'F', 3.2);
  first.links = [newLink(KAWABE, '00012345', 'confirmed'), newLink(RINDO, null, 'confirmed'), newLink(KEYAKI, null, 'confirmed'), newLink(TENRYU, null, 'confirmed')];
  first.entries = richEntries();
  const second = person('邊見 誠一郎', 'ヘンミ セイイチロウ', '1936-08-15', 'M', 1.1);
  second.links = [newLink(KAWABE, '00012871', 'confirmed'), newLink(RINDO, null, 'confirmed'), newLink(KEYAKI, '00440021', 'proposed', 'gateway_away')];
  second.entries = [laboratory(RINDO, TODAY_NUMBER - 8), prescription(RINDO, TODAY_NUMBER - 8, 28)];
  for (const item of second.entries) item.flags |= 1;
  const third = person('齋藤 蓮', 'サイトウ レン', '2019-05-01', 'M', 6);
  third.links = [newLink(KAWABE, '00013002', 'confirmed'), newLink(TENRYU, '77810', 'proposed', 'mismatch')];
  const fourth = person('吉川 ミツ', 'キッカワ ミツ', '1926-12-25', 'F', 12);
  fourth.links = [newLink(KAWABE, '00009911', 'confirmed'), newLink(RINDO, null, 'confirmed')];
  if (fourth.consents[0]) Object.assign(fourth.consents[0], { state: 'withdrawn', withdrawn_at: Date.now() - 5e8, withdrawn_by: '川辺 美咲', withdrawn_facility: KAWABE.name });
  fourth.entries = [prescription(RINDO, TODAY_NUMBER - 30, 30)];
  const fifth = person('葛城 由香里', 'カツラギ ユカリ', '1989-01-08', 'F', null);
  fifth.links = [newLink(RINDO, '20440017', 'confirmed')];
  fifth.entries = [laboratory(RINDO, TODAY_NUMBER - 20), prescription(RINDO, TODAY_NUMBER - 20, 14)];
  const sixth = person('伊藤 一', 'イトウ ハジメ', '1948-02-29', 'M', 20);
  sixth.links = [newLink(KAWABE, '00010044', 'confirmed')];
  PEOPLE.push(first, second, third, fourth, fifth, sixth);
}

export function head(item: Entry): EntryHead {
  return {
    id: item.id, kind: item.kind, row: item.row, day: item.day === null ? null : dayText(item.day),
    end_day: item.endDay === null ? null : dayText(item.endDay), time: item.time, facility: item.facility.id,
    title: item.title, state: item.state, flags: item.flags, department: item.department, author: item.author,
  };
}
export function content(item: Entry): Content {
  const warnings = item.kind === 'prescription' && item.order % 9 === 0
    ? [{ code: 'charset_extension', text: 'NEC拡張文字を読み替えました' }] : [];
  return { entry: head(item), items: item.items, warnings, fetched_at: Date.now() };
}
export function newLaboratory(f: Facility): Entry {
  const made = laboratory(f, TODAY_NUMBER);
  made.flags |= 1;
  return made;
}
