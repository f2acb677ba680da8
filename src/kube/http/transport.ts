import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { Connection } from '../connection.ts';
import { sameTls, type TlsMaterial } from '../tls-files.ts';
import { type Agents, closeIdle, createAgents, type Pool, retire, tcpKeepAlive } from './agents.ts';

export interface Exchange {
  readonly method: string;
  /** Path and query, without the server's own prefix. */
  readonly path: string;
  readonly headers: http.OutgoingHttpHeaders;
  readonly body?: string | undefined;
  readonly pool: Pool;
}

/** An exchange on its way. */
export interface Pending {
  /** Resolves with the head of the answer. The body is still to be read, or the exchange to be cancelled. */
  readonly response: Promise<http.IncomingMessage>;
  /** Drops the exchange and its connection. Does nothing once the answer was read to its end. */
  cancel(error: Error): void;
}

/** The connection died on an exchange, or never came to be. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  /** The server did not get to see the request, so that sending it again cannot do anything twice. */
  readonly unsent: boolean;
  /**
   * The connection was taken from the pool and died before the answer began: as good as always the server had closed
   * it while idle, and the request crossed with that.
   */
  readonly stale: boolean;
  /** Another attempt may fare better; not so for a certificate that does not verify. */
  readonly transient: boolean;

  constructor(cause: NodeJS.ErrnoException, found: { unsent: boolean; stale: boolean }) {
    // Node says 'aborted' when the server's end goes away in the middle of an answer.
    const message = cause.message === 'aborted' ? 'the connection was lost' : cause.message;
    super(message || cause.code || 'connection failed', { cause });
    this.unsent = found.unsent;
    this.stale = found.stale;
    this.transient = transientCodes.has(cause.code ?? '');
  }
}

const transientCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
]);

/**
 * Pools of keep-alive connections for calls, for watches, and for calls in the name of others, over TLS or not.
 *
 * The size of the first makes no difference to throughput from 4 connections on where the server is the limit; each one
 * costs a millisecond of processor time here, and more at the server, until there is a TLS session to resume.
 */
export class Transport {
  readonly #connection: Connection;
  readonly #maxSockets: number;
  readonly #base: http.RequestOptions;
  readonly #prefix: string;
  #tls: TlsMaterial;
  #agents: Agents;
  readonly #request: typeof http.request;
  /** request.reusedSocket would not do: it is false for a connection that passed from one waiting call to the next. */
  readonly #established = new WeakSet<Socket>();
  readonly #connectEvent: 'connect' | 'secureConnect';

  constructor(connection: Connection, options: { maxSockets: number }) {
    const { server } = connection;
    const secure = server.protocol === 'https:';
    if (!secure && server.protocol !== 'http:') {
      throw new Error(`API server ${server.origin}: the scheme must be http or https`);
    }
    this.#connection = connection;
    this.#maxSockets = options.maxSockets;
    this.#tls = connection;
    this.#agents = createAgents(connection, this.#tls, options.maxSockets);
    this.#request = secure ? https.request : http.request;
    this.#connectEvent = secure ? 'secureConnect' : 'connect';
    this.#prefix = server.pathname.replace(/\/$/, '');
    this.#base = {
      host: server.hostname.replace(/^\[|\]$/g, ''),
      port: server.port || (secure ? 443 : 80),
      headers: {},
    };
  }

  /** What connections are made with from now on. Those that are idle go, and the others after their exchange. */
  use(tls: TlsMaterial): void {
    if (sameTls(tls, this.#tls)) return;
    const before = this.#agents;
    this.#agents = createAgents(this.#connection, tls, this.#maxSockets);
    this.#tls = tls;
    retire(before);
  }

  /** What connections are made with now. */
  get tls(): TlsMaterial {
    return this.#tls;
  }

  send(exchange: Exchange): Pending {
    const request = this.#request({
      ...this.#base,
      method: exchange.method,
      path: this.#prefix + exchange.path,
      headers: exchange.headers,
      agent: this.#agents[exchange.pool],
    });
    let socket: Socket | undefined;
    let stale = false;
    request.once('socket', (assigned) => {
      socket = assigned;
      stale = this.#established.has(assigned);
      if (!stale) {
        assigned.once(this.#connectEvent, () => {
          this.#established.add(assigned);
          assigned.setKeepAlive(true, tcpKeepAlive.idleMs, tcpKeepAlive.intervalMs, tcpKeepAlive.probes);
        });
      }
    });
    let fail: (error: Error) => void = () => {};
    const response = new Promise<http.IncomingMessage>((resolve, reject) => {
      fail = reject;
      request.once('response', resolve);
      // Not `once`: a request that was destroyed may report more than one error, and an unheard one ends the process.
      request.on('error', (error) => {
        const unsent = socket === undefined || !this.#established.has(socket);
        reject(new ConnectionError(error, { unsent, stale }));
      });
    });
    request.end(exchange.body);
    return {
      response,
      cancel: (error) => {
        fail(error);
        request.destroy();
      },
    };
  }

  /**
   * Closes the connections that wait in the pools. For when one of them turned out to lead nowhere: the others were made
   * on the same route, and each would hold up a call until its time is over.
   */
  discardIdle(): void {
    closeIdle(this.#agents);
  }

  /** Closes idle connections at once and the busy ones with their exchange. */
  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }
}

/** The body as text. Rejects when the connection ends before the body does. */
export function readBody(response: http.IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => {
      const [first] = chunks;
      resolve(
        chunks.length === 1 && first !== undefined ? first.toString() : Buffer.concat(chunks).toString(),
      );
    });
    response.on('error', (error) => reject(new ConnectionError(error, { unsent: false, stale: false })));
  });
}
