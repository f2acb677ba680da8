import { createServer, type Server, type Socket } from 'node:net';
import type { Clock, Timer } from '../../kube/index.ts';
import type { Logger } from '../../runtime/log.ts';
import { type BindDependencies, type BindOptions, bindSocket } from './bind-socket.ts';
import type { ConnectionCount } from './connection-count.ts';
import type { WorkloadApiLimits } from './limits.ts';

export interface VolumeSocketOptions extends BindOptions {
  readonly limits: WorkloadApiLimits;
}

export interface VolumeSocketDependencies extends BindDependencies {
  readonly clock: Clock;
  /** With the volume on its lines. */
  readonly log: Logger;
  readonly count: ConnectionCount;
  readonly onConnection: (socket: Socket) => void;
}

/** The socket in one volume: lets connections in, ends them, and goes away for a while when it is flooded. */
export class VolumeSocket {
  readonly #options: VolumeSocketOptions;
  readonly #deps: VolumeSocketDependencies;
  /** With the bytes that were counted of each. */
  readonly #connections = new Map<Socket, number>();
  /** Of the present window, but for what lies in `#connections`. */
  #traffic = 0;
  #opening: Promise<void> | undefined;
  #server: Server | undefined;
  #pause: Timer | undefined;
  #closed = false;

  constructor(options: VolumeSocketOptions, dependencies: VolumeSocketDependencies) {
    this.#options = options;
    this.#deps = dependencies;
  }

  /** It is served, or away after a flood and comes back by itself. */
  get isOpen(): boolean {
    return this.#server !== undefined || this.#pause !== undefined;
  }

  /** Serves it, unless it {@link isOpen}. */
  async open(): Promise<void> {
    if (this.#closed || this.isOpen) return;
    this.#opening ??= this.#listen().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  /** Ends all connections at once: each, as the socket itself, keeps the volume's mount busy. The file stays. */
  close(): void {
    this.#closed = true;
    this.#pause?.cancel();
    this.#hangUp();
  }

  /** Counts what costs more than the bytes that were sent for it. */
  charge(bytes: number): void {
    this.#traffic += bytes;
    if (this.#traffic > this.#options.limits.trafficBytes) this.#goAway();
  }

  /** To be called once in each window: looks what was sent in it. */
  endWindow(): void {
    let read = 0;
    for (const [socket, counted] of this.#connections) {
      read += socket.bytesRead - counted;
      this.#connections.set(socket, socket.bytesRead);
    }
    this.charge(read);
    this.#traffic = 0;
  }

  async #listen(): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    server.on('error', (error) =>
      this.#deps.log.warn({ error }, 'trouble on the socket of the Workload API'),
    );
    try {
      await bindSocket(server, this.#options, this.#deps);
      this.#server = server;
    } catch (error) {
      server.close();
      throw error;
    }
    if (this.#closed) this.#hangUp();
  }

  #accept(socket: Socket): void {
    const { connectionBytes } = this.#options.limits;
    // A peer that goes away in the middle of something; 'close' follows.
    socket.on('error', () => {});
    this.charge(connectionBytes);
    if (this.#server === undefined || !this.#deps.count.enter(this.#connections.size)) {
      socket.destroy();
      return;
    }
    this.#connections.set(socket, 0);
    socket.once('close', () => this.#forget(socket));
    this.#deps.onConnection(socket);
  }

  #forget(socket: Socket): void {
    this.#traffic += socket.bytesRead - (this.#connections.get(socket) ?? 0);
    this.#connections.delete(socket);
    this.#deps.count.leave();
  }

  /** Nobody can connect any more: what a container sends costs the driver nothing until the socket is back. */
  #goAway(): void {
    if (this.#server === undefined) return;
    const { pauseMs } = this.#options.limits;
    this.#deps.log.warn(
      { retryInMs: pauseMs },
      'a container floods the Workload API of its volume; it is closed for a while',
    );
    this.#hangUp();
    this.#traffic = 0;
    this.#pause = this.#deps.clock.setTimer(() => {
      this.#pause = undefined;
      this.open().catch((error: unknown) =>
        this.#deps.log.error({ error }, 'cannot serve the Workload API again'),
      );
    }, pauseMs);
  }

  #hangUp(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const socket of this.#connections.keys()) socket.destroy();
  }
}
