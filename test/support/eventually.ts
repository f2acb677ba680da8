/**
 * Tries until it gets an answer, for what happens in another process.
 *
 * @param attempt gives undefined, or throws, for "not yet"
 * @param intervalMs between two attempts
 */
export async function eventually<T>(
  what: string,
  attempt: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 30_000,
  intervalMs = 50,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  let last: unknown;
  do {
    try {
      const answer = await attempt();
      if (answer !== undefined) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  } while (Date.now() < end);
  throw new Error(`waited ${timeoutMs / 1000} s in vain: ${what}`, { cause: last });
}
