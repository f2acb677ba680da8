import type { KeyObject } from 'node:crypto';
import { generateKey } from './generate-key.ts';
import type { KeySpec } from './key-spec.ts';

export interface KeyGeneratorOptions {
  /** RSA keys made at once. Below the size of libuv's thread pool (4), so that files are still read meanwhile. */
  readonly rsaConcurrency: number;
}

/** Makes keys, with RSA ones in the order asked and a few at a time. */
export class KeyGenerator {
  readonly #options: KeyGeneratorOptions;
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor(options: KeyGeneratorOptions) {
    this.#options = options;
  }

  /** @param signal gives the place in the queue up; a key that is being made is finished and dropped */
  async generate(spec: KeySpec, signal?: AbortSignal): Promise<KeyObject> {
    if (spec.algorithm !== 'RSA') return generateKey(spec);
    await this.#turn(signal);
    try {
      return await generateKey(spec);
    } finally {
      this.#busy--;
      this.#waiting.shift()?.();
    }
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#busy < this.#options.rsaConcurrency) {
      this.#busy++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const proceed = (): void => {
        signal?.removeEventListener('abort', giveUp);
        this.#busy++;
        resolve();
      };
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(proceed), 1);
        reject(signal?.reason as Error);
      };
      this.#waiting.push(proceed);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }
}
