import assert from 'node:assert/strict';

/** With four times the input: four, and as much again for noise. What is quadratic takes sixteen. */
const mostGrowth = 8;
/** Below it noise is all there is. */
const shortestMs = 2;
const [fewestRounds, mostRounds] = [3, 30];

/**
 * Checks that work grows no faster than its input, by the best time of each size, which other work on the machine hardly touches
 * when there are enough rounds.
 *
 * @param prepare makes the work for an input of this size
 */
export async function assertGrowsWithInput(
  size: number,
  prepare: (size: number) => (() => void) | Promise<() => void>,
): Promise<void> {
  const works = [await prepare(size), await prepare(2 * size), await prepare(4 * size)];
  const best = works.map(() => Number.POSITIVE_INFINITY);
  for (let round = 1; round <= mostRounds; round++) {
    for (const [index, work] of works.entries()) best[index] = Math.min(best[index] ?? 0, timeOf(work));
    const [once = 0, , fourTimes = 0] = best;
    if (round >= fewestRounds && (fourTimes < shortestMs || fourTimes <= once * mostGrowth)) return;
  }
  assert.fail(
    `for ${size}, twice and four times as much: ${best.map((ms) => `${ms.toFixed(2)} ms`).join(', ')}`,
  );
}

function timeOf(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
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
