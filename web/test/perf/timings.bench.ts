// SPDX-License-Identifier: Apache-2.0
/* How long things take with a year of 15,000 entries, as medians of seven, each beside what the
 * same browser needs for a plain page of as many marks. Prints one JSON line per figure; nothing
 * is asserted, since a shared machine has no constant time. */
import { test, type Page } from '@playwright/test';
import { STUDIES, serveStudies } from '../e2e/imaging.ts';
import { serveWaves, TWELVE, waveStudy } from '../e2e/waving.ts';
import { askForYear, backHome, counts, login, openAgain, openYear, readYear, scrollThrough, settled } from './year.ts';

const RUNS = Number(process.env.BENCH_RUNS ?? 7);
const STEP_PIXELS = 40;
const year = readYear();

interface Figure {
  what: string;
  cpu: number;
  ms: number;
  budget_ms?: number;
  reference_ms: number;
}
const sorted = (values: number[]) => [...values].sort((a, b) => a - b);
const at = (values: number[], part: number) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? NaN;
const median = (values: number[]) => at(values, 0.5);
const print = (figure: Figure) => {
  const rounded = Object.fromEntries(Object.entries(figure).map(([key, value]) => [key, typeof value === 'number' ? Math.round(value * 10) / 10 : value]));
  process.stdout.write(`${JSON.stringify({ bench: 'client', runs: RUNS, ...rounded, ratio: Math.round(figure.ms / figure.reference_ms * 10) / 10 })}\n`);
};

async function slowDown(page: Page, rate: number): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate });
}

/* From the end of the calendar's answer until the last mark in view was painted. What lies behind
 * the names of the rows is not in view. Looked at between frames, when nothing has to be laid out
 * for it. */
const WATCH = () => {
  const seen = { data: 0, painted: 0, marks: 0 };
  Object.assign(globalThis, { seen });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.name.endsWith('/calendar-openings')) seen.data = (entry as PerformanceResourceTiming).responseEnd;
    }
  }).observe({ type: 'resource', buffered: true });
  const look = () => {
    const painted = performance.now();
    const left = document.querySelector('.cal-corner')?.getBoundingClientRect().right ?? 0;
    let marks = 0;
    for (const week of left > 0 ? document.querySelectorAll('.cal-week') : []) {
      const box = week.getBoundingClientRect();
      if (box.right > left && box.left < innerWidth) marks += week.childElementCount;
    }
    if (marks > seen.marks) Object.assign(seen, { painted, marks });
    requestAnimationFrame(() => setTimeout(look));
  };
  requestAnimationFrame(() => setTimeout(look));
};

async function timeToPaint(page: Page): Promise<number> {
  await page.evaluate(WATCH);
  await openAgain(page);
  const seen = await page.evaluate(() => (globalThis as unknown as { seen: { data: number; painted: number } }).seen);
  await backHome(page);
  return seen.painted - seen.data;
}

/* What the page's main thread worked, whatever else the machine did meanwhile. */
async function threadTime(page: Page, work: () => Promise<unknown>): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const spent = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN;
  };
  const before = await spent();
  await work();
  const after = await spent();
  await session.detach();
  return (after - before) * 1000;
}

/* As many boxes in as many groups, made at once: what no page can go below here. */
async function plainPage(page: Page, marks: number, weeks: number): Promise<number> {
  await page.goto('about:blank');
  return page.evaluate(async ([total, groups]) => {
    const frame = () => new Promise<number>((done) => requestAnimationFrame(done));
    await frame();
    const started = performance.now();
    const scroll = document.createElement('div');
    scroll.className = 'cal-scroll';
    scroll.style.cssText = 'position:fixed;inset:0;overflow:auto';
    const inside = document.createElement('div');
    inside.style.cssText = 'position:relative;width:9000px;height:700px';
    for (let group = 0; group < groups; group += 1) {
      const box = document.createElement('div');
      box.style.cssText = `position:absolute;contain:strict;top:0;height:700px;width:168px;left:${9000 - (group + 1) * 168}px`;
      for (let index = 0; index < total / groups; index += 1) {
        const mark = document.createElement('button');
        mark.textContent = 'り';
        mark.style.cssText = `position:absolute;box-sizing:border-box;width:23px;height:24px;padding:0;border:1px solid;border-radius:3px;left:${(index % 7) * 24}px;top:${Math.floor(index / 7) * 26}px`;
        box.append(mark);
      }
      inside.append(box);
    }
    scroll.append(inside);
    document.body.append(scroll);
    scroll.scrollLeft = 9000;
    await frame();
    await new Promise((done) => setTimeout(done));
    return performance.now() - started;
  }, [marks, weeks] as const);
}

