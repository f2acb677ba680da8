import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import { KubeError, isKubeError, statusError, type Status } from './errors.ts';
import { Limit } from './http/limit.ts';
import { type Repeatable, retryDelayMs } from './http/retry.ts';
import { ConnectionError, type Pending, readBody, Transport } from './http/transport.ts';
import { readWatch, type WatchEvent } from './http/watch-stream.ts';
import type { KubeObject, ResourceType } from './object.ts';
import { Resource } from './resource.ts';
import type { TlsMaterial } from './tls-files.ts';

export interface KubeClientOptions {
  readonly connection: Connection;
  readonly userAgent: string;
  /** For a call that sets no limit of its own, all its attempts together; 30 s by default. */
  readonly timeoutMs?: number;
  /** Calls at once; further ones wait their turn. Watches do not count. 16 by default, see {@link Transport}. */
  readonly maxSockets?: number;
}

export interface KubeClientDependencies {
  readonly clock: Clock;
  readonly random: () => number;
}

/** What every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** All attempts together. */
  readonly timeoutMs?: number | undefined;
  /** False for a caller with a retry loop of its own. */
  readonly retry?: boolean | undefined;
  /** Bearer token of another user, in place of all that the connection says who we are. */
  readonly token?: string | undefined;
}

export type QueryValue = string | number | boolean | undefined;

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the root, e.g. /api/v1/namespaces; each part already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** By default 'always' for GET, PUT and DELETE, and 'never' for the rest. */
  readonly repeatable?: Repeatable;
}

export interface StreamOptions {
  readonly signal: AbortSignal;
  /** A watch on which nothing comes for so long, not even a bookmark, is taken for dead. */
  readonly inactivityMs: number;
  /** Called when the server has accepted the watch. */
  readonly onOpen?: (() => void) | undefined;
}

/**
 * Calls to one API server.
 *
 * A call is sent again, within its time, after an answer that says so (429 or 503 with Retry-After), and after a broken
 * connection where that cannot do harm: see {@link Repeatable}. A create with a fixed name is sent again when the pooled
 * connection it was put on turned out to be closed; in the rare case that the server had taken the first sending, it
 * answers already-exists, and the caller has to see whose the object is.
 */
export class KubeClient {
  readonly #connection: Connection;
  readonly #transport: Transport;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;
  readonly #deps: KubeClientDependencies;
  readonly #inFlight = new Set<Pending>();
  #closed = false;

