// SPDX-License-Identifier: Apache-2.0
/* The patient with a full year (tools/year): opening the calendar, and what is in the document. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';

export interface Year {
  login: string;
  password: string;
  number: string;
  entries: number;
  hospitals: number;
}

export function readYear(): Year {
  const folder = process.env.TSUMUGI_YEAR_DIR;
  if (!folder) throw new Error('TSUMUGI_YEAR_DIR is what tools/year made; tools/screens --year makes one');
  return JSON.parse(readFileSync(join(folder, 'year.json'), 'utf8')) as Year;
}

/* The client asks for some weeks ahead of today too. */
const WEEKS = 52 + 5;
const OPENINGS = '**/api/v1/persons/*/calendar-openings';

/** The first request for a calendar asks for a whole year, not for what is in view. */
export async function askForYear(page: Page): Promise<void> {
  await page.route(OPENINGS, async (route) => {
    const asked = route.request().postDataJSON() as { from: string; to: string };
    const from = new Date(Date.parse(asked.to) - WEEKS * 7 * 86_400_000).toISOString().slice(0, 10);
    await route.continue({ postData: { ...asked, from } });
  });
}

export async function login(page: Page, year: Year): Promise<void> {
  await page.goto('/');
  await page.fill('#login-id', year.login);
  await page.fill('#login-password', year.password);
  await page.keyboard.press('Enter');
  await expect(page.locator('#quick-number')).toBeVisible();
}

/** From home by the own number, until the weeks in view are there. */
export async function openYear(page: Page, year: Year): Promise<void> {
  await page.fill('#quick-number', year.number);
  await page.keyboard.press('Enter');
  await page.locator('a.person').first().click();
  await settled(page);
}

/** The same from the home page's list of who was seen last: searches are counted and, of many, refused. */
export async function openAgain(page: Page): Promise<void> {
  await page.locator('a.person[href$="/calendar"]').first().click();
  await settled(page);
}

/** Back to the home page, until its list is there. */
export async function backHome(page: Page): Promise<void> {
  await page.goto('/');
  await page.locator('a.person[href$="/calendar"]').first().waitFor();
}

/** Every week that is in view is in the document with its marks, and nothing moves any more. */
export async function settled(page: Page): Promise<void> {
  await expect(page.locator('.m').first()).toBeVisible();
  await page.evaluate(async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const count = () => document.querySelectorAll('.m, .cal-weekhead').length;
    for (let still = 0, before = -1; still < 30; await frame()) {
      const now = count();
      still = now === before ? still + 1 : 0;
      before = now;
    }
  });
}

/** To the oldest week, by chunks as they come. */
export async function loadAll(page: Page): Promise<void> {
  await page.locator('.cal-scroll').evaluate((node) => node.scrollTo({ left: 0 }));
  await expect(page.locator('.cal-week[data-state="loading"], .cal-week[data-state="absent"]')).toHaveCount(0);
  await settled(page);
}

export interface Counts {
  marks: number;
  weeks: number;
  visible: number;
}

/** What the document holds, and how many weeks the window can show at once. */
export async function counts(page: Page): Promise<Counts> {
  return page.evaluate(() => {
    const scroll = document.querySelector('.cal-scroll');
    const head = document.querySelector('.cal-weekhead');
    const corner = document.querySelector('.cal-corner');
    const width = (scroll?.clientWidth ?? 0) - (corner?.clientWidth ?? 0);
    return {
      marks: document.querySelectorAll('.m, .bar').length,
      weeks: document.querySelectorAll('.cal-weekhead').length,
      visible: Math.ceil(width / (head?.getBoundingClientRect().width ?? 1)) + 1,
    };
  });
}

export interface Scrolled {
  frames: number[];
  marks: number;
  weeks: number;
}

/** Through the whole year at an even speed: time between frames, and the most that was held. */
export async function scrollThrough(page: Page, pixelsPerFrame: number): Promise<Scrolled> {
  return page.evaluate(async (step) => {
    const scroll = document.querySelector('.cal-scroll');
    if (!scroll) throw new Error('no calendar');
    const frame = () => new Promise<number>((done) => requestAnimationFrame(done));
    scroll.scrollLeft = scroll.scrollWidth;
    for (let at = 0; at < 60; at += 1) await frame();
    const most = { frames: [] as number[], marks: 0, weeks: 0 };
    let before = await frame();
    while (scroll.scrollLeft > 0) {
      scroll.scrollLeft -= step;
      const now = await frame();
      most.frames.push(now - before);
      before = now;
      most.marks = Math.max(most.marks, document.querySelectorAll('.m, .bar').length);
      most.weeks = Math.max(most.weeks, document.querySelectorAll('.cal-weekhead').length);
    }
    return most;
  }, pixelsPerFrame);
}
