import type { Clock } from '../../kube/index.ts';

export interface TokenBucketOptions {
  readonly burst: number;
  /** Milliseconds for one token. */
  readonly refillMs: number;
}

/** Allows a burst, and then one in each interval. */
export class TokenBucket {
  readonly #options: TokenBucketOptions;
  readonly #clock: Clock;
  #tokens: number;
  #filledAt: number;

  constructor(options: TokenBucketOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#tokens = options.burst;
    this.#filledAt = clock.now();
  }

  /** False when there is none to take; the clock set back refills nothing. */
  take(): boolean {
    const { burst, refillMs } = this.#options;
    const now = this.#clock.now();
    const refilled = Math.max(0, now - this.#filledAt) / refillMs;
    this.#tokens = Math.min(burst, this.#tokens + refilled);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
