import { isKubeError } from '../kube/errors.ts';
import { helpText } from './flag-help.ts';
import type { FlagTable, FlagValues } from './flags.ts';
import { FlagError, parseFlags, wantsHelp } from './parse-flags.ts';

/** What a tool says when it has ended. A tool that has an answer of its own to give says so in its help. */
export const exitCodes = {
  fine: 0,
  /** What was asked for is there, and something is wrong with it. */
  wrong: 1,
  foreign: 2,
  /** It could not be found out: no cluster, no permission, no such object. */
  unknown: 3,
  /** The command line makes no sense (sysexits.h, EX_USAGE). */
  usage: 64,
  /** The program itself is wrong (EX_SOFTWARE). */
  bug: 70,
  /** It was interrupted: what it said is not all (128 and SIGINT, as of a shell). */
  interrupted: 130,
  /** The reader of its output went away (128 and SIGPIPE). */
  unread: 141,
} as const;

export interface ToolIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The text of a file; "-" is standard input. */
  readonly readFile: (path: string) => Promise<string>;
  /** Names of what is in a folder; undefined for what is none. */
  readonly readFolder: (path: string) => Promise<readonly string[] | undefined>;
  readonly signal: AbortSignal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Columns of the terminal; undefined when it is none. */
  readonly columns: number | undefined;
}

/** A command that answers and ends, unlike the programs that serve. */
export interface Tool<Table extends FlagTable = FlagTable> {
  readonly summary: string;
  readonly flags: Table;
  /** As the help has them, as in "POD"; at most so many, and all of them needed. */
  readonly positionals?: readonly string[];
  /** Whether flags are taken from CERTMOUNT_ variables too, as those of the program that it stands beside. */
  readonly readsEnvironment?: boolean;
  /** Lines under the flags of the help, such as its exit codes. */
  readonly notes?: readonly string[];
  run(
    input: { readonly values: FlagValues<Table>; readonly positionals: readonly string[] },
    io: ToolIo,
  ): Promise<number>;
}

/** A tool's way of saying that it cannot answer: the message is for whoever called it. */
export class ToolError extends Error {
  override readonly name: string = 'ToolError';
}

/** @param program as in "certmount identities" */
export async function runTool<Table extends FlagTable>(
  program: string,
  tool: Tool<Table>,
  argv: readonly string[],
  io: ToolIo,
): Promise<number> {
  const { positionals: wanted = [] } = tool;
  if (wantsHelp(argv)) {
    io.out(
      helpText(tool.flags, {
        program,
        summary: tool.summary,
        width: io.columns ?? 100,
        environment: tool.readsEnvironment ?? false,
        ...(wanted.length > 0 && { positionals: wanted.join(' ') }),
        notes: [...(tool.notes ?? []), ''],
      }),
    );
    return exitCodes.fine;
  }
  try {
    const environment = tool.readsEnvironment === true ? io.environment : undefined;
    const parsed = parseFlags(tool.flags, argv, environment, { maxPositionals: wanted.length });
    const missing = wanted[parsed.positionals.length];
    if (missing !== undefined) throw new FlagError('missing-value', `${missing} must be given`);
    const code = await tool.run(parsed, io);
    return io.signal.aborted ? exitCodes.interrupted : code;
  } catch (error) {
    if (error instanceof FlagError) {
      io.err(`${error.message}\nSee ${program} --help.\n`);
      return exitCodes.usage;
    }
    if (io.signal.aborted) return exitCodes.interrupted;
    if (error instanceof ToolError || isKubeError(error)) {
      io.err(`${error.message}\n`);
      return exitCodes.unknown;
    }
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    io.err(`this is a bug of certmount: please report it with what follows\n${stack}\n`);
    return exitCodes.bug;
  }
}
