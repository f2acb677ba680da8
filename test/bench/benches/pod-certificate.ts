import type { Pod } from '../../../src/api/core.ts';
import { events, nodes, pods } from '../../../src/api/core.ts';
import { isTerminal, podCertificateRequests } from '../../../src/api/pod-certificate-request.ts';
import type { PodCertificateRequest } from '../../../src/api/pod-certificate-request.ts';
import { formatTime } from '../../../src/api/time.ts';
import { KubeClient, keyOf, Reflector, systemClock } from '../../../src/kube/index.ts';
import type { KubeObject } from '../../../src/kube/index.ts';
import { createRequest, decodePem, generateKey, noAltNames } from '../../../src/pki/index.ts';
import { clusterIssuerWithCa } from '../../support/certificate-authority.ts';
import { type CertmountCluster, startCertmountCluster } from '../../support/certmount-cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { podCertificateGates, podCertificatePod } from '../../support/pod-certificates.ts';
import { namespace, workloadPod } from '../../support/pods.ts';
import type { Bench, BenchContext } from '../bench-context.ts';
import { distributionOf } from '../report/distribution.ts';
import type { Report } from '../report/report.ts';
import { PodWatch } from '../stand/pod-watch.ts';

const ns = 'bench';
const issuer = 'bench-ca';
const signer = `certmount.io/${issuer}`;
const type = podCertificateRequests('v1beta1');
const warmUp = 2;
/** Requests for each pod that is started: they are much quicker. */
const requestsPerRun = 5;
const deps = { clock: systemClock, random: Math.random };
/** Starts no process while it waits, and ends at once. */
const command = ['/bin/sh', '-c', 'trap "exit 0" TERM; sleep 3600 & wait'];

const kinds = ['none', 'podCertificate', 'certmount'] as const;
type Kind = (typeof kinds)[number];

export const podCertificateBench: Bench = {
  name: 'pod-certificate',
  summary:
    "Kubernetes' own pod certificates: a PodCertificateRequest from created to Issued, and pods until they are Ready.",
  options: { runs: `pods of each kind, 20 by default, and ${requestsPerRun} times as many requests` },
  run,
};

async function run(context: BenchContext): Promise<Report> {
  const { log, onKubernetes, options } = context;
  const { runs = 20 } = options;
  await using cluster = await startCertmountCluster({ log, controlPlane: podCertificateGates });
  const client = await clientOf(cluster, 'admin');
  onKubernetes(
    (await client.request<{ gitVersion: string }>({ method: 'GET', path: '/version' })).gitVersion,
  );
  await prepare(cluster);
  const watch = await PodWatch.start(client, ns);
  log(`${runs * requestsPerRun} requests, one after the other`);
  await using asker = await Asker.start(cluster, client, watch);
  await asker.oneByOne(warmUp * requestsPerRun);
  const requests = await asker.oneByOne(runs * requestsPerRun);
  const bare = await asker.bareOneByOne(runs * requestsPerRun);

  log(`${runs} pods of each kind, one after the other`);
  const times: Record<Kind, number[]> = { none: [], podCertificate: [], certmount: [] };
  let firstTries = 0;
  for (let turn = -warmUp; turn < runs; turn++) {
    const measured = await oneTurn(client, watch, turn + warmUp);
    if (turn < 0) continue;
    for (const [kind, time] of measured.times) times[kind].push(time);
    if (measured.firstTry) firstTries += 1;
  }
  await watch.stop();
  client.close();
  return report({ requests, bare, times, firstTryShare: firstTries / runs });
}

async function clientOf(
  cluster: CertmountCluster,
  user: 'admin' | { readonly node: string },
): Promise<KubeClient> {
  const connection = await cluster.controlPlane.connection(user);
  return new KubeClient({ connection, userAgent: 'certmount-bench' }, deps);
}

async function prepare(cluster: CertmountCluster): Promise<void> {
  await cluster.controlPlane.apply([...(await clusterIssuerWithCa(issuer)).manifests, namespace(ns)]);
  await cluster.kubectl('wait', `clusterissuer/${issuer}`, '--for=condition=Ready', '--timeout=30s');
  await eventually('the service account', () =>
    cluster.kubectl('get', 'serviceaccount', '-n', ns, 'default'),
  );
  await eventually('the driver to be registered', async () => {
    const path = 'jsonpath={.spec.drivers[*].name}';
    const registered = await cluster.kubectl('get', 'csinode', cluster.node.name, '-o', path);
    return registered.includes('csi.certmount.io') ? true : undefined;
  });
}

/** Asks as the node's kubelet does, for a pod that runs there, and sees the answers through its selection. */
class Asker implements AsyncDisposable {
  readonly #admin: KubeClient;
  readonly #node: KubeClient;
  readonly #template: PodCertificateRequest;
  readonly #reflector: Reflector<PodCertificateRequest>;
  readonly #ending = new AbortController();

  private constructor(admin: KubeClient, node: KubeClient, template: PodCertificateRequest) {
    this.#admin = admin;
    this.#node = node;
    this.#template = template;
    const fieldSelector = `spec.nodeName=${template.spec.nodeName}`;
    this.#reflector = new Reflector({ resource: node.resource(type), fieldSelector }, deps);
    void this.#reflector.run(this.#ending.signal);
  }

