import assert from 'node:assert/strict';

/** Kernels that count CPU by ticks know no less than four milliseconds. */
const enoughMs = 40;

/** CPU that this thread spends on the work, in milliseconds: what else the machine does is not in it. Repeats what is short. */
export function cpuTimeOf(work: () => void): number {
  const before = process.threadCpuUsage();
  for (let times = 1; ; times++) {
    work();
    const tookMs = sinceMs(before);
    if (tookMs >= enoughMs) return tookMs / times;
  }
}

/**
 * Checks that hostile input is dealt with for little CPU. The input has to be such that what grows faster than it
 * would take many times as much: then the bound can be so wide that no slow machine comes near it.
 */
export async function assertLittleCpu(work: () => unknown, mostMs = 5_000): Promise<void> {
  const before = process.threadCpuUsage();
  await work();
  const tookMs = sinceMs(before);
  assert.ok(tookMs < mostMs, `took ${Math.round(tookMs)} ms of CPU`);
}

function sinceMs(before: NodeJS.CpuUsage): number {
  const { system, user } = process.threadCpuUsage(before);
  return (system + user) / 1_000;
}
