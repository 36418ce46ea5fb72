// SPDX-License-Identifier: Apache-2.0
import { Browsing } from '../kit/browse.ts';
import { passwordOf } from '../kit/plan.ts';
import { story } from '../kit/story.ts';

/* The other stories end with "the browser had nothing to complain about": it must be able to. */
await story('complaints are heard', async (stage) => {
  const region = await stage.region();
  const browsing = await Browsing.start();
  const visit = await browsing.visit(region.url, {});
  const { page } = visit;
  await visit.logIn('kawabe', passwordOf(region.plan, 'kawabe'));
  await page.locator('#quick-number').waitFor();
  await page.evaluate(() => console.error('a spoken error'));
  await page.evaluate(() => void setTimeout(() => {
    throw new Error('a thrown error');
  }));
  await page.evaluate(() => {
    const style = document.createElement('style');
    style.textContent = 'body { color: red }';
    document.head.append(style);
  });
  await page.evaluate(() => {
    try {
      document.body.insertAdjacentHTML('beforeend', '<p>text as markup</p>');
    } catch {
      // refused before it is done
    }
  });
  await page.evaluate(async () => {
    await fetch('https://localhost:9/elsewhere').catch(() => undefined);
    await fetch('/api/v1/persons/00000000000000000000000000000000');
  });
  const complaints = (await browsing.end()).join('\n');
  const expected: [string, RegExp][] = [
    ['an error in the console', /a spoken error/], ['an exception', /a thrown error/],
    ['a style that the policy forbids', /content security policy: style-src/],
    ['markup that the policy forbids', /require-trusted-types-for/],
    ['a connection that the policy forbids', /content security policy: connect-src/],
    ['a request that was refused', /404/],
  ];
  for (const [what, pattern] of expected) stage.check(pattern.test(complaints), `${what} is a complaint`, complaints);
});
