// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { Page } from 'playwright';
import { studiesOf } from '../kit/archive.ts';
import { Desk, type Study } from '../kit/desk.ts';
import { KAWABE, KEYAKI, RINDO, choose, facilityName, hasActive, isLinkedAt, numberAt, passwordOf } from '../kit/plan.ts';
import { Hand, goToCalendar, mark } from '../kit/screen.ts';
import { story } from '../kit/story.ts';
import { Tree, compact } from '../kit/tree.ts';
import { until } from '../kit/wait.ts';

const IMAGE = 64;

/** A terminal's own TLS, in front of which a plain client stands; what each connection was shown. */
class Terminal {
  readonly shown: string[] = [];
  private readonly lines = new Set<TLSSocket>();
  private readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
  }

  static async open(url: string, certificate: string): Promise<Terminal> {
    const { hostname, port } = new URL(url);
    const server = createServer((near) => {
      const far: TLSSocket = connect({
        host: hostname, port: Number(port), servername: 'localhost', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'],
        cert: readFileSync(`${certificate}.crt`), key: readFileSync(`${certificate}.key`),
      }, () => terminal.shown.push(far.getPeerX509Certificate()?.serialNumber ?? ''));
      terminal.lines.add(far);
      near.pipe(far);
      far.on('data', (chunk: Buffer) => near.write(chunk));
      near.on('error', () => far.destroy()).on('close', () => far.destroy());
      far.on('error', () => near.destroy()).on('close', () => { terminal.lines.delete(far); near.end(); });
    });
    const terminal = new Terminal(server);
    await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done); });
    return terminal;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Takes nothing more of what is under way, so that it stays with the centre. */
  hold(): void {
    for (const line of this.lines) line.pause();
  }

  goOn(): void {
    for (const line of this.lines) line.resume();
  }

  close(): void {
    this.server.close();
  }
}

/** Whose certificate a connection that begins now is shown. */
const shownTo = (url: string, certificate: string, protocol: string): Promise<string> => new Promise((done, fail) => {
  const { hostname, port } = new URL(url);
  const line = connect({
    host: hostname, port: Number(port), servername: 'localhost', rejectUnauthorized: false, ALPNProtocols: [protocol],
    cert: readFileSync(`${certificate}.crt`), key: readFileSync(`${certificate}.key`),
  }, () => {
    done(`${line.alpnProtocol} ${line.getPeerX509Certificate()?.serialNumber}`);
    line.destroy();
  });
  line.on('error', fail);
});

class TerminalDesk extends Desk {
  override headers(method: string, key?: string): Record<string, string> {
    return { ...super.headers(method, key), Origin: this.url.replace('http:', 'https:') };
  }
}