  constructor(options: KubeClientOptions, deps: KubeClientDependencies) {
    this.#connection = options.connection;
    this.#transport = new Transport(options.connection, { maxSockets: options.maxSockets ?? 16 });
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#headers = {
      Accept: 'application/json',
      'User-Agent': options.userAgent,
      ...options.connection.headers,
    };
    this.#deps = deps;
  }

  resource<T extends KubeObject>(type: ResourceType<T>): Resource<T> {
    return new Resource(this, type);
  }

  /** One call, and the answer's body: an object, or the text when it is not JSON (/livez, /metrics). */
  async request<R>(call: Call, options: CallOptions = {}): Promise<R> {
    const repeatable = call.repeatable ?? defaultRepeatable(call.method);
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const limit = new Limit(
      nameOf(call),
      options.timeoutMs ?? this.#timeoutMs,
      options.signal,
      this.#deps.clock,
    );
    try {
      for (let failures = 1; ; failures += 1) {
        try {
          return await this.#attempt<R>(call, body, options.token, limit);
        } catch (error) {
          await this.#beforeRetry(error, options.retry === false ? undefined : repeatable, failures, limit);
        }
      }
    } catch (error) {
      throw this.#failed(call, error);
    } finally {
      limit.clear();
    }
  }

  /** Opens a watch and reads it until the server ends it. No retries: going on is the reflector's part. */
  async stream<T extends KubeObject>(
    call: Call,
    onEvent: (event: WatchEvent<T>) => void,
    options: StreamOptions,
  ): Promise<void> {
    const { clock } = this.#deps;
    const limit = new Limit(nameOf(call), this.#timeoutMs, options.signal, clock);
    try {
      await this.#exchange(call, undefined, limit, async (response) => {
        limit.stopTimer();
        options.onOpen?.();
        await readWatch(response, { call: nameOf(call), inactivityMs: options.inactivityMs }, onEvent, {
          clock,
        });
      });
    } catch (error) {
      throw this.#failed(call, limit.ended ?? error);
    } finally {
      limit.clear();
    }
  }

  /** Ends what is under way and closes the connections. The client is of no use afterwards. */
  close(): void {
    this.#closed = true;
    for (const pending of this.#inFlight) {
      pending.cancel(closedError());
    }
    this.#transport.close();
  }

  #attempt<R>(
    call: Call,
    body: string | undefined,
    otherToken: string | undefined,
    limit: Limit,
  ): Promise<R> {
    const read = async (response: IncomingMessage): Promise<R> =>
      parseBody<R>(call, response, await readBody(response));
    return otherToken === undefined
      ? this.#exchange(call, body, limit, read)
      : this.#send(call, body, { other: otherToken }, limit, read);
  }

  /** Returns when the call is to be sent again, after waiting; throws the failure when it is final. */
  async #beforeRetry(
    error: unknown,
    repeatable: Repeatable | undefined,
    failures: number,
    limit: Limit,
  ): Promise<void> {
    if (limit.ended !== undefined || repeatable === undefined || this.#closed) {
      throw limit.ended ?? error;
    }
    const delayMs = retryDelayMs(error, repeatable, failures, this.#deps.random);
    // Waiting past the limit would only hide what went wrong behind a timeout.
    if (delayMs === undefined || delayMs >= limit.remainingMs) {
      throw error;
    }
    await limit.sleep(delayMs);
  }

  /** One sending; two when the server refuses credentials in whose place there are newer ones by now. */
  async #exchange<R>(
    call: Call,
    body: string | undefined,
    limit: Limit,
    read: (response: IncomingMessage) => Promise<R>,
  ): Promise<R> {
    const { token: tokenOf } = this.#connection;
    const token = tokenOf && (await limit.race(tokenOf()));
    const { tls } = this.#transport;
    try {
      return await this.#send(call, body, { own: token }, limit, read);
    } catch (error) {
      if (!isKubeError(error, 'unauthorized')) {
        throw error;
      }
      const fresh = tokenOf && (await limit.race(tokenOf({ fresh: true })));
      if (fresh === token && (await this.#useTls(limit, { fresh: true })) === tls) {
        throw error;
      }
      return await this.#send(call, body, { own: fresh }, limit, read);
    }
  }

  /** Goes again when there was no trust in the server, and there are other authorities to trust by now. */
  async #send<R>(
    call: Call,
    body: string | undefined,
    token: Token,
    limit: Limit,
    read: (response: IncomingMessage) => Promise<R>,
  ): Promise<R> {
    const tls = await this.#useTls(limit);
    try {
      return await this.#sendOnce(call, body, token, limit, read);
    } catch (error) {
      const refused = error instanceof ConnectionError && error.unsent && !error.transient;
      if (!refused || (await this.#useTls(limit, { fresh: true })) === tls) {
        throw error;
      }
      return await this.#sendOnce(call, body, token, limit, read);
    }
  }

  /** @returns what connections are made with */
  async #useTls(limit: Limit, options?: { fresh: boolean }): Promise<TlsMaterial> {
    const { tls } = this.#connection;
    if (tls !== undefined) {
      this.#transport.use(await limit.race(tls(options)));
    }
    return this.#transport.tls;
  }

  async #sendOnce<R>(
    call: Call,
    body: string | undefined,
    token: Token,
    limit: Limit,
    read: (response: IncomingMessage) => Promise<R>,
  ): Promise<R> {
    if (this.#closed) {
      throw closedError();
    }
    const pending = this.#transport.send({
      method: call.method,
      path: call.path + queryText(call.query),
      headers: this.#headersOf(call, body, token),
      body,
      pool: token.other !== undefined ? 'other-users' : call.query?.['watch'] === true ? 'watches' : 'calls',
    });
    this.#inFlight.add(pending);
    limit.guard((error) => pending.cancel(error));
    try {
      const response = await pending.response;
      const status = response.statusCode ?? 0;
      if (status < 200 || status >= 300) {
        throw await answeredError(call, response, status);
      }
      return await read(response);
    } finally {
      this.#inFlight.delete(pending);
    }
  }

  #failed(call: Call, error: unknown): KubeError {
    if (isKubeError(error, 'timeout') && error.status === undefined) {
      this.#transport.discardIdle();
    }
    return publicError(call, error);
  }

  #headersOf(call: Call, body: string | undefined, { own, other }: Token): OutgoingHttpHeaders {
    const headers: OutgoingHttpHeaders =
      other === undefined ? { ...this.#headers } : withoutImpersonation(this.#headers);
    const token = other ?? own;
    if (token !== undefined) {
      headers['Authorization'] = `Bearer ${token}`;
    }
    if (body !== undefined) {
      headers['Content-Type'] = call.contentType ?? 'application/json';
      headers['Content-Length'] = Buffer.byteLength(body);
    }
    return headers;
  }
}

