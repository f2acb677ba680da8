import type { Bench, BenchContext } from '../bench-context.ts';
import { distributionOf } from '../report/distribution.ts';
import type { Report } from '../report/report.ts';
import { startBareApi } from '../stand/start-bare-api.ts';
import { TestStand } from '../stand/test-stand.ts';

const blockSize = 20;
const warmUpBlocks = 4;

export const mountBench: Bench = {
  name: 'mount',
  summary: 'NodePublishVolume one at a time, against the bare API cost: create, status update, watch event.',
  options: { runs: 'volumes, 200 by default' },
  run,
};

async function run(context: BenchContext): Promise<Report> {
  const { log, options } = context;
  const blocks = Math.ceil((options.runs ?? 200) / blockSize);
  await using stand = await TestStand.start(context);
  await stand.startController();
  const bare = await startBareApi(stand);
  const driver = await stand.startDriver();
  const volumes = driver.volumes(blockSize);
  const [published, yardstick]: [number[], number[]] = [[], []];
  log(`${blocks} blocks of ${blockSize} volumes, each followed by as many bare API round trips`);
  for (let block = -warmUpBlocks; block < blocks; block++) {
    const times: number[] = [];
    for (const volume of volumes) times.push(await driver.publish(volume));
    await driver.unpublish(volumes);
    await driver.settled();
    const bareTimes = await bare.oneByOne(blockSize);
    if (block < 0) continue;
    published.push(...times);
    yardstick.push(...bareTimes);
  }
  await bare.stop();
  const [measured, alone] = [distributionOf(published), distributionOf(yardstick)];
  return {
    bench: 'mount',
    title: 'NodePublishVolume, one at a time, ECDSA P-256, CA issuer',
    rows: [
      { what: 'NodePublishVolume', unit: 'ms', distribution: measured },
      { what: 'yardstick: bare create, status update, watch event', unit: 'ms', distribution: alone },
    ],
    figures: { yardstick_p50_ms: alone.p50, ratio: measured.p50 / alone.p50 },
  };
}
