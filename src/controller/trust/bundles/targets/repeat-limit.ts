import type { Clock } from '../../../../kube/index.ts';

/** Keeps two writers that disagree about an object from writing without end. */
export class RepeatLimit {
  readonly #options: { readonly times: number; readonly windowMs: number };
  readonly #clock: Pick<Clock, 'now'>;
  /** Windows in the order in which they began. */
  readonly #windows = new Map<string, { readonly beganAt: number; count: number }>();

  constructor(options: { readonly times: number; readonly windowMs: number }, clock: Pick<Clock, 'now'>) {
    this.#options = options;
    this.#clock = clock;
  }

  /** @returns 0 when it may be done once more, else milliseconds until it may */
  take(key: string): number {
    const now = this.#clock.now();
    this.#dropOld(now);
    const window = this.#windows.get(key) ?? { beganAt: now, count: 0 };
    this.#windows.set(key, window);
    if (window.count >= this.#options.times) return window.beganAt + this.#options.windowMs - now;
    window.count += 1;
    return 0;
  }

  #dropOld(now: number): void {
    for (const [key, { beganAt }] of this.#windows) {
      if (Math.abs(now - beganAt) < this.#options.windowMs) return;
      this.#windows.delete(key);
    }
  }
}