/** The connection's token, or the one that the caller gave. */
interface Token {
  readonly own?: string | undefined;
  readonly other?: string;
}

/** Who the connection acts for is not who the token of another user acts for. */
function withoutImpersonation(headers: Readonly<Record<string, string>>): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !/^impersonate-/i.test(name)));
}

function nameOf(call: Call): string {
  return `${call.method} ${call.path}`;
}

function closedError(): KubeError {
  return new KubeError('aborted', 'the client was closed');
}

function defaultRepeatable(method: Call['method']): Repeatable {
  return method === 'POST' || method === 'PATCH' ? 'never' : 'always';
}

function queryText(query: Call['query']): string {
  let text = '';
  for (const name in query) {
    const value = query[name];
    if (value !== undefined) {
      text += `${text === '' ? '?' : '&'}${name}=${encodeURIComponent(value)}`;
    }
  }
  return text;
}

function parseBody<R>(call: Call, response: IncomingMessage, text: string): R {
  if (response.headers['content-type']?.startsWith('application/json') !== true) {
    return text as R;
  }
  try {
    return JSON.parse(text) as R;
  } catch {
    // Not as the cause: V8 quotes the text in its message, and it may be a Secret.
    throw new KubeError('internal', `${nameOf(call)}: the answer is not JSON`, {
      status: response.statusCode,
    });
  }
}

async function answeredError(call: Call, response: IncomingMessage, code: number): Promise<KubeError> {
  const text = await readBody(response);
  let status: Status | undefined;
  try {
    const parsed = JSON.parse(text) as Status;
    status = parsed.kind === 'Status' ? parsed : undefined;
  } catch {
    // A proxy's page, or a plain text of the server's outer filters: the code has to do.
  }
  return statusError(nameOf(call), status, code, retryAfterMs(response));
}

/** Retry-After in seconds, as the API server sends it; the date form is for others. */
function retryAfterMs(response: IncomingMessage): number | undefined {
  const seconds = Number(response.headers['retry-after'] ?? NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

/** Errors of connections and credentials get the call's name and the closed set's reason. */
function publicError(call: Call, error: unknown): KubeError {
  if (error instanceof KubeError) {
    return error;
  }
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof ConnectionError
    ? new KubeError('unavailable', `${nameOf(call)}: ${message}`, { cause: error.cause })
    : new KubeError('internal', `${nameOf(call)}: ${message}`, { cause: error });
}
