import { execFileSync } from 'node:child_process';

/** A group of tests that needs the same of its machine. */
export interface Suite {
  readonly name: string;
  readonly summary: string;
  /** Test files at once. */
  readonly concurrency: number;
  /** After so long the suite has failed. */
  readonly limitMinutes: number;
  /** Whether the test files use the bundle of `npm run build`. */
  readonly needsBundle: boolean;
  /** Why this machine cannot run it; undefined when it can. */
  readonly obstacle: () => string | undefined;
}

export const suites: readonly Suite[] = [
  {
    name: 'lint',
    summary: 'format, types, rules, generated files',
    concurrency: 1,
    limitMinutes: 5,
    needsBundle: false,
    obstacle: () => undefined,
  },
  {
    name: 'unit',
    summary: 'pure, with a fake clock',
    concurrency: 2,
    limitMinutes: 5,
    needsBundle: false,
    obstacle: () => undefined,
  },
  {
    name: 'integration',
    summary: 'a real etcd and kube-apiserver, real mounts',
    concurrency: 1,
    limitMinutes: 15,
    needsBundle: false,
    obstacle: clusterObstacle,
  },
  {
    name: 'node',
    summary: 'a real kubelet, containerd and pods',
    concurrency: 1,
    limitMinutes: 15,
    needsBundle: true,
    obstacle: nodeObstacle,
  },
  {
    name: 'conformance',
    summary: "csi-sanity, other people's suite",
    concurrency: 1,
    limitMinutes: 10,
    needsBundle: false,
    obstacle: nodeObstacle,
  },
];

function clusterObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'Kubernetes runs on Linux only';
  if (process.env['KUBEBUILDER_ASSETS'] !== undefined) return undefined;
  const version = goVersion();
  if (version === undefined)
    return 'Go is not installed, and KUBEBUILDER_ASSETS does not name a folder of binaries';
  if (version < 1.26) return `Go ${version} is older than 1.26, with which Kubernetes is built`;
  return undefined;
}

function nodeObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'root is needed to mount and to start a kubelet';
  return clusterObstacle();
}

function goVersion(): number | undefined {
  try {
    const text = execFileSync('go', ['env', 'GOVERSION'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Number.parseFloat(text.replace(/^go/, ''));
  } catch {
    return undefined;
  }
}
