import { helpText } from './runtime/flag-help.ts';
import type { FlagTable, FlagValues } from './runtime/flags.ts';
import { createLogger, type Logger, type LogFormat, type LogLevel } from './runtime/log.ts';
import { FlagError, parseFlags, wantsHelp } from './runtime/parse-flags.ts';
import { runUntilSignal } from './runtime/shutdown.ts';
import { systemClock } from './kube/index.ts';
import { version } from './version.ts';

interface Command {
  readonly name: string;
  readonly summary: string;
  readonly flags: FlagTable;
  run(values: never, context: { signal: AbortSignal; log: Logger; version: string }): Promise<void>;
}

/** Loaded when asked for: each program costs its memory only where it runs. */
const commands: Readonly<Record<string, { readonly summary: string; load(): Promise<Command> }>> = {
  driver: {
    summary: 'Serves volumes with certificates to the kubelet of one node.',
    load: async () => (await import('./driver/command.ts')).driverCommand,
  },
  controller: {
    summary: 'Approves and signs certificate requests, and keeps issuers ready.',
    load: async () => (await import('./controller/controller.ts')).controllerCommand,
  },
};

process.exitCode = await main(process.argv.slice(2));
// A stopped program may hold handles that would keep the process.
process.exit();

async function main([name = '', ...argv]: readonly string[]): Promise<number> {
  if (name === 'version' || name === '--version') return print(`certmount ${version}\n`);
  if (name === 'help' || name === '--help' || name === '-h') return print(usage());
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    process.stderr.write(
      `${name === '' ? 'no command is given' : `unknown command ${JSON.stringify(name)}`}\n\n${usage()}`,
    );
    return 2;
  }
  const command = await entry.load();
  const program = `certmount ${command.name}`;
  if (wantsHelp(argv)) {
    return print(
      helpText(command.flags, { program, summary: command.summary, width: process.stdout.columns ?? 100 }),
    );
  }
  try {
    return await run(command, parseFlags(command.flags, argv, process.env).values);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    process.stderr.write(`${error.message}\nSee ${program} --help.\n`);
    return 2;
  }
}

async function run(command: Command, values: FlagValues<FlagTable>): Promise<number> {
  const log = createLogger({
    level: values['logLevel'] as LogLevel,
    format: values['logFormat'] as LogFormat,
    program: command.name,
  });
  log.info({ version }, 'starting');
  return runUntilSignal(
    (signal) => command.run(values as never, { signal, log, version }),
    {},
    { clock: systemClock, log, signals: process },
  );
}

function usage(): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`);
  return `Usage: certmount COMMAND [flags]\n\nCommands:\n${lines.join('\n')}\n  version     Prints the version.\n\nMore of each: certmount COMMAND --help\n`;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
