import type { Bench, BenchContext } from '../bench-context.ts';
import { distributionOf, medianOf } from '../report/distribution.ts';
import type { Report } from '../report/report.ts';
import type { BareApi } from '../stand/bare-api.ts';
import { startBareApi } from '../stand/start-bare-api.ts';
import { TestStand } from '../stand/test-stand.ts';

export const stormBench: Bench = {
  name: 'storm',
  summary:
    'A node comes back: volumes published at once to a driver that has just started, until the last one is ready.',
  options: { runs: 'rounds, 5 by default', atOnce: 'volumes, 110 by default' },
  run,
};

async function run(context: BenchContext): Promise<Report> {
  const { log, options } = context;
  const { atOnce = 110, runs = 5 } = options;
  await using stand = await TestStand.start(context);
  await stand.startController();
  const bare = await startBareApi(stand);
  const rounds: { readonly volumes: readonly number[]; readonly bare: readonly number[] }[] = [];
  // The first one warms the controller and the API server up; the driver starts anew for each.
  for (let round = 0; round <= runs; round++) {
    const times = { volumes: await storm(stand, atOnce), bare: await bareStorm(bare, atOnce) };
    log(`round ${round}: the last volume after ${Math.max(...times.volumes).toFixed(0)} ms`);
    if (round > 0) rounds.push(times);
  }
  await bare.stop();
  return report(rounds, atOnce);
}

async function storm(stand: TestStand, atOnce: number): Promise<number[]> {
  const driver = await stand.startDriver();
  const volumes = driver.volumes(atOnce);
  const times = await Promise.all(volumes.map((volume) => driver.publish(volume)));
  await driver.unpublish(volumes);
  await driver.settled();
  await driver.stop();
  return times;
}

/** Of a client that has its connections, as the driver's own has after its first round. */
async function bareStorm(bare: BareApi, atOnce: number): Promise<number[]> {
  return bare.atOnce(atOnce);
}

function report(
  rounds: readonly { readonly volumes: readonly number[]; readonly bare: readonly number[] }[],
  atOnce: number,
): Report {
  const last = rounds.map(({ volumes }) => Math.max(...volumes));
  const lastBare = rounds.map(({ bare }) => Math.max(...bare));
  const yardstick = medianOf(lastBare);
  return {
    bench: 'storm',
    title: `${atOnce} volumes at once on a driver that has just started; max_ms: the last one ready, median of the rounds`,
    rows: [
      {
        what: 'each volume',
        unit: 'ms',
        distribution: distributionOf(rounds.flatMap(({ volumes }) => volumes)),
      },
      { what: 'last volume of a round', unit: 'ms', distribution: distributionOf(last) },
      {
        what: 'yardstick: last of as many bare round trips',
        unit: 'ms',
        distribution: distributionOf(lastBare),
      },
    ],
    figures: {
      max_ms: medianOf(last),
      rounds: rounds.length,
      fastest_round_ms: Math.min(...last),
      slowest_round_ms: Math.max(...last),
      yardstick_p50_ms: yardstick,
      ratio: medianOf(last) / yardstick,
    },
  };
}