async function clickToPanel(page: Page): Promise<number> {
  const time = await page.evaluate(async () => {
    const marks = [...document.querySelectorAll<HTMLElement>('.m:not(.more)')].filter((mark) => {
      const { left, right } = mark.getBoundingClientRect();
      return left > 200 && right < innerWidth - 400;
    });
    const mark = marks[Math.floor(marks.length / 2)];
    if (!mark) throw new Error('no mark in view');
    const started = performance.now();
    mark.click();
    while (!document.querySelector('.panel h2')) await new Promise((done) => requestAnimationFrame(done));
    await new Promise((done) => setTimeout(done));
    return performance.now() - started;
  });
  await page.keyboard.press('Escape');
  await settled(page);
  return time;
}

async function repeat(run: () => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  for (let turn = 0; turn < RUNS; turn += 1) times.push(await run());
  return times;
}

/* A mid-range phone as Lighthouse 12 simulates it: 1.6 Mbit/s, 150 ms, a quarter of the processor. */
const PHONE = { viewport: { width: 412, height: 823 }, isMobile: true, hasTouch: true, deviceScaleFactor: 1.75 };
async function asPhone(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  await session.send('Network.emulateNetworkConditions', {
    offline: false, latency: 150, downloadThroughput: 1_600_000 / 8, uploadThroughput: 750_000 / 8,
  });
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
}
const largestPaint = (page: Page, until: string): Promise<number> =>
  page.locator(until).first().waitFor().then(() => page.evaluate(() => new Promise<number>((done) => {
    new PerformanceObserver((list) => done(list.getEntries().at(-1)?.startTime ?? NaN))
      .observe({ type: 'largest-contentful-paint', buffered: true });
  })));

