import { backoffMs, type BackoffOptions } from './backoff.ts';
import { aborted, type Clock, type Timer } from './clock.ts';

export interface WorkQueueOptions {
  /** Keys worked on at once. */
  readonly workers: number;
  /** Wait after the first failure of a key, doubled with each further one; 5 s by default. */
  readonly baseDelayMs?: number | undefined;
  /** 5 min by default. */
  readonly maxDelayMs?: number | undefined;
}

export interface Requeue {
  readonly requeueAfterMs: number;
}

export interface WorkQueueDependencies {
  readonly clock: Clock;
  readonly random: () => number;
  /** Brings the world of one key to what it should be. The signal aborts when the queue stops. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<void | Requeue>;
  readonly onError?: ((key: string, error: unknown, retryInMs: number) => void) | undefined;
}

/**
 * Keys to be worked on, first come, first served.
 *
 * A key is never worked on twice at once. Added while it waits it is worked on once, added while it is worked on once
 * more afterwards. A failed one comes back by itself, later each time, until it succeeds or is forgotten.
 */
export class WorkQueue {
  readonly #workers: number;
  readonly #backoff: BackoffOptions;
  readonly #deps: WorkQueueDependencies;
  readonly #waiting = new Fifo();
  readonly #queued = new Set<string>();
  readonly #working = new Set<string>();
  readonly #dirty = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #retries = new Map<string, Timer>();
  readonly #delayed = new Map<string, { readonly at: number; readonly timer: Timer }>();
  #signal: AbortSignal | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(options: WorkQueueOptions, deps: WorkQueueDependencies) {
    this.#workers = options.workers;
    this.#backoff = { baseMs: options.baseDelayMs ?? 5_000, maxMs: options.maxDelayMs ?? 300_000 };
    this.#deps = deps;
  }

  /** Does nothing once the queue has stopped; neither does addAfter. */
  add(key: string): void {
    if (this.#signal?.aborted === true) {
      return;
    }
    if (this.#working.has(key)) {
      this.#dirty.add(key);
    } else if (!this.#queued.has(key)) {
      this.#queued.add(key);
      this.#waiting.push(key);
      this.#startNext();
    }
  }

  /** Adds later. Of several such calls for a key the earliest time counts. */
  addAfter(key: string, delayMs: number): void {
    const { clock } = this.#deps;
    const at = clock.now() + delayMs;
    const present = this.#delayed.get(key);
    if (this.#signal?.aborted === true || (present !== undefined && present.at <= at)) {
      return;
    }
    present?.timer.cancel();
    const timer = clock.setTimer(() => {
      this.#delayed.delete(key);
      this.add(key);
    }, delayMs);
    this.#delayed.set(key, { at, timer });
  }

  /** Drops what is planned for the key, and how often it failed: for an object that is gone. */
  forget(key: string): void {
    this.#failures.delete(key);
    this.#cancelRetry(key);
    this.#delayed.get(key)?.timer.cancel();
    this.#delayed.delete(key);
  }

  /** Keys that wait for a worker now. */
  get length(): number {
    return this.#queued.size;
  }

  /** Keys that are worked on now. */
  get working(): number {
    return this.#working.size;
  }

  /** Works until the signal aborts; resolves when what was under way has ended. What still waits is dropped. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#signal !== undefined) {
      throw new Error('work queue: already running');
    }
    this.#signal = signal;
    this.#startNext();
    await aborted(signal);
    if (this.#working.size > 0) {
      await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    }
    this.#clear();
  }

  #startNext(): void {
    const signal = this.#signal;
    while (signal?.aborted === false && this.#working.size < this.#workers) {
      const key = this.#waiting.shift();
      if (key === undefined) {
        return;
      }
      this.#queued.delete(key);
      this.#working.add(key);
      void this.#work(key, signal);
    }
  }

  async #work(key: string, signal: AbortSignal): Promise<void> {
    this.#cancelRetry(key);
    try {
      const result = await this.#deps.reconcile(key, signal);
      this.#failures.delete(key);
      if (result !== undefined) {
        this.addAfter(key, result.requeueAfterMs);
      }
    } catch (error) {
      if (!signal.aborted) {
        this.#retryLater(key, error);
      }
    }
    this.#working.delete(key);
    if (this.#dirty.delete(key)) {
      this.add(key);
    }
    this.#startNext();
    if (this.#working.size === 0) {
      this.#whenIdle?.();
    }
  }

  #retryLater(key: string, error: unknown): void {
    const { clock, random, onError } = this.#deps;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const delayMs = backoffMs(failures, this.#backoff, random);
    const retry = clock.setTimer(() => {
      this.#retries.delete(key);
      this.add(key);
    }, delayMs);
    this.#retries.set(key, retry);
    onError?.(key, error, delayMs);
  }

  #cancelRetry(key: string): void {
    this.#retries.get(key)?.cancel();
    this.#retries.delete(key);
  }

  #clear(): void {
    for (const timer of this.#retries.values()) {
      timer.cancel();
    }
    for (const { timer } of this.#delayed.values()) {
      timer.cancel();
    }
    this.#retries.clear();
    this.#delayed.clear();
    this.#failures.clear();
    this.#dirty.clear();
    this.#queued.clear();
    this.#waiting.clear();
  }
}

/** A queue whose ends both cost the same however long it is. */
class Fifo {
  #items: string[] = [];
  #head = 0;

  push(item: string): void {
    this.#items.push(item);
  }

  shift(): string | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) {
      return undefined;
    }
    this.#head += 1;
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
