import type { Clock, Timer } from '../../src/kube/clock.ts';

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. Timers run on elapsed time, as real ones do. */
export class FakeClock implements Clock {
  #elapsedMs = 0;
  #wallAtStartMs: number;
  #order = 0;
  readonly #timers = new Set<Pending>();

  /** @param startMs wall clock at the start; the default is 2026-01-01T00:00:00Z */
  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#wallAtStartMs = startMs;
  }

  now(): number {
    return this.#wallAtStartMs + this.#elapsedMs;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timer: Pending = {
      atMs: this.#elapsedMs + Math.max(0, delayMs),
      order: this.#order++,
      callback,
    };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Lets time pass. Timers fire in order, those set on the way too; what each one starts runs before the next. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsedMs + ms;
    await settle();
    for (let next = this.#earliest(); next !== undefined && next.atMs <= until; next = this.#earliest()) {
      this.#timers.delete(next);
      this.#elapsedMs = Math.max(this.#elapsedMs, next.atMs);
      next.callback();
      await settle();
    }
    this.#elapsedMs = until;
  }

  /** Steps the wall clock, as NTP or a resume from suspend does. No timer moves. */
  setWall(ms: number): void {
    this.#wallAtStartMs = ms - this.#elapsedMs;
  }

  /** Timers that are set and have neither fired nor been cancelled. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer fires, undefined when none is set. */
  get nextInMs(): number | undefined {
    const next = this.#earliest();
    return next === undefined ? undefined : next.atMs - this.#elapsedMs;
  }

  #earliest(): Pending | undefined {
    let earliest: Pending | undefined;
    for (const timer of this.#timers) {
      if (
        earliest === undefined ||
        timer.atMs < earliest.atMs ||
        (timer.atMs === earliest.atMs && timer.order < earliest.order)
      ) {
        earliest = timer;
      }
    }
    return earliest;
  }
}

/** Lets every promise that can settle without time or I/O do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