test('largest paint on a phone', async ({ browser }) => {
  const context = await browser.newContext({ ...PHONE, ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const plain = await context.newPage();
  await asPhone(page);
  await asPhone(plain);
  const reference = await repeat(async () => {
    await plain.goto('/icon.svg');
    return plain.evaluate(() => performance.getEntriesByType('paint').at(-1)?.startTime ?? NaN);
  });
  const logins = await repeat(async () => {
    await page.goto('/');
    return largestPaint(page, '#login-id');
  });
  print({ what: 'largest paint: login', cpu: 4, ms: median(logins), budget_ms: 1500, reference_ms: median(reference) });
  await login(page, year);
  await openYear(page, year);
  const address = page.url();
  const calendars = await repeat(async () => {
    await page.goto(address);
    return largestPaint(page, '.m');
  });
  print({ what: 'largest paint: calendar', cpu: 4, ms: median(calendars), budget_ms: 2000, reference_ms: median(reference) });
  await context.close();
});

for (const [cpu, paint, scroll, click] of [[1, 250, 33, 100], [4, 900, 100, undefined]] as const) {
  test(`times at cpu ${cpu}`, async ({ page, browser }) => {
    await login(page, year);
    await askForYear(page);
    await openYear(page, year);
    const { marks, weeks } = await counts(page);
    await backHome(page);

    const other = await browser.newPage();
    await slowDown(page, cpu);
    await slowDown(other, cpu);
    const painted = await repeat(() => timeToPaint(page));
    const plain = await repeat(() => plainPage(other, marks, weeks));
    print({ what: 'data to painted', cpu, ms: median(painted), budget_ms: paint, reference_ms: median(plain) });

    await openAgain(page);
    const through = (where: Page) => repeat(async () => at((await scrollThrough(where, STEP_PIXELS)).frames, 0.95));
    print({ what: 'scroll p95', cpu, ms: median(await through(page)), budget_ms: scroll, reference_ms: median(await through(other)) });

    await page.locator('.cal-scroll').evaluate((node) => node.scrollTo({ left: 1e6 }));
    await settled(page);
    const clicks = await repeat(() => clickToPanel(page));
    const idle = await repeat(() => other.evaluate(async () => {
      const started = performance.now();
      document.querySelector('button')?.click();
      await new Promise((done) => requestAnimationFrame(done));
      await new Promise((done) => setTimeout(done));
      return performance.now() - started;
    }));
    print({ what: 'click to panel', cpu, ms: median(clicks), ...(click ? { budget_ms: click } : {}), reference_ms: median(idle) });
    await other.close();
  });
}

/* The clock of a shared machine lies; the main thread's own time says what the client costs. */
test('time of the main thread', async ({ page, browser }) => {
  await login(page, year);
  await askForYear(page);
  await openYear(page, year);
  const { marks, weeks } = await counts(page);
  await backHome(page);
  const other = await browser.newPage();
  const opened = await repeat(async () => {
    const time = await threadTime(page, () => openAgain(page));
    await backHome(page);
    return time;
  });
  const plain = await repeat(() => threadTime(other, () => plainPage(other, marks, weeks)));
  print({ what: 'main thread: opening until still', cpu: 1, ms: median(opened), reference_ms: median(plain) });

  await openAgain(page);
  const perFrame = (where: Page) => repeat(async () => {
    let frames = 1;
    const time = await threadTime(where, async () => {
      frames = (await scrollThrough(where, STEP_PIXELS)).frames.length;
    });
    return time / frames;
  });
  print({ what: 'main thread: scrolling, a frame', cpu: 1, ms: median(await perFrame(page)), reference_ms: median(await perFrame(other)) });
  await other.close();
});

/* From the frame in which a drag of the window is noticed until its picture is on the canvas. */
const redraw = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const host = document.querySelector('.v-host');
    const canvas = host?.querySelector('canvas');
    if (!host || !canvas) throw new Error('no picture');
    const { left, top } = host.getBoundingClientRect();
    let x = left + 100;
    const send = (type: string) =>
      host.dispatchEvent(new PointerEvent(type, { bubbles: true, pointerId: 1, pointerType: 'mouse', button: 0, clientX: x, clientY: top + 200 }));
    HTMLElement.prototype.setPointerCapture = () => {}; // there is no pointer
    send('pointerdown');
    const times: number[] = [];
    for (let move = 0; move < 15; move += 1) {
      x += 9;
      let begun = 0;
      requestAnimationFrame(() => (begun = performance.now()));
      send('pointermove');
      await new Promise<void>((done) => requestAnimationFrame(() => done()));
      canvas.getContext('2d')?.getImageData(0, 0, 1, 1); // what was only noted down is drawn now
      times.push(performance.now() - begun);
    }
    send('pointerup');
    return times.sort((a, b) => a - b)[7] ?? NaN;
  });

/* As many pixels, already made, onto a canvas as large. */
const plainPixels = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const [behind, shown] = [document.createElement('canvas'), document.createElement('canvas')];
    [behind.width, behind.height, shown.width, shown.height] = [2048, 2500, 1144, 604];
    const pixels = new ImageData(2048, 2500);
    const [from, to] = [behind.getContext('2d', { alpha: false }), shown.getContext('2d', { alpha: false })];
    const times: number[] = [];
    for (let turn = 0; turn < 15; turn += 1) {
      await new Promise((done) => requestAnimationFrame(done));
      const begun = performance.now();
      from?.putImageData(pixels, 0, 0);
      to?.drawImage(behind, 0, 0, 495, 604);
      to?.getImageData(0, 0, 1, 1);
      times.push(performance.now() - begun);
    }
    return times.sort((a, b) => a - b)[7] ?? NaN;
  });

test('a large picture drawn again while its window is turned', async ({ page, browser }) => {
  await login(page, year);
  await serveStudies(page, STUDIES.chest(2048, 2500));
  await openYear(page, year);
  await page.getByRole('button', { name: '一覧表示' }).click();
  await page.locator('.row-chips button', { hasText: '画像' }).click();
  await page.locator('.title-button').first().click();
  await page.getByRole('link', { name: '画像を見る' }).click();
  await page.locator('.v-host[data-ready="raw"]').waitFor();
  await page.locator('.v-tools').getByRole('button', { name: '濃度', exact: true }).click();
  const other = await browser.newPage();
  const times = await repeat(() => redraw(page));
  const plain = await repeat(() => plainPixels(other));
  print({ what: 'window turned: 2048x2500 of 16 bits', cpu: 1, ms: median(times), budget_ms: 30, reference_ms: median(plain) });
  await other.close();
});

