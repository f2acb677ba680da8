/** A timer that has not fired yet. Cancelling one that fired or was cancelled does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time as the rest of the program sees it. Timers run on elapsed time: a step of the wall clock does not move them. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May jump either way. */
  now(): number;
  /** @param delayMs any length, also beyond the 24.8 days that Node's own timers can hold */
  setTimer(callback: () => void, delayMs: number): Timer;
}

const longestNodeTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer: (callback, delayMs) => {
    let remainingMs = Math.max(0, delayMs);
    let handle: NodeJS.Timeout;
    const arm = (): void => {
      if (remainingMs <= longestNodeTimerMs) {
        handle = setTimeout(callback, remainingMs);
        return;
      }
      remainingMs -= longestNodeTimerMs;
      handle = setTimeout(arm, longestNodeTimerMs);
    };
    arm();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Waits. Rejects with the signal's reason when it aborts first; leaves no listener behind either way. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
