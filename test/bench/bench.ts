// npm run bench -- NAME: measures, prints, judges nothing.
import { resolve } from 'node:path';
import { parseCommand, usage, UsageError } from './arguments.ts';
import type { Bench, BenchOptions } from './bench-context.ts';
import { loadOfMachine, machineLine } from './report/machine.ts';
import { jsonLine, table } from './report/report.ts';

// Not left to the event loop: after a failure it may hold connections to what is gone.
process.exit(await main(process.argv.slice(2)));

/** @returns the exit code */
async function main(argv: readonly string[]): Promise<number> {
  try {
    const command = parseCommand(argv);
    if (command.command === 'help') {
      process.stdout.write(usage());
      return 0;
    }
    const { profileDir } = command.options;
    const options = {
      ...command.options,
      ...(profileDir !== undefined && { profileDir: resolve(profileDir) }),
    };
    for (const bench of command.benches) await measure(bench, options, command.json);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\nSee: npm run bench -- --help\n`);
      return 2;
    }
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return 1;
  }
}

async function measure(bench: Bench, options: BenchOptions, json: boolean): Promise<void> {
  const started = Date.now();
  let kubernetes: string | undefined;
  const loadBefore = loadOfMachine();
  const report = await bench.run({
    options,
    log: (line) => {
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      process.stderr.write(`${seconds.padStart(7)} s  ${bench.name}: ${line}\n`);
    },
    onKubernetes: (version) => (kubernetes = version),
  });
  process.stdout.write(
    json ? `${jsonLine(report)}\n` : `${table(report)}\n  ${machineLine(kubernetes, loadBefore)}\n\n`,
  );
}
