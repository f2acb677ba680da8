/**
 * Looks until it holds: for what another process does within milliseconds, hundreds of times in a suite.
 *
 * @param look gives undefined, or throws, for "not yet"
 */
export async function soon<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  limitMs = 20_000,
): Promise<T> {
  const end = performance.now() + limitMs;
  let last: unknown;
  do {
    try {
      const found = await look();
      if (found !== undefined) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 15));
  } while (performance.now() < end);
  throw new Error(`waited ${limitMs / 1000} s in vain: ${what}`, { cause: last });
}
