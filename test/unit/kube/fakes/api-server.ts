import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeClient, type KubeClientOptions } from '../../../../src/kube/index.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Answer = (response: ServerResponse, request: Received) => void;

/** An HTTP server that answers as the test says, one answer after the other; the last one again and again. */
export class FakeApiServer implements AsyncDisposable {
  readonly received: Received[] = [];
  /** Connections that were opened. */
  connections = 0;
  readonly clock = new FakeClock();
  answers: Answer[] = [];
  readonly #clients: KubeClient[] = [];
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const received: Received = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      this.received.push(received);
      const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
      answer?.(response, received);
    });
  });

  static async start(...answers: Answer[]): Promise<FakeApiServer> {
    const fake = new FakeApiServer();
    fake.answers = answers;
    fake.#server.on('connection', () => (fake.connections += 1));
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  client(options: Partial<KubeClientOptions> = {}): KubeClient {
    const client = new KubeClient(
      { connection: { server: this.url }, userAgent: 'test', ...options },
      { clock: this.clock, random: () => 0 },
    );
    this.#clients.push(client);
    return client;
  }

  /** Ends every connection that waits for a call, as a server that restarts does. */
  dropIdle(): void {
    this.#server.closeIdleConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) {
      client.close();
    }
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function json(body: unknown, code = 200, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(code, { 'Content-Type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
}

/** A meta/v1 Status as the API server sends it. */
export function failure(
  code: number,
  reason: string,
  message: string,
  headers: Record<string, string> = {},
): Answer {
  return json({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message }, code, headers);
}

/** Takes the request and lets the connection die without an answer. */
export const hangUp: Answer = (response) => response.destroy();

/** Takes the request and never answers. */
export const silence: Answer = () => {};

/** Lets I/O go on until the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) {
      throw new Error(`never came to be: ${condition.toString()}`);
    }
    await settle();
  }
}

/** What the promise rejects with. */
export function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('did not fail');
    },
    (reason: unknown) => reason,
  );
}
