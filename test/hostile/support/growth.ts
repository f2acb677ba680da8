import assert from 'node:assert/strict';
import { cpuTimeOf } from '../../support/cpu-time.ts';

/** So many times the input, and at most so many times the work: four times what is linear, a quarter of what is quadratic. */
const [timesTheInput, mostGrowth] = [16, 64];
const mostRounds = 5;

/**
 * Checks that work grows no faster than its input, by the least CPU time of each size.
 *
 * @param prepare makes the work for an input of this size
 */
export async function assertGrowsWithInput(
  size: number,
  prepare: (size: number) => (() => void) | Promise<() => void>,
): Promise<void> {
  const [little, much] = [await prepare(size), await prepare(timesTheInput * size)];
  let [leastOfLittle, leastOfMuch] = [Infinity, Infinity];
  for (let round = 1; round <= mostRounds; round++) {
    leastOfLittle = Math.min(leastOfLittle, cpuTimeOf(little));
    leastOfMuch = Math.min(leastOfMuch, cpuTimeOf(much));
    if (leastOfMuch <= leastOfLittle * mostGrowth) return;
  }
  assert.fail(
    `${leastOfLittle.toFixed(4)} ms of CPU for ${size}, ${leastOfMuch.toFixed(4)} ms for ${timesTheInput} times as much`,
  );
}

/** Runs it, and lets only errors of this class through as a refusal. */
export function refusal<E extends Error>(
  type: abstract new (...args: never) => E,
  run: () => unknown,
): E | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof type, error instanceof Error ? (error.stack ?? '') : String(error));
    return error;
  }
}
