import { featureGateFlag, type FeatureGates } from '../control-plane/flags.ts';
import { containerdSocket } from './containerd.ts';
import type { NodeNetwork } from './network.ts';

/** The kubelet's directory, as on most machines. Inside the node only. */
export const usualKubeletDir = '/var/lib/kubelet';

export interface KubeletOptions {
  readonly nodeName: string;
  readonly network: NodeNetwork;
  readonly dnsAddress: string;
  /** Relative to the root of every control group hierarchy. */
  readonly cgroupRoot: string;
  readonly maxPods: number;
  readonly kubeletDir: string;
  /** Of a KubeletConfiguration, in place of what is here. */
  readonly configuration: Readonly<Record<string, unknown>>;
}

export function kubeletConfig({ cgroupRoot, configuration, dnsAddress, maxPods }: KubeletOptions): unknown {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: '/run/node/etc/ca.crt' },
    },
    authorization: { mode: 'Webhook' },
    address: '0.0.0.0',
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    // Two kubelets with one root would remove each other's pods.
    cgroupRoot,
    failCgroupV1: false,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    // The cluster has no DNS server, but a pod that wants one is not an event worth.
    clusterDNS: [dnsAddress],
    clusterDomain: 'cluster.local',
    resolvConf: '/run/node/etc/resolv.conf',
    maxPods,
    // What the machine's disk and memory look like is no matter of the test's.
    evictionHard: {
      'memory.available': '0%',
      'nodefs.available': '0%',
      'nodefs.inodesFree': '0%',
      'imagefs.available': '0%',
    },
    imageGCHighThresholdPercent: 100,
    // Throttled clients would be measured along with what is measured.
    eventRecordQPS: 0,
    kubeAPIQPS: 500,
    kubeAPIBurst: 1000,
    enableDebuggingHandlers: true,
    ...configuration,
  };
}

export function kubeletFlags(
  { kubeletDir, nodeName, network }: KubeletOptions,
  featureGates: FeatureGates,
): string[] {
  return [
    '--config=/run/node/etc/kubelet.json',
    '--kubeconfig=/run/node/etc/kubeconfig',
    `--root-dir=${kubeletDir}`,
    `--hostname-override=${nodeName}`,
    `--node-ip=${network.address}`,
    ...featureGateFlag(featureGates),
  ];
}
