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
  const rsa = await rsaStorm(stand, atOnce, log);
  await bare.stop();
  return report(rounds, rsa, atOnce);
}

interface RsaStorm {
  readonly rsa: readonly number[];
  readonly ecdsaAlone: readonly number[];
  readonly ecdsaBeside: readonly number[];
}

const ecdsaVolumes = 20;

/** RSA 2048 for all, and ECDSA volumes one after the other: first on a quiet node, then while the RSA keys are made. */
async function rsaStorm(stand: TestStand, atOnce: number, log: BenchContext['log']): Promise<RsaStorm> {
  const driver = await stand.startDriver();
  const volumes = driver.volumes(atOnce + ecdsaVolumes);
  const ecdsa = volumes.slice(atOnce);
  const rsa = driver.volumes(atOnce, { 'key-algorithm': 'RSA' });
  const oneByOne = async (): Promise<number[]> => {
    const times: number[] = [];
    for (const volume of ecdsa) times.push(await driver.publish(volume));
    return times;
  };
  await oneByOne();
  await driver.unpublish(ecdsa);
  const alone = await oneByOne();
  await driver.unpublish(ecdsa);
  await driver.settled();
  const rsaTimes = Promise.all(rsa.map((volume) => driver.publish(volume)));
  const beside = await oneByOne();
  const times = { rsa: await rsaTimes, ecdsaAlone: alone, ecdsaBeside: beside };
  log(`${atOnce} volumes with RSA keys: the last one after ${Math.max(...times.rsa).toFixed(0)} ms`);
  await driver.unpublish([...rsa, ...ecdsa]);
  await driver.settled();
  await driver.stop();
  return times;
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
  rsa: RsaStorm,
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
      {
        what: 'each of as many volumes with RSA 2048 keys',
        unit: 'ms',
        distribution: distributionOf(rsa.rsa),
      },
      { what: 'ECDSA, one at a time, alone', unit: 'ms', distribution: distributionOf(rsa.ecdsaAlone) },
      { what: 'ECDSA, one at a time, beside RSA', unit: 'ms', distribution: distributionOf(rsa.ecdsaBeside) },
    ],
    figures: {
      max_ms: medianOf(last),
      rounds: rounds.length,
      fastest_round_ms: Math.min(...last),
      slowest_round_ms: Math.max(...last),
      yardstick_p50_ms: yardstick,
      ratio: medianOf(last) / yardstick,
      rsa_max_ms: Math.max(...rsa.rsa),
      ecdsa_alone_p50_ms: medianOf(rsa.ecdsaAlone),
      ecdsa_beside_rsa_p50_ms: medianOf(rsa.ecdsaBeside),
      ecdsa_beside_rsa_max_ms: Math.max(...rsa.ecdsaBeside),
    },
  };
}
