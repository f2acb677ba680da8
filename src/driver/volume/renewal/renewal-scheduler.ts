import type { Clock, Timer } from '../../../kube/index.ts';
import { MinHeap } from './min-heap.ts';

export interface RenewalSchedulerOptions {
  /** At most this many renewals at once. */
  readonly concurrency: number;
}

export interface RenewalSchedulerDependencies {
  readonly clock: Clock;
  /** Renews one volume and calls {@link RenewalScheduler.schedule} for its next time. Must not throw. */
  readonly renew: (volumeId: string) => Promise<void>;
}

interface Due {
  readonly volumeId: string;
  readonly at: number;
}

/** A suspended or stepped clock is noticed this soon: timers count elapsed time, certificates the wall clock. */
const longestSleep = 30_000;

/** Renews every volume at its time, earliest first. One timer, however many volumes. */
export class RenewalScheduler {
  readonly #options: RenewalSchedulerOptions;
  readonly #deps: RenewalSchedulerDependencies;
  readonly #due = new MinHeap<Due>((a, b) => a.at < b.at);
  /** The time that holds for each volume; an entry of the heap with another one is outdated. */
  readonly #times = new Map<string, number>();
  readonly #running = new Set<Promise<void>>();
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: RenewalSchedulerOptions, dependencies: RenewalSchedulerDependencies) {
    this.#options = options;
    this.#deps = dependencies;
  }

  /** @param at milliseconds since the epoch; replaces the volume's earlier time */
  schedule(volumeId: string, at: number): void {
    if (this.#stopped) return;
    this.#times.set(volumeId, at);
    this.#due.push({ volumeId, at });
    this.#compact();
    this.#arm();
  }

  /** The same, unless the volume is renewed before that anyhow. */
  scheduleBy(volumeId: string, at: number): void {
    if (at < (this.#times.get(volumeId) ?? Infinity)) this.schedule(volumeId, at);
  }

  forget(volumeId: string): void {
    this.#times.delete(volumeId);
    this.#dropOutdated();
  }

  get size(): number {
    return this.#times.size;
  }

  /** Starts no further renewal and waits for those under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await Promise.all(this.#running);
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dropOutdated();
    const next = this.#due.peek();
    if (this.#stopped || next === undefined || this.#running.size >= this.#options.concurrency) return;
    const wait = Math.min(Math.max(next.at - this.#deps.clock.now(), 0), longestSleep);
    this.#timer = this.#deps.clock.setTimer(() => this.#startDue(), wait);
  }

  #startDue(): void {
    while (this.#running.size < this.#options.concurrency) {
      this.#dropOutdated();
      const next = this.#due.peek();
      if (next === undefined || next.at > this.#deps.clock.now()) break;
      this.#due.pop();
      this.#times.delete(next.volumeId);
      const renewal = this.#deps.renew(next.volumeId).finally(() => {
        this.#running.delete(renewal);
        this.#arm();
      });
      this.#running.add(renewal);
    }
    this.#arm();
  }

  /** Outdated entries deep in the heap would otherwise stay until their time, a day's churn of pods. */
  #compact(): void {
    if (this.#due.size <= 2 * this.#times.size + 64) return;
    while (this.#due.pop() !== undefined);
    for (const [volumeId, at] of this.#times) this.#due.push({ volumeId, at });
  }

  #dropOutdated(): void {
    for (let next = this.#due.peek(); next !== undefined; next = this.#due.peek()) {
      if (this.#times.get(next.volumeId) === next.at) return;
      this.#due.pop();
    }
  }
}
