import type { Clock, Timer } from '../../../kube/index.ts';

export interface RenewalSchedulerOptions {
  /** At most this many renewals at once. */
  readonly concurrency: number;
}

export interface RenewalSchedulerDependencies {
  readonly clock: Clock;
  /** Renews one volume and calls {@link RenewalScheduler.schedule} for its next time. Must not throw. */
  readonly renew: (volumeId: string) => Promise<void>;
}

/** A suspended or stepped clock is noticed this soon: timers count elapsed time, certificates the wall clock. */
const longestSleep = 30_000;

/** Renews every volume at its time, earliest first. One timer, however many volumes. */
export class RenewalScheduler {
  readonly #options: RenewalSchedulerOptions;
  readonly #deps: RenewalSchedulerDependencies;
  /** Looked through for the earliest: a node has some hundred volumes. */
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
    this.#arm();
  }

  /** The same, unless the volume is renewed before that anyhow. */
  scheduleBy(volumeId: string, at: number): void {
    if (at < (this.#times.get(volumeId) ?? Infinity)) this.schedule(volumeId, at);
  }

  forget(volumeId: string): void {
    this.#times.delete(volumeId);
    this.#arm();
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
    const next = this.#earliest();
    if (this.#stopped || next === undefined || this.#running.size >= this.#options.concurrency) return;
    const wait = Math.min(Math.max(next.at - this.#deps.clock.now(), 0), longestSleep);
    this.#timer = this.#deps.clock.setTimer(() => this.#startDue(), wait);
  }

  #startDue(): void {
    while (this.#running.size < this.#options.concurrency) {
      const next = this.#earliest();
      if (next === undefined || next.at > this.#deps.clock.now()) break;
      this.#times.delete(next.volumeId);
      const renewal = this.#deps.renew(next.volumeId).finally(() => {
        this.#running.delete(renewal);
        this.#arm();
      });
      this.#running.add(renewal);
    }
    this.#arm();
  }

  #earliest(): { readonly volumeId: string; readonly at: number } | undefined {
    let earliest: { readonly volumeId: string; readonly at: number } | undefined;
    for (const [volumeId, at] of this.#times) {
      if (earliest === undefined || at < earliest.at) earliest = { volumeId, at };
    }
    return earliest;
  }
}
