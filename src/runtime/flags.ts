import type { ListenAddress } from './listen-address.ts';
import { formatListenAddress, parseListenAddress } from './listen-address.ts';

/** One row of a flag table. T is what the program gets: with undefined in it when there is no default. */
export interface Flag<T> {
  /** What stands for the value in the help; undefined for a toggle, which needs none. */
  readonly placeholder: string | undefined;
  /** What it does, with unit and range. Sentences, without the default. */
  readonly help: string;
  readonly default: T | undefined;
  readonly required: boolean;
  /** Given several times, the values are joined; any other flag is refused then. */
  readonly repeatable: boolean;
  /** One letter that means the same: "n" for -n. */
  readonly short?: string | undefined;
  /** @throws Error whose message says what is allowed: "must be …" */
  parse(text: string): T;
  /** The default as the help shows it. */
  format(value: T): string;
  /** Of a repeatable flag. */
  join?(values: readonly T[]): T;
}

/**
 * The flags of a program by camelCase name: `nodeId` is --node-id and CERTMOUNT_NODE_ID.
 *
 * Where the environment is read, no name may be `port` or begin with `service` or `port`: Kubernetes sets CERTMOUNT_PORT, CERTMOUNT_SERVICE_HOST and
 * the like in every pod of a namespace that has a Service named certmount.
 */
export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

export type FlagValues<Table extends FlagTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Flag<infer T> ? T : never;
};

export interface FlagOptions<T> {
  readonly help: string;
  readonly default?: T;
  readonly required?: true;
  readonly placeholder?: string;
  readonly short?: string;
}

export interface ValueFlagOptions<T> extends FlagOptions<T> {
  readonly placeholder: string;
  readonly parse: (text: string) => T;
  readonly format: (value: T) => string;
}

type Outcome<T, Options> = Options extends { default: T } | { required: true } ? T : T | undefined;

export function textFlag<Options extends FlagOptions<string>>(
  options: Options,
): Flag<Outcome<string, Options>> {
  return valueFlag({
    placeholder: 'TEXT',
    ...options,
    parse: (text: string) => {
      if (text === '') throw new Error('must not be empty');
      return text;
    },
    format: String,
  }) as Flag<Outcome<string, Options>>;
}

export function toggleFlag(options: {
  readonly help: string;
  readonly default: boolean;
  readonly short?: string;
}): Flag<boolean> {
  const parse = (text: string): boolean => {
    if (text !== 'true' && text !== 'false') throw new Error('must be true or false');
    return text === 'true';
  };
  return { required: false, repeatable: false, ...options, placeholder: undefined, parse, format: String };
}

export function integerFlag<Options extends FlagOptions<number> & { min: number; max: number }>(
  options: Options,
): Flag<Outcome<number, Options>> {
  const { min, max } = options;
  return valueFlag({
    placeholder: 'NUMBER',
    ...options,
    parse: (text: string) => {
      const value = Number(text);
      if (!/^-?\d{1,15}$/.test(text) || value < min || value > max) {
        throw new Error(`must be a whole number from ${min} to ${max}`);
      }
      return value;
    },
    format: String,
  }) as Flag<Outcome<number, Options>>;
}

export function choiceFlag<const Choice extends string>(options: {
  readonly help: string;
  readonly choices: readonly Choice[];
  readonly default: Choice;
  readonly short?: string;
}): Flag<Choice> {
  const { choices } = options;
  return valueFlag<Choice>({
    ...options,
    placeholder: choices.join('|'),
    parse: (text) => {
      const chosen = choices.find((choice) => choice === text);
      if (chosen === undefined) throw new Error(`must be one of ${choices.join(', ')}`);
      return chosen;
    },
    format: String,
  });
}

/** A list: separated by commas, or the flag given several times. */
export function listFlag(options: FlagOptions<readonly string[]>): Flag<readonly string[]> {
  return {
    required: false,
    placeholder: 'A,B,…',
    default: [],
    ...options,
    repeatable: true,
    parse: (text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    format: (value) => value.join(','),
    join: (values) => values.flat(),
  };
}

export function listenAddressFlag<Options extends FlagOptions<ListenAddress>>(
  options: Options,
): Flag<Outcome<ListenAddress, Options>> {
  return valueFlag({
    placeholder: 'HOST:PORT',
    ...options,
    parse: parseListenAddress,
    format: formatListenAddress,
  }) as Flag<Outcome<ListenAddress, Options>>;
}

/** A flag of any other type: durations, names with rules of their own. */
export function valueFlag<T>(options: ValueFlagOptions<T> & ({ default: T } | { required: true })): Flag<T>;
export function valueFlag<T>(options: ValueFlagOptions<T>): Flag<T | undefined>;
export function valueFlag<T>(options: ValueFlagOptions<T>): Flag<T | undefined> {
  const { parse, format } = options;
  return {
    placeholder: options.placeholder,
    help: options.help,
    default: options.default,
    required: options.required ?? false,
    repeatable: false,
    short: options.short,
    parse,
    format: (value) => (value === undefined ? '' : format(value)),
  };
}

/** `nodeId` as on the command line: "--node-id". */
export function flagName(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `nodeId` as in the environment: "CERTMOUNT_NODE_ID". */
export function environmentName(name: string): string {
  return `CERTMOUNT_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
