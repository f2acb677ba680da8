import { parseArgs } from 'node:util';
import type { Bench, BenchOptions } from './bench-context.ts';
import { benches } from './benches.ts';

/** The command line cannot be understood; the message says what is wrong with it. */
export class UsageError extends Error {}

export type Command =
  | { readonly command: 'help' }
  | {
      readonly command: 'run';
      readonly benches: readonly Bench[];
      readonly json: boolean;
      readonly options: BenchOptions;
    };

const flagOf = { runs: '--runs N', atOnce: '--at-once N', seconds: '--seconds N' } as const;

export function usage(): string {
  return `Usage: npm run bench -- NAME [OPTIONS]

Measures certmount on a Kubernetes that is started for it and taken down again. Every bench measures its own yardstick in the
same run. Figures are printed, nothing is judged. Driver and controller run from the bundle, with the flags of Node that
daemonset/daemonset.yaml and deploy/deployment.yaml have.

Benches:
${benches.map(describe).join('\n')}
  all         every one of them, one after the other

Options:
  --json          one line of JSON per bench on standard output; progress is on standard error either way
  --runs N, --at-once N, --seconds N
                  how much is measured, as above
  --profile DIR   driver and controller run from src/ and leave CPU profiles in DIR when they end
  --help          show this text

All but keygen need root, because volumes are mounted. pod-ready also needs Debian's containerd, which it installs.

Environment:
  KUBEBUILDER_ASSETS  a folder with kube-apiserver, etcd, kubectl, …; what is missing in it is built with Go

Examples:
  npm run bench -- mount
  npm run --silent bench -- storm --runs 10 --json
  npm run bench -- rotation --seconds 600
`;
}

export function parseCommand(argv: readonly string[]): Command {
  const { values, positionals } = parse(argv);
  if (values.help) return { command: 'help' };
  const [name, ...rest] = positionals;
  const names = [...benches.map((bench) => bench.name), 'all'].join(', ');
  if (name === undefined) throw new UsageError(`no bench is named; one of ${names}`);
  if (rest.length > 0) throw new UsageError(`one bench at a time, or all; not also ${rest.join(' ')}`);
  const chosen = name === 'all' ? benches : benches.filter((bench) => bench.name === name);
  if (chosen.length === 0) throw new UsageError(`unknown bench ${JSON.stringify(name)}; one of ${names}`);
  return {
    command: 'run',
    benches: chosen,
    json: values.json ?? false,
    options: optionsOf(values, chosen),
  };
}

function describe({ name, summary, options }: Bench): string {
  const lines = Object.entries(options).map(
    ([option, meaning]) => `                ${flagOf[option as keyof typeof flagOf]}: ${meaning}`,
  );
  return [`  ${name.padEnd(12)}${summary}`, ...lines].join('\n');
}

function parse(argv: readonly string[]): ReturnType<typeof parseArgs<typeof config>> {
  try {
    return parseArgs({ ...config, args: [...argv] });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

const config = {
  allowPositionals: true,
  options: {
    json: { type: 'boolean' },
    runs: { type: 'string' },
    'at-once': { type: 'string' },
    seconds: { type: 'string' },
    profile: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
} as const;

function optionsOf(values: ReturnType<typeof parse>['values'], chosen: readonly Bench[]): BenchOptions {
  const given = { runs: values.runs, atOnce: values['at-once'], seconds: values.seconds };
  const options: { -readonly [K in keyof BenchOptions]: BenchOptions[K] } = {};
  for (const [name, text] of Object.entries(given) as [keyof typeof given, string | undefined][]) {
    if (text === undefined) continue;
    const flag = flagOf[name].replace(' N', '');
    if (!/^[1-9][0-9]{0,5}$/.test(text)) throw new UsageError(`${flag} ${text}: a whole number from 1`);
    if (!chosen.some((bench) => bench.options[name] !== undefined)) {
      throw new UsageError(`${flag} means nothing to ${chosen.map((bench) => bench.name).join(', ')}`);
    }
    options[name] = Number(text);
  }
  if (values.profile !== undefined) options.profileDir = values.profile;
  return options;
}
