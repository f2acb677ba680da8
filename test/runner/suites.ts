import { execFileSync } from 'node:child_process';
import type { BinaryName } from '../cluster/binaries.ts';
import type { ProgramName } from '../cluster/node/packages.ts';

/** A group of tests that needs the same of its machine. */
export interface Suite {
  readonly name: string;
  readonly summary: string;
  /** Test files at once. */
  readonly concurrency: number;
  /** After so long the suite has failed. */
  readonly limitMinutes: number;
  /** Suites of one lane run one after the other, the lanes beside each other: much of the time is spent waiting. */
  readonly lane: 'short' | 'cluster' | 'kubelet';
  /** Programs that are found or built before it starts: a build takes longer than a test may. */
  readonly binaries: readonly BinaryName[];
  /** Programs of the machine whose Debian packages root installs before it starts. */
  readonly programs: readonly ProgramName[];
  /** Whether the test files use the bundle of `npm run build`. */
  readonly needsBundle: boolean;
  /** Why this machine cannot run it; undefined when it can. */
  readonly obstacle: () => string | undefined;
}

const controlPlane = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'] as const;
const nodePrograms = ['ip', 'containerd', 'ctr', 'runc', 'ptp', 'busybox', 'openssl'] as const;
const usual = {
  binaries: [] as readonly BinaryName[],
  programs: [] as readonly ProgramName[],
  concurrency: 1,
  limitMinutes: 10,
  lane: 'short',
  needsBundle: false,
} as const;

export const suites: readonly Suite[] = [
  {
    ...usual,
    name: 'lint',
    summary: 'format, types, rules, generated files',
    obstacle: () => undefined,
  },
  {
    ...usual,
    name: 'unit',
    summary: 'pure, with a fake clock',
    concurrency: 2,
    obstacle: () => undefined,
  },
  {
    ...usual,
    name: 'simulation',
    summary: "a fleet's load on the API server, by the real code with a fake clock",
    obstacle: () => undefined,
  },
  {
    ...usual,
    name: 'hostile',
    summary: 'input that wants to do harm',
    binaries: controlPlane,
    obstacle: clusterObstacle,
  },
  {
    ...usual,
    name: 'integration',
    summary: 'a real etcd and kube-apiserver, real mounts',
    lane: 'cluster',
    binaries: controlPlane,
    limitMinutes: 25,
    obstacle: clusterObstacle,
  },
  {
    ...usual,
    name: 'installation',
    summary: 'the installer, and the manifests with their components',
    lane: 'kubelet',
    binaries: controlPlane,
    obstacle: clusterObstacle,
  },
  {
    ...usual,
    name: 'harness',
    summary: 'the clusters of these tests: what they start, and that nothing of it stays',
    lane: 'kubelet',
    binaries: [...controlPlane, 'kube-scheduler', 'kubelet'],
    programs: nodePrograms,
    obstacle: clusterObstacle,
  },
  {
    ...usual,
    name: 'security',
    summary: 'attacks with stolen credentials, each beside a neighbour that is allowed',
    binaries: controlPlane,
    obstacle: clusterObstacle,
  },
  {
    ...usual,
    name: 'interoperation',
    summary: "controllers and drivers that behave as cert-manager's",
    binaries: controlPlane,
    obstacle: clusterObstacle,
  },
  {
    ...usual,
    name: 'faults',
    summary: 'the driver killed at every step, and a world that fails around it',
    binaries: controlPlane,
    obstacle: rootObstacle,
  },
  {
    ...usual,
    name: 'torn-reads',
    summary: 'readers in several languages while a volume rotates ten times a second',
    programs: ['python3'],
    obstacle: rootObstacle,
  },
  {
    ...usual,
    name: 'node',
    summary: 'a real kubelet, containerd and pods',
    concurrency: 2,
    lane: 'kubelet',
    binaries: [...controlPlane, 'kube-scheduler', 'kubelet'],
    programs: nodePrograms,
    limitMinutes: 20,
    needsBundle: true,
    obstacle: nodeObstacle,
  },
  {
    ...usual,
    name: 'conformance',
    summary: "csi-sanity, other people's suite",
    binaries: [...controlPlane, 'csi-sanity'],
    obstacle: nodeObstacle,
  },
  {
    ...usual,
    name: 'applications',
    summary: 'nginx, Envoy, PostgreSQL, Go, Java and Node with what the driver writes',
    programs: ['openssl', 'java', 'javac', 'keytool', 'nginx', 'postgres', 'pip3', 'python3'],
    obstacle: rootObstacle,
  },
  {
    ...usual,
    name: 'soak',
    summary: '110 volumes that live a minute, for three minutes, with restarts',
    binaries: controlPlane,
    lane: 'kubelet',
    needsBundle: true,
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

function rootObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'root is needed to mount, and to install what is missing';
  return clusterObstacle();
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
