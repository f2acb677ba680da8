import type { Clock, Timer } from './clock.ts';
import type { Lease } from './lease.ts';

interface Beginning {
  readonly wallMs: number;
  readonly timer: Timer;
}

/**
 * The time for which a lease is surely ours. It counts from before the write that got or renewed it was sent, both on
 * timers and on the wall clock, and the shorter one wins: timers stand still while a machine is suspended, and the wall
 * clock may be set back.
 */
export class Term {
  /** As last written by us. */
  lease: Lease | undefined;
  /** Called once when the term is over. */
  onOver: (() => void) | undefined;
  readonly #clock: Clock;
  readonly #lengthMs: number;
  #beginning: Beginning | undefined;
  #over = false;

  constructor(clock: Clock, lengthMs: number) {
    this.#clock = clock;
    this.#lengthMs = lengthMs;
  }

  /**
   * Writes the lease. When that succeeds the term is as long again, counted from now; when not, it stays as it was.
   */
  async extend(write: () => Promise<Lease>): Promise<void> {
    const beginning = {
      wallMs: this.#clock.now(),
      timer: this.#clock.setTimer(() => this.lose(), this.#lengthMs),
    };
    try {
      this.lease = await write();
    } catch (error) {
      beginning.timer.cancel();
      throw error;
    }
    if (this.over) {
      beginning.timer.cancel();
    } else {
      this.#beginning?.timer.cancel();
      this.#beginning = beginning;
    }
  }

  /** Its time is up, or another has the lease. Never false again. */
  get over(): boolean {
    if (this.#beginning !== undefined && this.#clock.now() - this.#beginning.wallMs >= this.#lengthMs) {
      this.lose();
    }
    return this.#over;
  }

  lose(): void {
    if (!this.#over) {
      this.#over = true;
      this.stop();
      this.onOver?.();
    }
  }

  /** Lets go of its timer. */
  stop(): void {
    this.#beginning?.timer.cancel();
  }
}

/** Another's lease: it has run out when it was seen unchanged for as long as it lasts, on our timers alone. */
export class Rival {
  readonly #clock: Clock;
  #version: string | undefined;
  #timer: Timer | undefined;
  #ranOut = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param version changes with every renewal */
  ranOut(version: string | undefined, durationMs: number): boolean {
    if (this.#timer === undefined || version !== this.#version) {
      this.stop();
      this.#version = version;
      this.#ranOut = false;
      this.#timer = this.#clock.setTimer(() => (this.#ranOut = true), durationMs);
    }
    return this.#ranOut;
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
