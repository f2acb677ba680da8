import type { Clock, Timer } from '../clock.ts';
import { KubeError } from '../errors.ts';

/** What ends a call from outside: its time and its caller's signal. One timer and one listener however many attempts. */
export class Limit {
  readonly #call: string;
  readonly #signal: AbortSignal | undefined;
  readonly #clock: Clock;
  readonly #endsAt: number;
  readonly #timer: Timer;
  #ended: KubeError | undefined;
  #cancel: ((error: KubeError) => void) | undefined;

  constructor(call: string, timeoutMs: number, signal: AbortSignal | undefined, clock: Clock) {
    this.#call = call;
    this.#signal = signal;
    this.#clock = clock;
    this.#endsAt = clock.now() + timeoutMs;
    this.#timer = clock.setTimer(() => {
      this.#end(new KubeError('timeout', `${call}: no answer within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    if (signal?.aborted === true) {
      this.#onAbort();
    } else {
      signal?.addEventListener('abort', this.#onAbort, { once: true });
    }
  }

  /** Why the call has to end, once it has to. */
  get ended(): KubeError | undefined {
    return this.#ended;
  }

  /** For choosing whether a wait is worth it; the timer decides, whatever the wall clock does. */
  get remainingMs(): number {
    return this.#endsAt - this.#clock.now();
  }

  /** Sets what is to be cancelled when the limit ends, in place of what was; at once when it has ended already. */
  guard(cancel: (error: KubeError) => void): void {
    this.#cancel = cancel;
    if (this.#ended !== undefined) {
      cancel(this.#ended);
    }
  }

  /** The promise's outcome, or a rejection when the limit ends first. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.guard(reject);
      promise.then(resolve, reject);
    });
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(resolve, ms);
      this.guard((error) => {
        timer.cancel();
        reject(error);
      });
    });
  }

  /** From here on only the signal counts. */
  stopTimer(): void {
    this.#timer.cancel();
  }

  clear(): void {
    this.#cancel = undefined;
    this.#timer.cancel();
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => {
    this.#end(new KubeError('aborted', `${this.#call}: aborted`, { cause: this.#signal?.reason }));
  };

  #end(error: KubeError): void {
    this.#ended ??= error;
    this.#cancel?.(this.#ended);
  }
}
