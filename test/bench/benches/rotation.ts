import { type ChildProcess, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';
import type { Bench, BenchContext } from '../bench-context.ts';
import type { Seen } from '../fixtures/volume-reader.ts';
import { distributionOf } from '../report/distribution.ts';
import type { Report } from '../report/report.ts';
import { TestStand } from '../stand/test-stand.ts';

const readers = 3;
/**
 * Due a twentieth of its lifetime after it was issued, brought forward by up to half of that: of the minute the controller
 * dates six seconds back.
 */
const oftenest = { duration: '1m', 'renew-before': '52s' };

export const rotationBench: Bench = {
  name: 'rotation',
  summary:
    'A volume that is rotated every two seconds or so, under readers that look whether key, chain and anchors match.',
  options: { seconds: '60 by default' },
  run,
};

async function run(context: BenchContext): Promise<Report> {
  const { log, options } = context;
  const { seconds = 60 } = options;
  await using stand = await TestStand.start(context);
  await stand.startController();
  const driver = await stand.startDriver();
  const [volume] = driver.volumes(1, oftenest);
  if (volume === undefined) throw new Error('no volume');
  await driver.publish(volume);
  log(`${readers} readers for ${seconds} s`);
  const running = Array.from({ length: readers }, () => startReader(driver.program.path(volume.targetPath)));
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const seen = await Promise.all(running.map(endReader));
  return report(seen, seconds);
}

function startReader(path: string): ChildProcess {
  const program = join(import.meta.dirname, '../fixtures/volume-reader.ts');
  // It ends with its standard input, and so with this process.
  return spawn(process.execPath, [program, path], { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function endReader(reader: ChildProcess): Promise<Seen> {
  if (reader.stdin === null || reader.stdout === null) throw new Error('a reader without standard streams');
  reader.stdin.end();
  return JSON.parse(await text(reader.stdout)) as Seen;
}

function report(seen: readonly Seen[], seconds: number): Report {
  const sum = (count: (one: Seen) => number): number => seen.reduce((total, one) => total + count(one), 0);
  const intervals = seen.flatMap(({ rotations }) =>
    rotations.slice(1).map((at, index) => at - (rotations[index] ?? 0)),
  );
  const lastErrors = seen.map(({ lastError }) => lastError).filter((error) => error !== '');
  return {
    bench: 'rotation',
    title: `one volume, rotated as fast as its attributes allow, for ${seconds} s under ${readers} readers`,
    rows: [{ what: 'from one certificate to the next', unit: 'ms', distribution: distributionOf(intervals) }],
    figures: {
      mismatches: sum(({ mismatches }) => mismatches),
      errors: sum(({ errors }) => errors),
      reads: sum(({ reads }) => reads),
      overtaken: sum(({ overtaken }) => overtaken),
      rotations: Math.max(...seen.map(({ rotations }) => rotations.length - 1)),
      seconds,
    },
    notes: [
      'overtaken: the generation was replaced while its files were read one by one; the reader looks at ..data again',
      ...lastErrors.slice(0, 1).map((error) => `last error: ${error}`),
    ],
  };
}
