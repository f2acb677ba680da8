// npm run soak -- --minutes N: volumes of a minute, under churn and restarts. The last line is JSON for machines. Needs root.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildBundle } from '../../tools/build.ts';
import { drawSoak } from './graph/draw-soak.ts';
import { runSoak } from './run-soak.ts';

const usage = `npm run soak -- [--minutes 30] [--volumes 110] [--seed 1] [--output DIR] [--graph FILE]

Keeps volumes with certificates of a minute published while pods come and go and driver and API server are restarted at
random. Fails when a certificate expires, a volume is torn, or anything grows. --output gets report.json and samples.json,
--graph the picture.
`;

// Not left to the event loop: after a failure it may hold connections to what is gone.
process.exit(await main());

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' },
      volumes: { type: 'string', default: '110' },
      seed: { type: 'string', default: '1' },
      output: { type: 'string' },
      graph: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const [minutes, volumes, seed] = (['minutes', 'volumes', 'seed'] as const).map((name) => {
    if (!/^[1-9][0-9]{0,8}$/.test(values[name]))
      throw new Error(`--${name} ${JSON.stringify(values[name])}: a whole number from 1`);
    return Number(values[name]);
  }) as [number, number, number];
  await buildBundle();
  const started = Date.now();
  const { report, samples } = await runSoak({ minutes, volumes, seed }, (line) => {
    process.stderr.write(`${((Date.now() - started) / 1000).toFixed(1).padStart(8)} s  ${line}\n`);
  });
  if (values.output !== undefined) {
    const output = resolve(values.output);
    mkdirSync(output, { recursive: true });
    writeFileSync(join(output, 'report.json'), `${JSON.stringify(report, undefined, 2)}\n`);
    writeFileSync(
      join(output, 'samples.json'),
      `[\n${samples.map((sample) => JSON.stringify(sample)).join(',\n')}\n]\n`,
    );
  }
  if (values.graph !== undefined) {
    const title = `${volumes} volumes of a minute, ${minutes} minutes; dashed: driver restarted, grey: no API server`;
    writeFileSync(values.graph, drawSoak(title, samples));
  }
  for (const problem of report.problems) process.stderr.write(`problem: ${problem}\n`);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  return report.problems.length === 0 ? 0 : 1;
}
