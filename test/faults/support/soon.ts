import { eventually } from '../../support/eventually.ts';

/** For what another process does within milliseconds, hundreds of times in a suite. */
export function soon<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  limitMs = 20_000,
): Promise<T> {
  return eventually(what, look, limitMs, 15);
}
