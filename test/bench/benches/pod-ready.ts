import type { Pod } from '../../../src/api/core.ts';
import { pods } from '../../../src/api/core.ts';
import { KubeClient, systemClock } from '../../../src/kube/index.ts';
import { clusterIssuerWithCa } from '../../support/certificate-authority.ts';
import { type CertmountCluster, startCertmountCluster } from '../../support/certmount-cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { namespace, workloadPod } from '../../support/pods.ts';
import type { Bench, BenchContext } from '../bench-context.ts';
import { distributionOf } from '../report/distribution.ts';
import type { Report } from '../report/report.ts';
import { PodWatch } from '../stand/pod-watch.ts';
import { installTmpfsDriver, tmpfsDriverName } from '../stand/tmpfs-driver.ts';

const ns = 'bench';
const issuer = 'bench-ca';
const warmUp = 2;
/** Starts no process while it waits, and ends at once. */
const command = ['/bin/sh', '-c', 'trap "exit 0" TERM; sleep 3600 & wait'];

const kinds = ['none', 'tmpfs', 'certmount'] as const;
type Kind = (typeof kinds)[number];

export const podReadyBench: Bench = {
  name: 'pod-ready',
  summary:
    'A pod on a real kubelet until it is Ready, against a volume whose driver only mounts a tmpfs, and no volume.',
  options: { runs: 'pods of each kind, 20 by default' },
  run,
};

async function run(context: BenchContext): Promise<Report> {
  const { log, onKubernetes, options } = context;
  const { runs = 20 } = options;
  await using cluster = await startCertmountCluster({ log });
  const client = new KubeClient(
    { connection: await cluster.controlPlane.connection('admin'), userAgent: 'certmount-bench' },
    { clock: systemClock, random: Math.random },
  );
  onKubernetes(
    (await client.request<{ gitVersion: string }>({ method: 'GET', path: '/version' })).gitVersion,
  );
  await prepare(cluster);
  const watch = await PodWatch.start(client, ns);
  const times: Record<Kind, number[]> = { none: [], tmpfs: [], certmount: [] };
  log(`${runs} pods of each kind, one after the other`);
  for (let turn = -warmUp; turn < runs; turn++) {
    for (const [kind, time] of await oneTurn(client, watch, turn + warmUp)) {
      if (turn >= 0) times[kind].push(time);
    }
  }
  await watch.stop();
  client.close();
  return report(times);
}

async function prepare(cluster: CertmountCluster): Promise<void> {
  await cluster.controlPlane.apply([...(await clusterIssuerWithCa(issuer)).manifests, namespace(ns)]);
  await installTmpfsDriver(cluster);
  await cluster.kubectl('wait', `clusterissuer/${issuer}`, '--for=condition=Ready', '--timeout=30s');
  await eventually('the service account', () =>
    cluster.kubectl('get', 'serviceaccount', '-n', ns, 'default'),
  );
  await eventually('both drivers to be registered', async () => {
    const node = await cluster.kubectl(
      'get',
      'csinode',
      cluster.node.name,
      '-o',
      'jsonpath={.spec.drivers[*].name}',
    );
    return node.includes(tmpfsDriverName) && node.includes('csi.certmount.io') ? true : undefined;
  });
}

/** A pod of each kind, each in every place as often as in the others; then they go together, which takes long. */
async function oneTurn(client: KubeClient, watch: PodWatch, turn: number): Promise<[Kind, number][]> {
  const first = turn % kinds.length;
  const times: [Kind, number][] = [];
  for (const kind of [...kinds.slice(first), ...kinds.slice(0, first)]) {
    times.push([kind, await timeToReady(client, watch, podOf(kind, `${kind}-${turn}`))]);
  }
  await Promise.all(
    kinds.map((kind) => client.resource(pods).delete({ namespace: ns, name: `${kind}-${turn}` })),
  );
  await Promise.all(kinds.map((kind) => watch.gone(`${kind}-${turn}`)));
  return times;
}

/** @returns milliseconds from the create on until the watch told that the pod is Ready */
async function timeToReady(client: KubeClient, watch: PodWatch, pod: Pod): Promise<number> {
  const started = performance.now();
  const ready = watch.ready(pod.metadata.name ?? '');
  await Promise.all([ready, client.resource(pods).create(pod)]);
  return (await ready) - started;
}

function podOf(kind: Kind, name: string): Pod {
  const common = { name, namespace: ns, command };
  switch (kind) {
    case 'none':
      return workloadPod(common) as Pod;
    case 'tmpfs':
      return workloadPod({ ...common, driver: tmpfsDriverName, attributes: {} }) as Pod;
    case 'certmount':
      return workloadPod({
        ...common,
        attributes: { 'issuer-name': issuer, 'issuer-kind': 'ClusterIssuer' },
      }) as Pod;
  }
}

function report(times: Readonly<Record<Kind, readonly number[]>>): Report {
  const certmount = distributionOf(times.certmount);
  const tmpfs = distributionOf(times.tmpfs);
  const none = distributionOf(times.none);
  return {
    bench: 'pod-ready',
    title: 'pods on a kubelet, one at a time, from their creation to Ready',
    rows: [
      { what: 'with a volume of certmount', unit: 'ms', distribution: certmount },
      {
        what: 'yardstick: with a volume of a driver that only mounts a tmpfs',
        unit: 'ms',
        distribution: tmpfs,
      },
      { what: 'without a volume', unit: 'ms', distribution: none },
    ],
    figures: { yardstick_p50_ms: tmpfs.p50, ratio: certmount.p50 / tmpfs.p50, no_volume_p50_ms: none.p50 },
  };
}
