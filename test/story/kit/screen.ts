// SPDX-License-Identifier: Apache-2.0
/* What a person does on the screens, with the clicks counted. */
import type { Locator, Page } from 'playwright';
import { until } from './wait.ts';

export class Hand {
  clicks = 0;
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  async click(target: Locator): Promise<void> {
    this.clicks += 1;
    await target.click();
  }

  async enter(): Promise<void> {
    this.clicks += 1;
    await this.page.keyboard.press('Enter');
  }
}

/** From home: the own number, Enter, the person. */
export async function goToCalendar(hand: Hand, number: string): Promise<void> {
  await hand.page.goto('/');
  await hand.page.locator('#quick-number').fill(number);
  await hand.enter();
  await hand.click(hand.page.locator('a.person').first());
  await calendarIsOpen(hand.page);
}

export async function calendarIsOpen(page: Page): Promise<void> {
  await page.locator('.cal-row').nth(9).waitFor();
}

/** A place in the main menu or among the person's screens. */
export const menu = (page: Page, name: string): Locator =>
  page.getByRole('navigation', { name: '主なメニュー' }).getByRole('link', { name });
export const tab = (page: Page, name: string): Locator =>
  page.getByRole('navigation', { name: '患者の画面' }).getByRole('link', { name });

/** "2026-11-20" as marks tell it: "11月20日(". */
export function dayWords(day: string): string {
  const [, month, date] = day.split('-').map(Number);
  return `${month}月${date}日(`;
}

/** The mark of one day, row and facility. */
export const mark = (page: Page, day: string, row: string, facility: string): Locator =>
  page.locator(`.m:not(.more)[aria-label*="${dayWords(day)}"][aria-label*=" ${row} "][aria-label*="${facility}"]`);

/** Goes through the calendar until marks that may still be on their way are in view. A hint is followed while
 * it stands there; where it led somewhere else because less was known then, the way goes on from today. */
export async function findInCalendar(page: Page, what: string, isThere: () => Promise<boolean>, seconds = 30): Promise<void> {
  const hint = page.locator('.cal-hint:not(.cal-news)');
  const today = page.getByRole('button', { name: '今日', exact: true });
  let looks = 0;
  await until(what, async () => {
    if (await isThere()) return true;
    looks += 1;
    // what is on its way may take the button away under the hand: then it is looked at anew
    if (await hint.isVisible()) await hint.click({ timeout: 1000 }).catch(() => undefined);
    else if (looks % 20 === 0) await today.click({ timeout: 1000 }).catch(() => undefined);
    return false;
  }, seconds);
}

/** Opens what stands behind a mark; with several entries their list is there too. */
export async function openMark(page: Page, of: Locator, click: (mark: Locator) => Promise<unknown> = (one) => one.click()): Promise<void> {
  const isMany = /([2-9]|\d\d)件/.test(await of.getAttribute('aria-label') ?? '');
  await click(of);
  if (isMany) await page.locator('.of-day button').first().waitFor();
}

/** What the content panel says once it has come. */
export async function panelText(page: Page): Promise<string> {
  await page.locator('.panel-body[aria-busy=false]').waitFor();
  return (await page.locator('.panel').innerText()).normalize('NFC');
}

/** A facility's line above the calendar, e.g. "10:12から未反映". */
export const facilityChip = (page: Page, name: string): Locator => page.locator('.facility-chip', { hasText: name });

export async function chipSays(page: Page, name: string, words: RegExp, seconds: number): Promise<string> {
  return until(`${name} says ${words}`, async () => {
    const text = await facilityChip(page, name).innerText().catch(() => '');
    return words.test(text) ? text : undefined;
  }, seconds);
}

/** A picture stands in the viewer's first pane: something of it is bright. */
export async function pictureIsDrawn(page: Page, seconds = 15): Promise<void> {
  await until('something is drawn', () => page.locator('.v-host canvas').first().evaluate((one) => {
    const canvas = one as HTMLCanvasElement;
    /* of a copy: the browser complains about a page that reads its own canvas again and again */
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
    copy?.drawImage(canvas, 0, 0);
    const { data } = copy?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
    return data.some((value, i) => i % 4 === 0 && value > 100);
  }), seconds);
}