/* As docs/operations/install.md has it. */
function issueAnew(folder: string): void {
  const file = (name: string): string => `${folder}/${name}`;
  const run = (...words: string[]): void => {
    const { status, stderr } = spawnSync('openssl', words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl: ${stderr}`);
  };
  run('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', file('centre.key'));
  run('req', '-new', '-key', file('centre.key'), '-sha256', '-subj', '/CN=centre', '-out', file('centre.csr'));
  writeFileSync(file('centre.ext'), 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n'
    + 'extendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n');
  run('x509', '-req', '-in', file('centre.csr'), '-CA', file('authority.crt'), '-CAkey', file('authority.key'), '-days', '397', '-sha256',
    '-extfile', file('centre.ext'), '-out', file('centre.crt'));
}

async function digest(answer: IncomingMessage): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of answer) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

await story('the centre\'s certificate is renewed while people work', async (stage) => {
  const region = await stage.region({ tls: true });
  const plan = region.plan;
  const folder = `${region.directory}/certificates`;
  const file = `${folder}/${KAWABE}-terminal`;
  const password = passwordOf(plan, 'kawabe');
  const serial = (): string => new X509Certificate(readFileSync(`${folder}/centre.crt`)).serialNumber;
  const browser = {
    ignoreHTTPSErrors: true,
    clientCertificates: [{ origin: region.url, certPath: `${file}.crt`, keyPath: `${file}.key` }],
  };

  /* a calendar that is open */
  const she = choose(plan, (person) => hasActive(person) && isLinkedAt(person, RINDO, KEYAKI, KAWABE));
  const own = await stage.visit(region, browser);
  const page: Page = own.page;
  await own.logIn('kawabe', password);
  await goToCalendar(new Hand(page), numberAt(she, KAWABE));
  await page.locator('.m').first().waitFor();
  let loads = 0, streams = 0;
  page.on('framenavigated', () => loads++);
  page.on('request', (request) => { if (new URL(request.url()).pathname === '/api/v1/live') streams++; });
  const failed: string[] = [];
  page.on('requestfailed', (request) => failed.push(`${request.url()} ${request.failure()?.errorText}`));

  /* a program that takes a study, slowly */
  const terminal = await Terminal.open(region.url, file);
  const desk = new TerminalDesk(terminal.url);
  await desk.logIn('kawabe', password);
  const root = `${region.directory}/images/${RINDO}`;
  const he = choose(plan, (person) => isLinkedAt(person, RINDO, KAWABE)
    && studiesOf(root, numberAt(person, RINDO)).some(({ files }) => files.length > 20));
  const there = studiesOf(root, numberAt(he, RINDO)).find(({ files }) => files.length > 20);
  const person = (await desk.find(numberAt(he, KAWABE)))?.id ?? '';
  const from = `${Number(plan.today.slice(0, 4)) - 2}${plan.today.slice(4)}`;
  desk.hasStudies = true;
  const opening = await until('the study is there', async () => {
    const calendar = await desk.openCalendar(person, from, plan.today);
    const heads = await desk.list(calendar.body.opening, 'image', from, plan.today);
    for (const head of heads.filter((one) => one.state === 'current' && (one.flags & IMAGE) !== 0)) {
      const opened = await desk.openEntry(head.id);
      const study = await desk.get<Study>(`/api/v1/openings/${opened.body.opening}/study`);
      if (study.status === 200 && study.body.study_uid === there?.uid) return opened.body.opening;
    }
    return undefined;
  }, 60);
  const download = (): Promise<IncomingMessage> => new Promise((done, fail) => {
    get(`${terminal.url}/api/v1/openings/${opening}/study.zip`, { headers: desk.headers('GET'), agent: false }, done).on('error', fail);
  });
  const whole = await digest(await download());
  const running = await download();
  running.pause();
  terminal.hold();
  const isRunning = (): boolean => (region.log('centre').match(/"route":"[^"]*study.zip"/g) ?? []).length === 1;

  const before = serial();
  const logged = region.log('centre').length;
  stage.same(await shownTo(region.url, file, 'h2'), `h2 ${before}`, 'the certificate of before is shown');
  [loads, streams] = [0, 0];
  failed.length = 0;
  const connections = terminal.shown.length;
  stage.check(terminal.shown.every((one) => one === before), 'all were shown the certificate of before', terminal.shown);

  /* put into place, and systemctl reload */
  issueAnew(folder);
  process.kill(region.processOf('centre'), 'SIGHUP');
  await until('the centre says so', () => region.log('centre').includes('"certificates_renewed"'), 15);
  stage.check(isRunning(), 'while the download runs');
  const renewed = serial();
  stage.check(renewed !== before, 'another certificate lies there');

  stage.same(await shownTo(region.url, file, 'h2'), `h2 ${renewed}`, 'a browser that comes now is shown it');
  terminal.goOn();
  stage.same(await digest(running), whole, 'the download that ran comes whole, byte by byte');
  const again = await desk.get(`/api/v1/session`);
  stage.same([again.status, terminal.shown.length], [200, connections], 'a connection that is kept goes on');
  stage.same(await digest(await download()), whole, 'another download comes');
  stage.same([terminal.shown.length, terminal.shown.at(-1)], [connections + 1, renewed], 'over a connection that is shown the new one');

  const tree = new Tree(region, RINDO);
  const number = numberAt(she, RINDO);
  const [day = ''] = tree.freeDays(number, plan.today, 1);
  tree.writeResult(tree.newestResult(number), { key: '000000099000018', day: compact(day), value: '88.8' });
  await mark(page, day, '検査', facilityName(plan, RINDO)).first().waitFor({ timeout: 20_000 });
  stage.same([loads, streams, failed], [0, 0, []], 'a new result comes to the open calendar over the stream that was open');
  await page.reload();
  await page.locator('.m').first().waitFor();
  stage.same(failed.filter((one) => !one.includes('/api/v1/live ')), [], 'and is there when the page is loaded again');

  const next = await stage.visit(region, browser);
  await next.logIn('kawabe', password);
  stage.check(true, 'who comes now logs in');
  const away = region.log('centre').slice(logged).match(/"event":"gateway","state":"away"/g) ?? [];
  stage.same(away.length, 0, 'no hospital was away');
  terminal.close();
});
