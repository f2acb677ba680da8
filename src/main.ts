import { basename } from 'node:path';
import { helpText } from './runtime/flag-help.ts';
import type { FlagTable, FlagValues } from './runtime/flags.ts';
import { createLogger, type Logger, type LogFormat, type LogLevel } from './runtime/log.ts';
import { nearest } from './runtime/nearest.ts';
import { FlagError, parseFlags, wantsHelp } from './runtime/parse-flags.ts';
import { printable } from './runtime/printable.ts';
import { runUntilSignal } from './runtime/shutdown.ts';
import { runTool, type ToolIo } from './runtime/tool.ts';
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

type RunTool = (program: string, argv: readonly string[], io: ToolIo) => Promise<number>;

/** Commands that answer and end. */
const tools: Readonly<Record<string, { readonly summary: string; readonly run: RunTool }>> = {
  identities: {
    summary: 'Lists the identities of a cluster.',
    run: async (program, argv, io) =>
      runTool(program, (await import('./cli/identities/identities-tool.ts')).identitiesTool, argv, io),
  },
  identity: {
    summary: "Shows a pod's identity: how it came about, what it is, and what is wrong.",
    run: async (program, argv, io) =>
      runTool(program, (await import('./cli/identity/identity-tool.ts')).identityTool, argv, io),
  },
  verify: {
    summary: 'Tells whether a process serves the certificate that is mounted.',
    run: async (program, argv, io) =>
      runTool(program, (await import('./cli/verify/verify-tool.ts')).verifyTool, argv, io),
  },
  policy: {
    summary: 'policy test: tells, without a cluster, whether pods would get what they ask for.',
    run: async (program, argv, io) => (await import('./cli/policy-command.ts')).runPolicy(program, argv, io),
  },
  volumes: {
    summary: "Prints what a node's volumes hold; for the inside of the driver's container.",
    run: async (program, argv, io) =>
      runTool(program, (await import('./driver/inspect/volumes-tool.ts')).volumesTool, argv, io),
  },
};

process.exitCode = await main(process.argv.slice(2));
// A stopped program may hold handles that would keep the process.
process.exit();

async function main([name = '', ...argv]: readonly string[]): Promise<number> {
  if (name === 'version' || name === '--version') return print(`certmount ${version}\n`);
  if (name === 'help' || name === '--help' || name === '-h') return print(usage());
  const tool = Object.hasOwn(tools, name) ? tools[name] : undefined;
  if (tool !== undefined) {
    const code = await tool.run(`${programName()} ${name}`, argv, toolIo());
    await Promise.all([process.stdout, process.stderr].map(flushed));
    return code;
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    const close = nearest(name, [...Object.keys(commands), ...Object.keys(tools)]);
    const hint = close === undefined ? '' : `: did you mean ${close}?`;
    process.stderr.write(
      `${name === '' ? 'no command is given' : `unknown command ${JSON.stringify(name)}${hint}`}\n\n${usage()}`,
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

/** A signal ends what a tool waits for; a second one, and the reader of a pipe that goes, end it at once. */
function toolIo(): ToolIo {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(130);
      stop.abort();
    });
  process.stdout.on('error', () => process.exit(0));
  return {
    out: (text) => void process.stdout.write(printable(text)),
    err: (text) => void process.stderr.write(printable(text)),
    now: Date.now,
    signal: stop.signal,
    environment: process.env,
    columns: process.stdout.columns,
  };
}

/** A pipe takes only what its reader has room for: the rest would end with the process. */
function flushed(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => void stream.write('', () => resolve()));
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

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
