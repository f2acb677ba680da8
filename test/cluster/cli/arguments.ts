import { parseArgs } from 'node:util';
import type { FeatureGates } from '../control-plane/flags.ts';

export const usage = `Usage: npm run cluster -- COMMAND [OPTIONS]

A real Kubernetes on this machine: etcd, kube-apiserver, controller manager, scheduler,
and nodes with containerd and a kubelet. Nothing is fetched but Go modules and Debian packages.

Commands:
  up                start a cluster and leave it running; does nothing when it runs already
  status            show the clusters, their processes, nodes and files
  down              take a cluster down: processes, mounts, networks and files
  kubectl ARGS…     run kubectl as the cluster's admin; everything after the word goes to kubectl
  env               print the shell line that points kubectl and others to the cluster
  help              show this text

Options for every command:
  --name NAME       which cluster; default: "default", or else the only one that runs
  --help            show this text

Options for up:
  --node            with a node that runs pods (root on Debian; missing packages are installed)
  --nodes N         with N nodes, 1 to 6
  --feature-gates A=true,B=false
                    for every component, as Kubernetes' own flag
  --runtime-config API=true,…
                    for the API server, such as certificates.k8s.io/v1beta1=true

Options for status and down:
  --all             status: those of test runs too; down: all but those of test runs that still run

Environment:
  KUBEBUILDER_ASSETS  a folder with kube-apiserver, etcd, kubectl, …; what is missing in it is built with Go
  XDG_CACHE_HOME      where built programs are kept, in certmount/binaries (default: ~/.cache)
  TMPDIR              where the clusters' files are (default: /tmp)

Examples:
  npm run cluster -- up --node
  npm run cluster -- kubectl get pods --all-namespaces
  npm run cluster -- down
`;

export type Command =
  | { command: 'help' }
  | {
      command: 'up';
      name: string;
      nodes: number;
      featureGates: FeatureGates;
      runtimeConfig: string | undefined;
    }
  | { command: 'status'; name: string | undefined; all: boolean }
  | { command: 'down'; name: string | undefined; all: boolean }
  | { command: 'env'; name: string | undefined }
  | { command: 'kubectl'; name: string | undefined; args: readonly string[] };

/** The command line cannot be understood; the message says what is wrong with it. */
export class UsageError extends Error {}

export function parseCommand(argv: readonly string[]): Command {
  const at = commandIndex(argv);
  const command = argv[at];
  const own = command === 'kubectl' ? argv.slice(0, at) : argv.toSpliced(at, 1);
  const options = parseOptions(own);
  if (options.help || command === undefined || command === 'help') return { command: 'help' };
  const { name, all = false } = options;
  if (name !== undefined && !/^[a-z0-9][a-z0-9-]{0,29}$/.test(name)) {
    throw new UsageError(`--name ${name}: up to 30 of a-z, 0-9 and -`);
  }
  switch (command) {
    case 'up':
      return {
        command,
        name: name ?? defaultName,
        nodes: nodeCount(options.node, options.nodes),
        featureGates: parseGates(options['feature-gates']),
        runtimeConfig: options['runtime-config'],
      };
    case 'status':
    case 'down':
      return { command, name, all };
    case 'env':
      return { command, name };
    case 'kubectl':
      return { command, name, args: argv.slice(at + 1) };
    default:
      throw new UsageError(`unknown command ${command}; one of up, status, down, kubectl, env, help`);
  }
}

export const defaultName = 'default';

/** The first word that is neither an option nor the value of `--name`. */
function commandIndex(argv: readonly string[]): number {
  const index = argv.findIndex((word, i) => !word.startsWith('-') && argv[i - 1] !== '--name');
  return index < 0 ? argv.length : index;
}

function parseOptions(args: readonly string[]): Options {
  try {
    return parseArgs({ args: [...args], options: optionTypes, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

const optionTypes = {
  name: { type: 'string' },
  node: { type: 'boolean' },
  nodes: { type: 'string' },
  'feature-gates': { type: 'string' },
  'runtime-config': { type: 'string' },
  all: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Options = {
  [K in keyof typeof optionTypes]?:
    ((typeof optionTypes)[K]['type'] extends 'boolean' ? boolean : string) | undefined;
};

function nodeCount(node: boolean | undefined, nodes: string | undefined): number {
  if (nodes === undefined) return node ? 1 : 0;
  if (!/^[1-6]$/.test(nodes)) throw new UsageError(`--nodes ${nodes}: a number from 1 to 6`);
  return Number(nodes);
}

function parseGates(text: string | undefined): FeatureGates {
  if (text === undefined) return {};
  return Object.fromEntries(
    text.split(',').map((part) => {
      const [, name, value] = /^(\w+)=(true|false)$/.exec(part) ?? [];
      if (name === undefined) throw new UsageError(`--feature-gates ${part}: want NAME=true or NAME=false`);
      return [name, value === 'true'];
    }),
  );
}
