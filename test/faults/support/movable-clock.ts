import { type Clock, systemClock, type Timer } from '../../../src/kube/index.ts';

interface Sleep {
  readonly timer: Timer;
  readonly callback: () => void;
  readonly delayMs: number;
}

/** The process's clock, which can be set: also for those who ask Date, as gRPC does for its deadlines. */
export class MovableClock implements Clock {
  readonly #sleeps = new Set<Sleep>();
  #offsetMs = 0;

  constructor() {
    const OwnDate = globalThis.Date;
    const now = (): number => OwnDate.now() + this.#offsetMs;
    globalThis.Date = class extends OwnDate {
      constructor(...parts: readonly unknown[]) {
        super(...((parts.length === 0 ? [now()] : parts) as [number]));
      }
      static override now = now;
    } as DateConstructor;
  }

  now(): number {
    return Date.now();
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const fire = (): void => {
      this.#sleeps.delete(sleep);
      callback();
    };
    const sleep: Sleep = { timer: systemClock.setTimer(fire, delayMs), callback: fire, delayMs };
    this.#sleeps.add(sleep);
    return {
      cancel: () => {
        this.#sleeps.delete(sleep);
        sleep.timer.cancel();
      },
    };
  }

  /** @param offsetMs against the real time */
  set(offsetMs: number): void {
    this.#offsetMs = offsetMs;
  }

  /** Ends every sleep of at most so long now. */
  wake(longestMs: number): void {
    for (const { callback, delayMs, timer } of [...this.#sleeps]) {
      if (delayMs > longestMs) continue;
      timer.cancel();
      callback();
    }
  }
}
