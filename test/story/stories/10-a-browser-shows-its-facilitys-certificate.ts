// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright';
import { KAWABE, SUZUKAKE, numberAt, choose, isLinkedAt } from '../kit/plan.ts';
import { PROGRAM } from '../kit/region.ts';
import { Hand, goToCalendar } from '../kit/screen.ts';
import { story } from '../kit/story.ts';
import { until } from '../kit/wait.ts';

/* Of whatever was answered: a request that the page gave up has no protocol. */
const protocols = (page: Page): Promise<string[]> => page.evaluate(() => [
  ...new Set([...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .map((one) => one as PerformanceResourceTiming)
    .filter((one) => one.responseStatus > 0)
    .map((one) => one.nextHopProtocol)),
]);

await story('a browser with its facility\'s certificate', async (stage) => {
  const region = await stage.region({ tls: true });
  const plan = region.plan;
  const password = plan.staff.find((one) => one.login === 'kawabe')?.password ?? '';
  const file = (code: string) => `${region.directory}/certificates/${code}-terminal`;
  const shows = (code: string) => ({
    ignoreHTTPSErrors: true,
    clientCertificates: [{ origin: region.url, certPath: `${file(code)}.crt`, keyPath: `${file(code)}.key` }],
  });
  const she = choose(plan, (person) => person.star && isLinkedAt(person, KAWABE));

  const own = await stage.visit(region, shows(KAWABE));
  await own.logIn('kawabe', password);
  await goToCalendar(new Hand(own.page), numberAt(she, KAWABE));
  await until('marks stand in the calendar', async () => (await own.page.locator('.m').count()) > 0, 30);
  stage.check(true, 'the doctor logs in and sees the calendar');
  stage.same(await protocols(own.page), ['h2'], 'all of it over HTTP/2');

  const other = await stage.visit(region, shows(SUZUKAKE));
  other.expects(/status of 403/);
  await other.page.goto('/login');
  await other.page.locator('input[autocomplete=username]').fill('kawabe');
  await other.page.locator('input[autocomplete=current-password]').fill(password);
  await other.page.locator('button[type=submit]').click();
  await other.page.locator('[role=alert], .notice').first().waitFor();
  stage.check(new URL(other.page.url()).pathname === '/login', 'with another facility\'s certificate nobody of this one logs in');

  const none = await stage.visit(region, { ignoreHTTPSErrors: true });
  const answer = await none.page.goto('/login').then((got) => got?.status() ?? 0, () => 0);
  stage.same(answer, 0, 'without a certificate there is no page at all');

  const fingerprint = new X509Certificate(readFileSync(`${file(KAWABE)}.crt`)).fingerprint256.replaceAll(':', '').toLowerCase();
  const revoked = spawnSync(
    PROGRAM, ['admin', '--config', `${region.directory}/config/centre.json`, 'browser', 'revoke', fingerprint],
    { encoding: 'utf8' },
  );
  stage.same([revoked.status, revoked.stderr], [0, ''], 'the office revokes the certificate beside the running centre');
  own.expects(/status of 401/);
  const ended = await until('the open session has ended', async () => {
    await own.page.reload();
    return new URL(own.page.url()).pathname === '/login' || (await own.page.locator('#login-id').count()) > 0;
  }, 15, 300);
  stage.check(ended, 'and the session that was open under it is over');
});
