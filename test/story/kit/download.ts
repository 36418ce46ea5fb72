// SPDX-License-Identifier: Apache-2.0
/* A download read as slowly as wanted, on a socket of its own: what came, and how it ended. */
import { connect, type Socket } from 'node:net';
import type { Desk } from './desk.ts';

export class Download {
  bytes = 0;
  status = 0;
  /** The body's last chunk came: nothing is missing. */
  isWhole = false;
  hasEnded = false;
  private readonly socket: Socket;
  private tail = '';
  private timer: NodeJS.Timeout | undefined;

  constructor(desk: Desk, path: string) {
    const { hostname, port, host } = new URL(desk.url);
    this.socket = connect({ host: hostname, port: Number(port) });
    this.socket.on('error', () => this.end());
    this.socket.on('close', () => this.end());
    this.socket.on('end', () => this.end());
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${desk.cookie}\r\nConnection: close\r\n\r\n`);
  }

  /** Takes what is there now and then `everyMs`; 0 takes all as it comes. */
  read(everyMs: number): void {
    clearInterval(this.timer);
    if (everyMs === 0) {
      this.socket.on('data', (chunk: Buffer) => this.take(chunk));
      this.socket.resume();
    } else {
      this.timer = setInterval(() => {
        const chunk = this.socket.read() as Buffer | null;
        if (chunk) this.take(chunk);
      }, everyMs);
      this.socket.pause();
    }
  }

  /** Takes nothing any more, but stays. */
  stall(): void {
    clearInterval(this.timer);
  }

  private take(chunk: Buffer): void {
    if (this.bytes === 0) this.status = Number(/^HTTP\/1\.1 (\d+)/.exec(chunk.toString('latin1', 0, 16))?.[1] ?? 0);
    this.bytes += chunk.length;
    this.tail = (this.tail + chunk.toString('latin1')).slice(-16);
    this.isWhole = this.tail.endsWith('\r\n0\r\n\r\n');
  }

  private end(): void {
    clearInterval(this.timer);
    this.hasEnded = true;
  }

  close(): void {
    clearInterval(this.timer);
    this.socket.destroy();
  }
}
