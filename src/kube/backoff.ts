export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * Time to wait before the next attempt: doubling from baseMs to maxMs, of which the upper half is random, so that
 * clients that lost the same server do not come back in step.
 *
 * @param failures how many attempts failed in a row, from 1
 */
export function backoffMs(failures: number, options: BackoffOptions, random: () => number): number {
  const full = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(failures - 1, 30));
  return full * (1 - random() / 2);
}
