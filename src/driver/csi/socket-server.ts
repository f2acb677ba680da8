import type * as nodeFs from 'node:fs';
import { basename, dirname } from 'node:path';
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Clock, Timer } from '../../kube/index.ts';
import type { Logger } from '../../runtime/log.ts';

export interface SocketServerOptions {
  /** Path of the unix socket. */
  readonly path: string;
}

export interface SocketServerDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  readonly fs: Pick<typeof nodeFs, 'chmodSync' | 'existsSync' | 'rmSync' | 'mkdirSync' | 'watch'>;
  /** Adds the services to a server that is about to start. */
  readonly addServices: (
    add: (definition: ServiceDefinition, handlers: UntypedServiceImplementation) => void,
  ) => void;
}

/** Notices a directory that was removed and made again, with which a watch is lost. */
const checkMs = 30_000;

/** A gRPC server on a unix socket that comes back when somebody removes the socket, as a restarted kubelet may. */
export class SocketServer {
  readonly #path: string;
  readonly #deps: SocketServerDependencies;
  #server: Server | undefined;
  #watcher: nodeFs.FSWatcher | undefined;
  #timer: Timer | undefined;
  #renewing: Promise<void> | undefined;
  #stopped = false;

  constructor(options: SocketServerOptions, dependencies: SocketServerDependencies) {
    this.#path = options.path;
    this.#deps = dependencies;
  }

  async start(): Promise<void> {
    this.#deps.fs.mkdirSync(dirname(this.#path), { recursive: true, mode: 0o750 });
    await this.#listen();
    this.#watch();
    this.#arm();
  }

  /** Calls under way are answered; after the time given they are cut off. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    this.#watcher?.close();
    this.#timer?.cancel();
    await this.#renewing;
    const server = this.#server;
    if (server !== undefined) await this.#shutDown(server, graceMs);
    this.#deps.fs.rmSync(this.#path, { force: true });
  }

  async #listen(): Promise<void> {
    const server = new Server({ 'grpc.enable_channelz': 0 });
    this.#deps.addServices((definition, handlers) => server.addService(definition, handlers));
    // A socket that a killed driver left would fail the bind.
    this.#deps.fs.rmSync(this.#path, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${this.#path}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    this.#deps.fs.chmodSync(this.#path, 0o600);
    this.#server = server;
  }

  #watch(): void {
    this.#watcher?.close();
    try {
      this.#watcher = this.#deps.fs.watch(dirname(this.#path), (_event, name) => {
        if (name === basename(this.#path)) this.#renewIfGone();
      });
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch (error) {
      this.#deps.log.debug({ error, path: this.#path }, 'cannot watch the folder of the socket');
    }
  }

  #arm(): void {
    this.#timer = this.#deps.clock.setTimer(() => {
      this.#renewIfGone();
      if (!this.#stopped) this.#arm();
    }, checkMs);
  }

  #renewIfGone(): void {
    if (this.#stopped || this.#renewing !== undefined || this.#deps.fs.existsSync(this.#path)) return;
    this.#deps.log.info({ path: this.#path }, 'the socket was removed; serving it anew');
    this.#renewing = this.#renew().finally(() => {
      this.#renewing = undefined;
    });
  }

  async #renew(): Promise<void> {
    // Calls on the old socket are still answered. Closed first: libuv unlinks the path that a closed server was bound to.
    this.#server?.tryShutdown(() => {});
    try {
      this.#deps.fs.mkdirSync(dirname(this.#path), { recursive: true, mode: 0o750 });
      await this.#listen();
      this.#watch();
    } catch (error) {
      this.#deps.log.error(
        { error, path: this.#path },
        'cannot serve the socket; the next attempt is in half a minute',
      );
    }
  }

  #shutDown(server: Server, graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#deps.clock.setTimer(() => {
        server.forceShutdown();
        // Not left to tryShutdown: without channelz, forceShutdown finds no connection to cut off (@grpc/grpc-js 1.14).
        resolve();
      }, graceMs);
      server.tryShutdown(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}
