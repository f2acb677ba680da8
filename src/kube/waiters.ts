interface Waiter<T> {
  readonly accept: (object: T | undefined) => boolean;
  readonly resolve: (object: T | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Those who wait for a state of one object, found by its key. */
export class Waiters<T> {
  readonly #byKey = new Map<string, Set<Waiter<T>>>();

  /** Resolves with the first state told of that is accepted. Rejects with the signal's reason, and what accept throws. */
  wait(
    key: string,
    accept: (object: T | undefined) => boolean,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const done = (): void => {
        signal?.removeEventListener('abort', onAbort);
        waiters.delete(waiter);
        if (waiters.size === 0 && this.#byKey.get(key) === waiters) {
          this.#byKey.delete(key);
        }
      };
      const waiter: Waiter<T> = {
        accept,
        resolve: (object) => {
          done();
          resolve(object);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      const onAbort = (): void => waiter.reject(signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      const waiters = this.#byKey.get(key) ?? new Set();
      waiters.add(waiter);
      this.#byKey.set(key, waiters);
    });
  }

  tell(key: string, object: T | undefined): void {
    for (const waiter of this.#byKey.get(key) ?? []) {
      try {
        if (waiter.accept(object)) {
          waiter.resolve(object);
        }
      } catch (error) {
        waiter.reject(error);
      }
    }
  }

  /** Tells every waiter the state of its object. */
  tellAll(stateOf: (key: string) => T | undefined): void {
    for (const key of this.#byKey.keys()) {
      this.tell(key, stateOf(key));
    }
  }
}