  static async start(cluster: CertmountCluster, admin: KubeClient, watch: PodWatch): Promise<Asker> {
    const name = 'asker';
    const ready = watch.ready(name);
    const pod = await admin.resource(pods).create(workloadPod({ name, namespace: ns, command }) as Pod);
    await ready;
    const nodeName = cluster.node.name;
    const node = await admin.resource(nodes).get({ name: nodeName });
    const account = {
      group: '',
      version: 'v1',
      kind: 'ServiceAccount',
      plural: 'serviceaccounts',
      namespaced: true,
    };
    const { metadata } = await admin.resource<KubeObject>(account).get({ namespace: ns, name: 'default' });
    const template: PodCertificateRequest = {
      metadata: { namespace: ns, generateName: 'bench-' },
      spec: {
        signerName: signer,
        podName: name,
        podUID: pod.metadata.uid ?? '',
        serviceAccountName: 'default',
        serviceAccountUID: metadata.uid ?? '',
        nodeName,
        nodeUID: node.metadata.uid ?? '',
        maxExpirationSeconds: 86_400,
      },
    };
    const asker = new Asker(admin, await clientOf(cluster, { node: nodeName }), template);
    await asker.#reflector.whenSynced();
    return asker;
  }

  /** @returns milliseconds of each from its create on until the kubelet's watch told that it is issued */
  async oneByOne(count: number): Promise<number[]> {
    return this.#each(count, signer, async () => {});
  }

  /** The same without certmount: what the API server alone costs. */
  async bareOneByOne(count: number): Promise<number[]> {
    const time = formatTime(Date.now());
    const denied = { type: 'Denied', status: 'True', reason: 'Bench', message: '', lastTransitionTime: time };
    return this.#each(count, 'bench.example.com/none', async (created) => {
      const body = { ...created, status: { conditions: [denied] } } as PodCertificateRequest;
      await this.#admin.resource(type).replaceStatus(body);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    this.#node.close();
  }

  async #each(
    count: number,
    signerName: string,
    answer: (created: PodCertificateRequest) => Promise<void>,
  ): Promise<number[]> {
    const times: number[] = [];
    for (let index = 0; index < count; index++) {
      const spec = { ...this.#template.spec, signerName, stubPKCS10Request: await newStub() };
      const started = performance.now();
      const created = await this.#node.resource(type).create({ ...this.#template, spec });
      const answered = this.#reflector.waitFor(
        keyOf(created),
        (request) => request !== undefined && isTerminal(request),
        AbortSignal.timeout(30_000),
      );
      const [last] = await Promise.all([answered, answer(created)]);
      times.push(performance.now() - started);
      const [condition] = last?.status?.conditions ?? [];
      if (signerName === signer && condition?.type !== 'Issued') {
        throw new Error(`not issued: ${condition?.reason} ${condition?.message}`);
      }
      await this.#admin.resource(type).delete(keyOf(created));
    }
    return times;
  }
}

async function newStub(): Promise<string> {
  const key = await generateKey({ algorithm: 'ECDSA', size: 256 });
  const pem = await createRequest({ subject: {}, altNames: noAltNames }, key);
  return decodePem(pem, 'the stub', 10_000)[0]?.der.toString('base64') ?? '';
}

interface Turn {
  readonly times: readonly (readonly [Kind, number])[];
  /** Whether the kubelet's first attempt to make the volume found the certificate there. */
  readonly firstTry: boolean;
}

/** A pod of each kind, each in every place as often as in the others; then they go together, which takes long. */
async function oneTurn(client: KubeClient, watch: PodWatch, turn: number): Promise<Turn> {
  const first = turn % kinds.length;
  const times: [Kind, number][] = [];
  const nameOf = (kind: Kind): string => `${kind.toLowerCase()}-${turn}`;
  for (const kind of [...kinds.slice(first), ...kinds.slice(0, first)]) {
    times.push([kind, await timeToReady(client, watch, podOf(kind, nameOf(kind)))]);
  }
  const { items } = await client.resource(events).list({ namespace: ns });
  const firstTry = !items.some(
    ({ reason, regarding }) => reason === 'FailedMount' && regarding?.name === nameOf('podCertificate'),
  );
  await Promise.all(kinds.map((kind) => client.resource(pods).delete({ namespace: ns, name: nameOf(kind) })));
  await Promise.all(kinds.map((kind) => watch.gone(nameOf(kind))));
  return { times, firstTry };
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
    case 'podCertificate':
      return podCertificatePod({ ...common, signer }) as Pod;
    case 'certmount':
      return workloadPod({
        ...common,
        attributes: { 'issuer-name': issuer, 'issuer-kind': 'ClusterIssuer' },
      }) as Pod;
  }
}

function report(measured: {
  readonly requests: readonly number[];
  readonly bare: readonly number[];
  readonly times: Readonly<Record<Kind, readonly number[]>>;
  readonly firstTryShare: number;
}): Report {
  const [requests, bare] = [distributionOf(measured.requests), distributionOf(measured.bare)];
  const { certmount, none, podCertificate } = measured.times;
  const ready = distributionOf(podCertificate);
  return {
    bench: 'pod-certificate',
    title: 'PodCertificateRequests one at a time, and pods on a kubelet until they are Ready',
    rows: [
      { what: 'created to Issued', unit: 'ms', distribution: requests },
      { what: 'yardstick: bare create, status update, watch event', unit: 'ms', distribution: bare },
      { what: 'pod with podCertificate and clusterTrustBundle, Ready', unit: 'ms', distribution: ready },
      { what: 'pod with a volume of certmount, Ready', unit: 'ms', distribution: distributionOf(certmount) },
      { what: 'pod without a volume, Ready', unit: 'ms', distribution: distributionOf(none) },
    ],
    figures: {
      yardstick_p50_ms: bare.p50,
      ratio: requests.p50 / bare.p50,
      ready_p50_ms: ready.p50,
      csi_ready_p50_ms: distributionOf(certmount).p50,
      no_volume_p50_ms: distributionOf(none).p50,
      first_try_share: measured.firstTryShare,
    },
    notes: [
      'first_try_share: pods of which no FailedMount Event tells of a certificate that was not there yet',
    ],
  };
}
