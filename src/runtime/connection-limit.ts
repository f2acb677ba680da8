import type { Socket } from 'node:net';

export interface ConnectionLimitOptions {
  readonly atOnce: number;
  /** From one address. */
  readonly perAddress: number;
}

/**
 * Closes an old connection for each new one beyond the limit: a server that turns the new ones away instead can be kept busy
 * by whoever opens some and does nothing. Who has most connections loses one, so that nobody can displace the others.
 */
export class ConnectionLimit {
  readonly #options: ConnectionLimitOptions;
  /** Insertion order is age. */
  readonly #byAddress = new Map<string, Set<Socket>>();
  readonly #serving = new WeakSet<Socket>();
  #open = 0;

  constructor(options: ConnectionLimitOptions) {
    this.#options = options;
  }

  /** Takes a new connection. */
  admit(socket: Socket): void {
    const { atOnce, perAddress } = this.#options;
    const address = socket.remoteAddress ?? '';
    const present = this.#byAddress.get(address);
    if (present !== undefined && present.size >= perAddress) this.#closeOne(address, present);
    else if (this.#open >= atOnce) this.#closeOne(...this.#most());
    const peers = this.#byAddress.get(address) ?? new Set();
    this.#byAddress.set(address, peers.add(socket));
    this.#open += 1;
    socket.once('close', () => this.#remove(address, socket));
  }

  /** A request came by it that is yet to be answered. */
  serving(socket: Socket, isServing: boolean): void {
    if (isServing) this.#serving.add(socket);
    else this.#serving.delete(socket);
  }

  #most(): [string, Set<Socket>] {
    return [...this.#byAddress].reduce((most, one) => (one[1].size > most[1].size ? one : most));
  }

  #closeOne(address: string, peers: Set<Socket>): void {
    const [oldest] = peers;
    const socket = peers.values().find((one) => !this.#serving.has(one)) ?? oldest;
    if (socket === undefined) return;
    this.#remove(address, socket);
    socket.destroy();
  }

  #remove(address: string, socket: Socket): void {
    const peers = this.#byAddress.get(address);
    if (peers?.delete(socket) !== true) return;
    this.#open -= 1;
    if (peers.size === 0) this.#byAddress.delete(address);
  }
}
