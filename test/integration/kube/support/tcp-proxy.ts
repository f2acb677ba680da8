import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Stands between a client and the API server, and is the network that fails. */
export class TcpProxy implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #target: URL;
  #refusing = false;
  #silent = false;
  readonly #server = createServer((client) => this.#accept(client));

  private constructor(target: URL) {
    this.#target = target;
  }

  static async start(target: URL): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): URL {
    return new URL(`${this.#target.protocol}//127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  /** Breaks every connection and lets none come up until {@link mend}. */
  cut(): void {
    this.#refusing = true;
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  /** Lets the present connections stand, and nothing through them any more: what a lost route looks like. */
  swallow(): void {
    this.#silent = true;
    for (const socket of this.#sockets) {
      socket.pause();
      socket.removeAllListeners('data');
      socket.on('data', () => {});
      socket.resume();
    }
  }

  /** New connections work again. */
  mend(): void {
    this.#refusing = false;
    this.#silent = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    if (this.#refusing || this.#silent) {
      client.destroy();
      return;
    }
    const server = connect(Number(this.#target.port), this.#target.hostname);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (chunk) => to.write(chunk));
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
