import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Issuer } from '../../../../src/api/issuer.ts';
import type { Lease } from '../../../../src/kube/index.ts';

/** How the API server treats a call; undefined to have it answered. */
export type Fate = 'hang' | 'fail' | undefined;

/** An API server with a Lease and issuers, and nothing of all the rest. */
export class FakeCluster implements AsyncDisposable {
  /** Asked for every call; a call that hangs is never answered. */
  fate: (path: string) => Fate = () => undefined;
  lease: Lease | undefined;
  renewals = 0;
  /** Paths of the calls that hang. */
  readonly hanging = new Set<{ readonly path: string }>();
  /** What came in by each connection. */
  readonly paths = new Map<Socket, Set<string>>();
  readonly #issuers: readonly Issuer[];
  #version = 100;
  readonly #server = createServer((request, response) => void this.#receive(request, response));

  constructor(issuers: readonly Issuer[] = []) {
    this.#issuers = issuers;
  }

  async start(): Promise<URL> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://server');
    const seen = this.paths.get(request.socket) ?? new Set();
    this.paths.set(request.socket, seen.add(pathname));
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const fate = this.fate(pathname);
    if (fate === 'hang') {
      const call = { path: pathname };
      this.hanging.add(call);
      response.once('close', () => this.hanging.delete(call));
    } else if (fate === 'fail') {
      answer(response, { kind: 'Status', code: 500, reason: 'InternalError', message: 'out of order' }, 500);
    } else if (searchParams.get('watch') === 'true') {
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    } else if (pathname.includes('/leases')) {
      this.#serveLease(response, Buffer.concat(chunks).toString());
    } else {
      const items = pathname.endsWith('/issuers') ? this.#issuers : [];
      answer(response, { metadata: { resourceVersion: String(++this.#version) }, items, resources: [] });
    }
  }

  #serveLease(response: ServerResponse, body: string): void {
    if (body !== '') {
      const lease = JSON.parse(body) as Lease;
      this.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(++this.#version) } };
      this.renewals += 1;
    }
    if (this.lease) answer(response, this.lease);
    else answer(response, { kind: 'Status', code: 404, reason: 'NotFound', details: { name: 'x' } }, 404);
  }
}

function answer(response: ServerResponse, body: unknown, code = 200): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
