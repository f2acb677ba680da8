// node test/torn-reads/main.ts --seconds N: readers in three languages under a volume that rotates every 100 ms.
// The last line is JSON for machines. Needs root.
import { parseArgs } from 'node:util';
import { readWhileRotating } from './read-while-rotating.ts';

const { seconds } = parseArgs({ options: { seconds: { type: 'string', default: '300' } } }).values;
if (!/^[1-9][0-9]{0,4}$/.test(seconds)) {
  process.stderr.write(`--seconds ${JSON.stringify(seconds)}: a whole number from 1 to 99999\n`);
  process.exit(2);
}
const report = await readWhileRotating({ seconds: Number(seconds), everyMs: 100 });
console.log(`${report.rotations} rotations in ${report.seconds} s`);
for (const [language, ways] of Object.entries(report.readers)) {
  for (const [way, { mismatches, reads, retries }] of Object.entries(ways)) {
    console.log(
      `${language.padEnd(8)}${way.padEnd(12)}${reads} reads, ${mismatches} mismatches, ${retries} retries`,
    );
  }
}
console.log(JSON.stringify(report));
const torn = Object.values(report.readers).some(
  ({ bundle, generation }) => bundle.mismatches + generation.mismatches > 0,
);
process.exitCode = torn ? 1 : 0;
