import type { Clock } from '../../../../src/kube/index.ts';

/** What a killed process's calls end with. They have no effect. */
export class Killed extends Error {
  constructor() {
    super('killed');
  }
}

/**
 * A process as far as its effects go. Everything that it does to the world goes through {@link Lifeline.wrap}; a kill takes
 * effect before a call, or after a promise's call took effect and before its answer came.
 */
export class Lifeline {
  /** Steps so far, such as `fs.renameSync`. */
  readonly steps: string[] = [];
  #dead = false;
  #killAt: number | undefined;
  readonly #onDeath: (() => void)[] = [];

  get dead(): boolean {
    return this.#dead;
  }

  /** Ends it at its n-th further step, counted from 1. */
  killAtStep(n: number): void {
    this.steps.length = 0;
    this.#killAt = n;
  }

  kill(): void {
    if (this.#dead) return;
    this.#dead = true;
    for (const callback of this.#onDeath) callback();
  }

  onDeath(callback: () => void): void {
    this.#onDeath.push(callback);
  }

  clock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      setTimer: (callback, delayMs) =>
        clock.setTimer(() => {
          if (!this.#dead) callback();
        }, delayMs),
    };
  }

  wrap<T extends object>(name: string, target: T): T {
    return new Proxy(target, {
      get: (object, property) => {
        const value: unknown = Reflect.get(object, property, object);
        if (typeof value !== 'function') return value;
        const call = value as (...args: unknown[]) => unknown;
        const step = `${name}.${String(property)}`;
        return (...args: unknown[]): unknown => {
          // Reading changes nothing that a kill could cut in two.
          const isRead = /^(lstat|read(?!dir$)|readdir|readlink|realpath|list|watch|exists)/.test(
            String(property),
          );
          if (!isRead) this.#step(step);
          else if (this.#dead) throw new Killed();
          const result = call.apply(object, args);
          return result instanceof Promise && !isRead
            ? result.finally(() => this.#step(`${step} answered`))
            : result;
        };
      },
    });
  }

  #step(name: string): void {
    if (this.#dead) throw new Killed();
    this.steps.push(name);
    if (this.steps.length !== this.#killAt) return;
    this.kill();
    throw new Killed();
  }
}
