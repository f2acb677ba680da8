import type { Flag, FlagTable, FlagValues } from './flags.ts';
import { environmentName, flagName } from './flags.ts';
import { nearest } from './nearest.ts';

/** Why the command line or the environment was refused. Closed. */
export type FlagFailure =
  | 'unknown-flag'
  | 'bad-value'
  | 'missing-value' // a flag that needs a value is the last argument
  | 'missing-flag' // a required flag is neither on the command line nor in the environment
  | 'given-twice'
  | 'unexpected-argument';

export class FlagError extends Error {
  override readonly name = 'FlagError';
  readonly reason: FlagFailure;
  constructor(reason: FlagFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export interface ParsedFlags<Table extends FlagTable> {
  readonly values: FlagValues<Table>;
  /** What is not a flag, and all that follows "--". */
  readonly positionals: readonly string[];
}

export interface ParseOptions {
  /** At most this many arguments that are not flags; none when not set. */
  readonly maxPositionals?: number;
}

/**
 * Reads `--name value`, `--name=value`, `--toggle` and `--toggle=false`, and of flags with a letter `-n value`, `-nvalue`, `-n=value` and
 * toggles before them, as in `-Anvalue`; what is not there, from the environment; what is not there either, from the defaults. An empty
 * variable counts as not set.
 *
 * @param env undefined for a command that takes nothing from the environment
 * @throws FlagError that names the flag or variable, the value, and what is allowed
 */
export function parseFlags<Table extends FlagTable>(
  table: Table,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>> | undefined,
  options: ParseOptions = {},
): ParsedFlags<Table> {
  const { given, positionals } = splitArguments(table, argv);
  const maxPositionals = options.maxPositionals ?? 0;
  if (positionals.length > maxPositionals) throw unexpectedArgument(positionals[maxPositionals] ?? '');

  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(table)) {
    values[name] = valueOf(name, flag, given.get(name), env);
  }
  return { values: values as FlagValues<Table>, positionals };
}

/** Whether help is asked for, however wrong the rest may be. */
export function wantsHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const flags = end < 0 ? argv : argv.slice(0, end);
  return flags.includes('--help') || flags.includes('-h');
}

function splitArguments(
  table: FlagTable,
  argv: readonly string[],
): { given: Map<string, string[]>; positionals: string[] } {
  const names = new Map(
    Object.entries(table).flatMap(([name, { short }]) => [
      [flagName(name), name] as const,
      ...(short === undefined ? [] : [[`-${short}`, name] as const]),
    ]),
  );
  const given = new Map<string, string[]>();
  const positionals: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? '';
    if (argument === '--') {
      positionals.push(...argv.slice(index + 1));
      break;
    }
    if (!argument.startsWith('-') || argument === '-') {
      positionals.push(argument);
      continue;
    }
    const written = argument.startsWith('--')
      ? [longFlag(table, names, argument)]
      : shortFlags(table, names, argument);
    for (const { flag, name, spelled, text } of written) {
      const value = text ?? argv[++index];
      if (value === undefined) {
        throw new FlagError(
          'missing-value',
          `${spelled} needs a value: ${spelled} ${flag.placeholder ?? ''}`,
        );
      }
      given.set(name, [...(given.get(name) ?? []), value]);
    }
  }
  return { given, positionals };
}

interface WrittenFlag {
  readonly name: string;
  readonly flag: Flag<unknown>;
  /** As on the command line. */
  readonly spelled: string;
  /** Undefined where the next argument is the value. */
  readonly text: string | undefined;
}

type FlagNames = ReadonlyMap<string, string>;

function longFlag(table: FlagTable, names: FlagNames, argument: string): WrittenFlag {
  const [spelled, text] = splitAtEquals(argument);
  const name = names.get(spelled);
  const flag = name === undefined ? undefined : table[name];
  if (name === undefined || flag === undefined) throw unknownFlag(spelled, Object.keys(table).map(flagName));
  return { name, flag, spelled, text: text ?? (flag.placeholder === undefined ? 'true' : undefined) };
}

/** Toggles, and at the end a flag that takes the rest for its value. */
function shortFlags(table: FlagTable, names: FlagNames, argument: string): WrittenFlag[] {
  // "-namespace" would otherwise be the namespace "amespace".
  const [whole] = splitAtEquals(argument);
  if (names.has(`-${whole}`)) throw unknownFlag(whole, Object.keys(table).map(flagName));
  const written: WrittenFlag[] = [];
  for (let at = 1; at < argument.length; at++) {
    const spelled = `-${argument[at]}`;
    const name = names.get(spelled);
    const flag = name === undefined ? undefined : table[name];
    if (name === undefined || flag === undefined)
      throw unknownFlag(at === 1 ? whole : spelled, Object.keys(table).map(flagName));
    const rest = argument.slice(at + 1);
    if (flag.placeholder !== undefined || rest.startsWith('=')) {
      const text = rest === '' ? undefined : rest.replace(/^=/, '');
      return [...written, { name, flag, spelled, text }];
    }
    written.push({ name, flag, spelled, text: 'true' });
  }
  return written;
}

function splitAtEquals(argument: string): [spelled: string, text: string | undefined] {
  const equals = argument.indexOf('=');
  return equals < 0 ? [argument, undefined] : [argument.slice(0, equals), argument.slice(equals + 1)];
}

function valueOf(
  name: string,
  flag: Flag<unknown>,
  texts: readonly string[] | undefined,
  env: Readonly<Record<string, string | undefined>> | undefined,
): unknown {
  if (texts !== undefined) {
    const values = texts.map((text) => parseText(flagName(name), flag, text));
    if (flag.join !== undefined) return flag.join(values);
    if (new Set(texts).size > 1) {
      const list = texts.map((text) => JSON.stringify(text)).join(' and ');
      throw new FlagError('given-twice', `${flagName(name)} is given more than once, with ${list}`);
    }
    return values[0];
  }
  const variable = env?.[environmentName(name)];
  if (variable !== undefined && variable !== '') return parseText(environmentName(name), flag, variable);
  if (flag.required) {
    const where = env === undefined ? flagName(name) : `${flagName(name)} or ${environmentName(name)}`;
    throw new FlagError('missing-flag', `${where} must be set: ${flag.help}`);
  }
  return flag.default;
}

function parseText(source: string, flag: Flag<unknown>, text: string): unknown {
  try {
    return flag.parse(text);
  } catch (error) {
    const allowed = error instanceof Error ? error.message : String(error);
    throw new FlagError('bad-value', `${source}: ${JSON.stringify(clip(text))}: ${allowed}`, {
      cause: error,
    });
  }
}

function unknownFlag(written: string, known: Iterable<string>): FlagError {
  const close = nearest(written, ['--help', ...known]);
  const hint = close === undefined ? 'see --help' : `did you mean ${close}?`;
  return new FlagError('unknown-flag', `unknown flag ${clip(written)}: ${hint}`);
}

function unexpectedArgument(argument: string): FlagError {
  const hint =
    argument === 'true' || argument === 'false' ? `: a toggle takes its value as in --name=${argument}` : '';
  return new FlagError('unexpected-argument', `unexpected argument ${JSON.stringify(clip(argument))}${hint}`);
}

function clip(text: string): string {
  return text.length <= 100 ? text : `${text.slice(0, 100)}…`;
}
