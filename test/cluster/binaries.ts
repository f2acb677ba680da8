import { createHash } from 'node:crypto';
import { accessSync, constants, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { buildGoTool, type GoTool } from './build/go-tool.ts';
import { type Log, stderrLog } from './log.ts';

export type BinaryName =
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kubelet'
  | 'kubectl'
  | 'csi-sanity';

/** Where a program's source comes from: a folder of `go/` with a go.mod, and the package in it. */
interface Source {
  readonly folder: string;
  /** The module whose version is the program's. */
  readonly module: string;
  readonly package: string;
}

const sources: Readonly<Record<BinaryName, Source>> = {
  etcd: { folder: 'etcd', module: 'go.etcd.io/etcd/server/v3', package: 'go.etcd.io/etcd/server/v3' },
  'kube-apiserver': kubernetes('kube-apiserver'),
  'kube-controller-manager': kubernetes('kube-controller-manager'),
  'kube-scheduler': kubernetes('kube-scheduler'),
  kubelet: kubernetes('kubelet'),
  kubectl: kubernetes('kubectl'),
  'csi-sanity': {
    folder: 'csi-sanity',
    module: 'github.com/kubernetes-csi/csi-test/v5',
    package: 'github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity',
  },
};

export interface BinariesOptions {
  readonly log?: Log;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Finds the programs in `KUBEBUILDER_ASSETS`, then in the user's cache, and builds those that are in neither
 * (envtest's folder has no kubelet, for one).
 *
 * @returns the path of each
 */
export async function findBinaries<N extends BinaryName>(
  names: readonly N[],
  { log = stderrLog, env = process.env }: BinariesOptions = {},
): Promise<Record<N, string>> {
  const paths: Partial<Record<N, string>> = {};
  const missing: GoTool[] = [];
  for (const name of names) {
    const provided = env['KUBEBUILDER_ASSETS'] && join(env['KUBEBUILDER_ASSETS'], name);
    if (provided && isExecutable(provided)) {
      paths[name] = provided;
      continue;
    }
    const tool = describeTool(name, cacheDirectory(env));
    paths[name] = tool.output;
    if (!isExecutable(tool.output)) missing.push(tool);
  }
  for (const [index, tool] of missing.entries()) {
    const progress = `${index + 1} of ${missing.length}`;
    await buildGoTool(tool, { log, env, isBuilt: () => isExecutable(tool.output), progress });
  }
  return paths as Record<N, string>;
}

/** The version of Kubernetes that is built, such as `v1.36.3`. */
export function kubernetesVersion(): string {
  return moduleVersion(sources.kubelet);
}

/** Shared by every clone of the repository: a folder for each module's version, checksums and platform. */
function describeTool(name: BinaryName, cache: string): GoTool {
  const source = sources[name];
  const version = moduleVersion(source);
  const moduleDirectory = join(goDirectory, source.folder);
  const digest = createHash('sha256')
    .update(readFileSync(join(moduleDirectory, 'go.mod')))
    .update(readFileSync(join(moduleDirectory, 'go.sum')))
    .digest('hex')
    .slice(0, 12);
  return {
    name,
    version,
    moduleDirectory,
    package: source.package,
    linkerFlags: source.folder === 'kubernetes' ? kubernetesLinkerFlags(version) : ['-s', '-w'],
    output: join(cache, `${source.folder}-${version}-${digest}-${process.platform}-${process.arch}`, name),
  };
}

const goDirectory = join(import.meta.dirname, 'go');

function kubernetes(program: string): Source {
  return { folder: 'kubernetes', module: 'k8s.io/kubernetes', package: `k8s.io/kubernetes/cmd/${program}` };
}

/** Without these the API server says that it is version 0.0. */
function kubernetesLinkerFlags(version: string): string[] {
  const [major, minor] = version.slice(1).split('.');
  const variables = { gitVersion: version, gitMajor: major, gitMinor: minor };
  return [
    '-s',
    '-w',
    ...Object.entries(variables).flatMap(([name, value]) => [
      '-X',
      `k8s.io/component-base/version.${name}=${value}`,
    ]),
  ];
}

function moduleVersion(source: Source): string {
  const text = readFileSync(join(goDirectory, source.folder, 'go.mod'), 'utf8');
  const line = text.split('\n').find((candidate) => candidate.trim().startsWith(`${source.module} v`));
  const version = line?.trim().split(' ')[1];
  if (version === undefined) throw new Error(`go/${source.folder}/go.mod does not require ${source.module}`);
  return version;
}

/** Of programs that every clone of the repository can use. */
export function cacheDirectory(env: Readonly<Record<string, string | undefined>>): string {
  const base = env['XDG_CACHE_HOME'] ?? join(env['HOME'] ?? homedir(), '.cache');
  return join(base, 'certmount', 'binaries');
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
