import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Connection } from '../../../src/kube/index.ts';

/** What becomes of a call: it goes on to the server, its answer does not come back, it gets this one instead, or none at all. */
export type Fate =
  'pass' | 'break' | 'lose-answer' | { readonly status: number; readonly retryAfterSeconds: number };

export interface ApiCall {
  readonly method: string;
  readonly path: string;
  readonly isWatch: boolean;
}

/** Between one driver and the API server: overload, an outage, a watch that nothing comes through any more. */
export class ApiProxy implements AsyncDisposable {
  /** Of each call that is coming. */
  decide: (call: ApiCall) => Fate = () => 'pass';
  /** Every call that came, refused ones too. */
  readonly calls: ApiCall[] = [];
  readonly #target: Connection;
  readonly #watches = new Set<IncomingMessage>();
  readonly #server = createServer((request, response) => this.#serve(request, response));

  private constructor(target: Connection) {
    this.#target = target;
  }

  static async start(target: Connection): Promise<ApiProxy> {
    const proxy = new ApiProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** The watches that are open stay open, and nothing comes through them any more. */
  silenceWatches(): void {
    for (const answer of this.#watches) {
      answer.unpipe();
      answer.resume();
    }
  }

  /** Nothing comes through, and what is open breaks, until `decide` is set anew. */
  cut(): void {
    this.decide = () => 'break';
    this.#server.closeAllConnections();
  }

  mend(): void {
    this.decide = () => 'pass';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { headers, method = '', url = '' } = request;
    const isWatch = /[?&]watch=(true|1)/.test(url);
    const call = { method, path: url.split('?')[0] ?? '', isWatch };
    this.calls.push(call);
    const fate = this.decide(call);
    if (fate === 'break') {
      request.socket.destroy();
      return;
    }
    if (typeof fate === 'object') {
      const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: fate.status };
      const retryAfter = { 'retry-after': String(fate.retryAfterSeconds) };
      response.writeHead(fate.status, { 'content-type': 'application/json', ...retryAfter });
      response.end(JSON.stringify(body));
      return;
    }
    const { ca, server } = this.#target;
    const onward = httpsRequest(new URL(url, server), { method, headers, ca }, (answer) => {
      if (fate === 'lose-answer') {
        request.socket.destroy();
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      if (isWatch) this.#watches.add(answer);
      answer.on('close', () => this.#watches.delete(answer));
      answer.on('error', () => response.destroy());
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  }
}
