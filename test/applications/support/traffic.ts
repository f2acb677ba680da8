import { eventually } from '../../support/eventually.ts';
import { type Endpoint, probe } from './probe.ts';
import type { Credentials } from './rotating-volume.ts';

const clients = 2;
const pauseMs = 10;

/** Clients that connect anew without end, and remember what they met. */
export class Traffic {
  /** Of the connections that succeeded, in the order of their ends. */
  readonly serials: string[] = [];
  readonly failures: string[] = [];
  readonly #stop = new AbortController();
  readonly #clients: readonly Promise<void>[];

  constructor(endpoint: Endpoint, credentials: Credentials) {
    this.#clients = Array.from({ length: clients }, () => this.#connect(endpoint, credentials));
  }

  /** Resolves when a server with this certificate was met. */
  async meets(serial: string, withinMs: number): Promise<void> {
    try {
      await eventually(
        'a connection with the new certificate',
        () => this.serials.includes(serial) || undefined,
        withinMs,
      );
    } catch (cause) {
      const failure = this.failures.at(-1) ?? 'none';
      throw new Error(
        `no connection with certificate ${serial}; ${this.serials.length} with others, failures: ${failure}`,
        { cause },
      );
    }
  }

  /** Resolves when so many more connections have succeeded. */
  async goesOn(connections: number): Promise<void> {
    const goal = this.serials.length + connections;
    await eventually(`${connections} more connections`, () => this.serials.length >= goal || undefined);
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#clients);
  }

  async #connect(endpoint: Endpoint, credentials: Credentials): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        const serial = await probe(endpoint, credentials);
        this.serials.push(serial);
      } catch (error) {
        this.failures.push(String(error));
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