/* When the bytes of a waveform were in hand, and when its first traces were on the canvas: what was
 * only noted down is drawn before the clock is looked at. */
const WATCH_WAVES = () => {
  const seen = { came: 0, begun: 0, drawn: 0 };
  Object.assign(globalThis, { waves: seen });
  const { arrayBuffer } = Blob.prototype;
  Blob.prototype.arrayBuffer = async function readAndNote(this: Blob) {
    const buffer = await arrayBuffer.call(this);
    seen.came ||= performance.now();
    return buffer;
  };
  const { stroke } = CanvasRenderingContext2D.prototype;
  let isOver = true;
  CanvasRenderingContext2D.prototype.stroke = function drawAndNote(this: CanvasRenderingContext2D) {
    (stroke as () => void).call(this);
    if (!isOver || this.canvas.width < 300 || !this.canvas.closest('.w-paper')) return;
    isOver = false;
    queueMicrotask(() => {
      this.getImageData(0, 0, 1, 1);
      seen.drawn ||= performance.now();
      isOver = true;
    });
  };
  document.addEventListener('change', () => Object.assign(seen, { begun: performance.now(), drawn: 0 }), true);
};
type Seen = { waves: { came: number; begun: number; drawn: number } };
const drawn = async (page: Page, from: 'came' | 'begun'): Promise<number> => {
  await page.waitForFunction(() => (globalThis as unknown as Seen).waves.drawn > 0 && (globalThis as unknown as Seen).waves.came > 0);
  return page.evaluate((since) => {
    const { waves } = globalThis as unknown as Seen;
    return waves.drawn - waves[since];
  }, from);
};

/* As many points, already made, as lines of one canvas. */
const plainLines = (page: Page, points: number): Promise<number> =>
  page.evaluate(async (count) => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [1144, 1076];
    const pen = canvas.getContext('2d');
    if (!pen) throw new Error('no canvas');
    const heights = Float32Array.from({ length: count }, (_, i) => 40 + 30 * Math.sin(i / 40));
    await new Promise((done) => requestAnimationFrame(done));
    const begun = performance.now();
    for (let lead = 0; lead < 12; lead += 1) {
      pen.beginPath();
      for (let i = 0; i < count; i += 1) pen.lineTo((i * 1000) / count, 88 * lead + (heights[i] ?? 0));
      pen.stroke();
    }
    pen.getImageData(0, 0, 1, 1);
    return performance.now() - begun;
  }, points);

test('twelve leads of ten seconds at 1 kHz', async ({ page, browser }) => {
  await page.addInitScript(WATCH_WAVES);
  await login(page, year);
  await serveStudies(page, waveStudy(TWELVE));
  await serveWaves(page, TWELVE);
  await openYear(page, year);
  await page.getByRole('button', { name: '一覧表示' }).click();
  await page.locator('.row-chips button', { hasText: '画像' }).click();
  await page.locator('.title-button').first().click();
  await page.getByRole('link', { name: '画像を見る' }).click();
  const other = await browser.newPage();
  const layout = page.locator('.w-pick', { hasText: '並べ方' }).locator('select');
  const came: number[] = [];
  const rows: number[] = [];
  const plain: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    came.push(await drawn(page, 'came'));
    await layout.selectOption('1列');
    rows.push(await drawn(page, 'begun'));
    plain.push(await plainLines(other, 10_000));
    await page.reload();
  }
  const reference_ms = median(plain);
  print({ what: 'ECG: from bytes in hand until drawn, 3x4+1', cpu: 1, ms: median(came), budget_ms: 50, reference_ms });
  print({ what: 'ECG: twelve rows of ten seconds drawn', cpu: 1, ms: median(rows), budget_ms: 50, reference_ms });
  await other.close();
});
