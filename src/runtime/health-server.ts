import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import { ConnectionLimit } from './connection-limit.ts';
import type { ListenAddress } from './listen-address.ts';

export interface HealthServerOptions {
  readonly address: ListenAddress;
}

export interface HealthServerDependencies {
  /** Why the process should be restarted; undefined when there is no reason to. */
  readonly live: () => string | undefined;
  /** Why it cannot do its work now; undefined when it can. */
  readonly ready: () => string | undefined;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** Told why an answer failed; who asked gets a 500 without the reason. */
  readonly onError?: (error: unknown) => void;
}

/** Whoever reaches the pod can connect: a silent or idle connection is let go of within seconds. */
const limits = {
  maxHeaderSize: 8192,
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 2_000,
  connectionsCheckingInterval: 1_000,
} satisfies ServerOptions;
/** For an answer of which nobody reads on. */
const inactivityMs = 10_000;

/** Plain HTTP for the kubelet's probes and for Prometheus: /livez, /readyz, /metrics. Nothing secret is served. */
export class HealthServer {
  readonly #options: HealthServerOptions;
  readonly #deps: HealthServerDependencies;
  readonly #server: Server;
  readonly #connections = new ConnectionLimit({ atOnce: 64, perAddress: 16 });

  constructor(options: HealthServerOptions, deps: HealthServerDependencies) {
    this.#options = options;
    this.#deps = deps;
    this.#server = createServer(limits, (request, response) => {
      this.#connections.serving(request.socket, true);
      response.once('close', () => this.#connections.serving(request.socket, false));
      this.#serve(request, response).catch((error: unknown) => {
        this.#deps.onError?.(error);
        answer(response, 500, 'failed, see the log');
      });
    });
    this.#server.setTimeout(inactivityMs);
    this.#server.on('connection', (socket) => this.#connections.admit(socket));
  }

  /** Rejects when the address cannot be had. Answers the one that was, with the port if it was 0. */
  listen(): Promise<ListenAddress> {
    const { host, port } = this.#options.address;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.removeListener('error', reject);
        const bound = this.#server.address();
        if (bound === null || typeof bound === 'string') {
          reject(new Error('the health server has no port'));
          return;
        }
        resolve({ host: bound.address, port: bound.port });
      });
    });
  }

  /** Drops idle and busy connections alike: a probe or scrape is asked again. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      answer(response, 405, 'only GET and HEAD');
      return;
    }
    switch (request.url?.split('?', 1)[0]) {
      case '/livez':
        answerCheck(response, this.#deps.live());
        return;
      case '/readyz':
        answerCheck(response, this.#deps.ready());
        return;
      case '/metrics':
        answer(response, 200, await this.#deps.metrics.text(), this.#deps.metrics.contentType);
        return;
      default:
        answer(response, 404, 'there are /livez, /readyz and /metrics');
    }
  }
}

function answerCheck(response: ServerResponse, trouble: string | undefined): void {
  answer(response, trouble === undefined ? 200 : 503, trouble ?? 'ok');
}

function answer(
  response: ServerResponse,
  status: number,
  text: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  const body = text.endsWith('\n') ? text : `${text}\n`;
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(body);
}
