import { basename } from 'node:path';
import { findTool, tools } from './cli/tools.ts';
import { helpText } from './runtime/flag-help.ts';
import type { FlagTable, FlagValues } from './runtime/flags.ts';
import { createLogger, type Logger, type LogFormat, type LogLevel } from './runtime/log.ts';
import { nearest } from './runtime/nearest.ts';
import { FlagError, parseFlags, wantsHelp } from './runtime/parse-flags.ts';
import { printable } from './runtime/printable.ts';
import { runUntilSignal } from './runtime/shutdown.ts';
import { exitCodes, runTool } from './runtime/tool.ts';
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

async function main(argv: readonly string[]): Promise<number> {
  const [name = '', ...rest] = argv;
  if (name === 'version' || name === '--version') return print(`certmount ${version}\n`);
  if (name === 'help' && rest.length > 0) return main([...rest, '--help']);
  if (name === 'help' || name === '--help' || name === '-h') return print(usage());
  const tool = findTool(argv);
  if (tool !== undefined) {
    const { processIo } = await import('./cli/process-io.ts');
    const { flushed, io } = processIo();
    const code = await runTool(`${programName()} ${tool.words}`, await tool.load(), tool.argv, io);
    await flushed();
    return code;
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) return unknownCommand(argv);
  const command = await entry.load();
  const program = `certmount ${command.name}`;
  if (wantsHelp(rest)) {
    return print(
      helpText(command.flags, { program, summary: command.summary, width: process.stdout.columns ?? 100 }),
    );
  }
  try {
    return await run(command, parseFlags(command.flags, rest, process.env).values);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    process.stderr.write(`${error.message}\nSee ${program} --help.\n`);
    return 2;
  }
}

function unknownCommand(argv: readonly string[]): number {
  const [name = '', next] = argv;
  const longer = Object.keys(tools).filter((words) => words.startsWith(`${name} `));
  if (longer.length > 0 && wantsHelp(argv)) return print(usage());
  const written = longer.length > 0 && next !== undefined ? `${name} ${next}` : name;
  const close = nearest(written, [...Object.keys(commands), ...Object.keys(tools)]) ?? longer[0];
  const hint = close === undefined ? '' : `: did you mean ${close}?`;
  const problem = name === '' ? 'no command is given' : `unknown command ${JSON.stringify(written)}${hint}`;
  process.stderr.write(printable(`${problem}\n\n${usage()}`));
  return exitCodes.usage;
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

/** kubectl calls a program of this name as its plugin. */
function programName(): string {
  return basename(process.argv[1] ?? '').startsWith('kubectl-certmount') ? 'kubectl certmount' : 'certmount';
}

function usage(): string {
  const list = (entries: typeof commands | typeof tools): string =>
    Object.entries(entries)
      .map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}\n`)
      .join('');
  return `Usage: ${programName()} COMMAND [flags]\n\nCommands:\n${list(tools)}  version     Prints the version.\n\nPrograms that serve:\n${list(commands)}\nMore of each: ${programName()} COMMAND --help\n`;
}

function print(said: string): number {
  process.stdout.write(said);
  return exitCodes.fine;
}
