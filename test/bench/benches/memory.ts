import type { Bench, BenchContext } from '../bench-context.ts';
import { distributionOf } from '../report/distribution.ts';
import type { Report } from '../report/report.ts';
import type { Driver } from '../stand/driver.ts';
import { TestStand } from '../stand/test-stand.ts';

const idleAfterMs = 10_000;
/** What the volumes' start causes is over: the look at their pod, and V8's collection when all is quiet. */
const cpuAfterMs = 75_000;
const cpuWindowMs = 30_000;
const sampleMs = 50;

export const memoryBench: Bench = {
  name: 'memory',
  summary:
    "The driver's resident memory: idle, with its volumes, and at its peak while all of them come and go; its CPU when idle.",
  options: { runs: 'rounds of churn, 3 by default', atOnce: 'volumes, 110 by default' },
  run,
};

async function run(context: BenchContext): Promise<Report> {
  const { log, options } = context;
  const { atOnce = 110, runs = 3 } = options;
  await using stand = await TestStand.start(context);
  await stand.startController();
  const driver = await stand.startDriver();
  await pause(idleAfterMs);
  const idle = driver.program.memoryMb('VmRSS');
  log(`idle for ${idleAfterMs / 1000} s: ${idle.toFixed(1)} MB`);
  const volumes = driver.volumes(atOnce);
  await Promise.all(volumes.map((volume) => driver.publish(volume)));
  const withVolumes = driver.program.memoryMb('VmRSS');
  await pause(cpuAfterMs);
  const cpuMcores = await cpuOver(driver, cpuWindowMs);
  log(`idle with ${atOnce} volumes: ${cpuMcores.toFixed(2)} thousandths of a core`);
  const samples = await sampled(driver, async () => {
    for (let round = 1; round <= runs; round++) {
      await driver.unpublish(volumes);
      await Promise.all(volumes.map((volume) => driver.publish(volume)));
      log(`round ${round}: ${driver.program.memoryMb('VmRSS').toFixed(1)} MB`);
    }
  });
  await pause(idleAfterMs);
  return {
    bench: 'memory',
    title: `resident memory of the driver, ${atOnce} volumes, ${runs} rounds of all of them unpublished and published`,
    rows: [
      {
        what: `resident during the churn, every ${sampleMs} ms`,
        unit: 'MB',
        distribution: distributionOf(samples),
      },
    ],
    figures: {
      idle_mb: idle,
      volumes_mb: withVolumes,
      after_mb: driver.program.memoryMb('VmRSS'),
      anonymous_mb: driver.program.memoryMb('RssAnon'),
      peak_mb: driver.program.memoryMb('VmHWM'),
      cpu_idle_mcores: cpuMcores,
      started_ms: driver.startedInMs,
    },
    notes: [
      'MB are 2^20 bytes; idle_mb and after_mb ten seconds after the start and the churn; peak_mb is VmHWM',
      `cpu_idle_mcores with ${atOnce} volumes over ${cpuWindowMs / 1000} s; started_ms from the start of the process to its registration socket`,
      'anonymous_mb of after_mb are its own; the rest are pages of the node binary, shared with every other Node of the machine',
    ],
  };
}

/** @returns thousandths of a core */
async function cpuOver(driver: Driver, windowMs: number): Promise<number> {
  const before = driver.program.cpuMs();
  await pause(windowMs);
  return ((driver.program.cpuMs() - before) / windowMs) * 1000;
}

async function sampled(driver: Driver, work: () => Promise<void>): Promise<number[]> {
  const samples: number[] = [];
  const timer = setInterval(() => samples.push(driver.program.memoryMb('VmRSS')), sampleMs);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return samples;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
