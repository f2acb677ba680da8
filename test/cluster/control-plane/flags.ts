import { join } from 'node:path';
import type { Layout } from './layout.ts';

export type FeatureGates = Readonly<Record<string, boolean>>;

export function etcdFlags({ dir, etcdClientUrl, etcdPeerUrl }: Layout): string[] {
  return [
    '--name=cluster',
    `--data-dir=${join(dir, 'etcd')}`,
    `--listen-client-urls=${etcdClientUrl}`,
    `--advertise-client-urls=${etcdClientUrl}`,
    `--listen-peer-urls=${etcdPeerUrl}`,
    `--initial-advertise-peer-urls=${etcdPeerUrl}`,
    `--initial-cluster=cluster=${etcdPeerUrl}`,
    // One member that nobody relies on after a crash of the machine.
    '--unsafe-no-fsync',
    '--heartbeat-interval=50',
    '--election-timeout=500',
    '--log-level=warn',
  ];
}

export interface ApiServerOptions {
  readonly featureGates: FeatureGates;
  readonly runtimeConfig?: string | undefined;
  readonly extraFlags: readonly string[];
}

export function apiServerFlags(layout: Layout, options: ApiServerOptions): string[] {
  const file = (name: string): string => join(layout.dir, 'pki', name);
  return [
    `--etcd-servers=${layout.etcdClientUrl}`,
    `--bind-address=${layout.address}`,
    `--advertise-address=${layout.address}`,
    `--secure-port=${layout.port}`,
    `--endpoint-reconciler-type=${layout.publishEndpoint ? 'lease' : 'none'}`,
    `--service-cluster-ip-range=${layout.serviceRange}`,
    `--tls-cert-file=${file('server.crt')}`,
    `--tls-private-key-file=${file('server.key')}`,
    `--client-ca-file=${file('ca.crt')}`,
    `--kubelet-client-certificate=${file('kubelet-client.crt')}`,
    `--kubelet-client-key=${file('kubelet-client.key')}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${file('service-accounts.pub')}`,
    `--service-account-signing-key-file=${file('service-accounts.key')}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    '--profiling=false',
    ...featureGateFlag(options.featureGates),
    ...(options.runtimeConfig === undefined ? [] : [`--runtime-config=${options.runtimeConfig}`]),
    ...options.extraFlags,
  ];
}

export function controllerManagerFlags(
  { dir }: Layout,
  featureGates: FeatureGates,
  kubeconfig: string,
): string[] {
  const file = (name: string): string => join(dir, 'pki', name);
  return [
    `--kubeconfig=${kubeconfig}`,
    '--leader-elect=false',
    '--secure-port=0',
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${file('service-accounts.key')}`,
    `--root-ca-file=${file('ca.crt')}`,
    `--cluster-signing-cert-file=${file('ca.crt')}`,
    `--cluster-signing-key-file=${file('ca.key')}`,
    // Throttled clients would be measured along with what is measured.
    '--kube-api-qps=200',
    '--kube-api-burst=400',
    '--profiling=false',
    ...featureGateFlag(featureGates),
  ];
}

export function schedulerFlags(configFile: string, featureGates: FeatureGates): string[] {
  return [`--config=${configFile}`, '--secure-port=0', ...featureGateFlag(featureGates)];
}

export function schedulerConfig(kubeconfig: string): unknown {
  return {
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    clientConnection: { kubeconfig, qps: 200, burst: 400 },
    leaderElection: { leaderElect: false },
    enableProfiling: false,
  };
}

export function featureGateFlag(gates: FeatureGates): string[] {
  const text = Object.entries(gates).map(([name, on]) => `${name}=${on}`);
  return text.length === 0 ? [] : [`--feature-gates=${text.join(',')}`];
}
