import assert from 'node:assert/strict';
import { eventually } from '../../../support/eventually.ts';
import type { KeyObject } from 'node:crypto';
import { certificateRequests } from '../../../../src/api/certificate-request.ts';
import type { CertificateRequest } from '../../../../src/api/certificate-request.ts';
import { getCondition } from '../../../../src/api/condition.ts';
import type { Condition } from '../../../../src/api/condition.ts';
import { certificateRequestPolicies } from '../../../../src/api/certificate-request-policy.ts';
import type { CertificateRequestPolicySpec } from '../../../../src/api/certificate-request-policy.ts';
import { secrets } from '../../../../src/api/core.ts';
import type { Pod } from '../../../../src/api/core.ts';
import { requestLabels } from '../../../../src/api/driver-requests.ts';
import { clusterIssuers, issuers } from '../../../../src/api/issuer.ts';
import type { IssuerSpec } from '../../../../src/api/issuer.ts';
import { isKubeError, KubeClient, Reflector, systemClock } from '../../../../src/kube/index.ts';
import type { KubeObject, ObjectKey, ResourceType } from '../../../../src/kube/index.ts';
import { encodePrivateKey } from '../../../../src/pki/index.ts';
import { startControlPlane } from '../../../cluster/control-plane.ts';
import type { ClusterUser, ControlPlane } from '../../../cluster/control-plane.ts';
import { installManifests } from '../../../support/install-manifests.ts';
import { mayUse } from '../../../support/may-use.ts';
import { createNamespace, createPod, driverCredentials } from '../../../support/node-identity.ts';
import { Requester } from '../../../../src/driver/volume/issuance/requester.ts';
import type { RequesterIdentity } from '../../../../src/driver/volume/issuance/requester.ts';
import { base64, newCsr } from '../../../unit/controller/builders.ts';
import type { TestCa } from '../../../unit/controller/builders.ts';
import { controllerCredentials } from '../../../support/controller-credentials.ts';

const deps = { clock: systemClock, random: Math.random };
const nodeName = 'node-a';

type RequestOptions = Partial<CertificateRequest['spec']> & {
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly key?: KeyObject;
  /** Who asks; the driver of the node `node-a` when not given. */
  readonly as?: Asker;
  /** Whom the driver asks for: `app` of the service account `app` in the request's namespace when not given. */
  readonly pod?: Pod;
};

/** Who makes requests, as the API server knows it. */
export interface Asker {
  readonly client: KubeClient;
  readonly identity: RequesterIdentity;
}

/** A control plane with all that is installed, the namespace `web`, and a node with its driver's pod; what tests do there. */
export class World {
  readonly cluster: ControlPlane;
  readonly client: KubeClient;
  readonly #stop = new AbortController();
  readonly #requests: Reflector<CertificateRequest>;
  readonly #askers: Asker[] = [];
  readonly #pods = new Map<string, Promise<Pod>>();
  #driver: Asker | undefined;
  #created = 0;

  private constructor(cluster: ControlPlane, client: KubeClient) {
    this.cluster = cluster;
    this.client = client;
    this.#requests = new Reflector({ resource: client.resource(certificateRequests) }, deps);
  }

  /** With the issuer `ca` of this authority in the namespace `web`. */
  static async startWithCa(ca: TestCa): Promise<World> {
    const world = await World.start();
    await world.putCa({ namespace: 'web', name: 'ca' }, ca);
    await world.createIssuer('ca', { ca: { secretName: 'ca' } });
    return world;
  }

  static async start(): Promise<World> {
    const cluster = await startControlPlane({ controllerManager: false });
    await installManifests(cluster);
    const connection = await cluster.connection('admin');
    const client = new KubeClient({ connection, userAgent: 'certmount-test', maxSockets: 32 }, deps);
    const world = new World(cluster, client);
    await createNamespace(client, 'web');
    world.#driver = await world.asker(await driverCredentials(client, nodeName));
    void world.#requests.run(world.#stop.signal);
    await world.#requests.whenSynced();
    return world;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    for (const { client } of [this, ...this.#askers]) client.close();
    await this.cluster.stop();
  }

  async createIssuer(name: string, spec: IssuerSpec, namespace = 'web'): Promise<void> {
    await this.client.resource(issuers).create({ metadata: { namespace, name }, spec });
  }

  async createClusterIssuer(name: string, spec: IssuerSpec): Promise<void> {
    await this.client.resource(clusterIssuers).create({ metadata: { name }, spec });
  }

  /** Creates or replaces a signing CA's Secret. */
  async putCa(
    key: ObjectKey & { namespace: string },
    ca: TestCa,
    chain: readonly TestCa[] = [],
  ): Promise<void> {
    await this.putSecret(key, {
      'tls.crt': [ca, ...chain].map(({ pem }) => pem).join(''),
      'tls.key': encodePrivateKey(ca.key, 'PKCS8'),
    });
  }

  async putSecret(key: ObjectKey & { namespace: string }, texts: Record<string, string>): Promise<void> {
    const data = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, base64(text)]));
    await this.client
      .resource(secrets)
      .apply({ metadata: { ...key }, data }, { fieldManager: 'test', force: true });
  }

  /** For the controller, with the permissions that it is installed with. */
  controllerKubeconfig(): Promise<string> {
    return this.cluster.kubeconfig(controllerCredentials);
  }

  async asker(user: ClusterUser): Promise<Asker> {
    const connection = await this.cluster.connection(user);
    const client = new KubeClient({ connection, userAgent: 'certmount-test', maxSockets: 32 }, deps);
    const requester = new Requester({}, { client, token: () => Promise.resolve(undefined) });
    const asker = { client, identity: await requester.identity() };
    this.#askers.push(asker);
    return asker;
  }

  /** Somebody who may do everything, which is of no use with requests. */
  somebody(user = 'somebody'): Promise<Asker> {
    return this.asker({ user, groups: ['system:masters'] });
  }

  /** The driver's request, unless the options say otherwise. */
  async request(options: RequestOptions = {}): Promise<ObjectKey> {
    const { namespace = 'web', labels = {}, annotations = {}, as, key, pod, ...spec } = options;
    const asker = as ?? this.#driver;
    assert.ok(asker);
    this.#created += 1;
    const name = `request-${this.#created}`;
    const request: CertificateRequest = {
      metadata: {
        namespace,
        name,
        labels,
        annotations,
        ...(as ? {} : this.#driversMetadata(pod ?? (await this.pod(namespace)), labels)),
      },
      spec: {
        request: base64(await newCsr(key ? { key } : {})),
        issuerRef: { name: 'ca' },
        ...asker.identity,
        duration: '24h',
        ...spec,
      },
    };
    try {
      await asker.client.resource(certificateRequests).create(request);
    } catch (error) {
      // Our own first sending, whose answer was lost with a killed API server.
      if (!isKubeError(error, 'already-exists')) throw error;
    }
    return { namespace, name };
  }

  /** Whom requests of the driver in this namespace are for. */
  pod(namespace = 'web'): Promise<Pod> {
    const present = this.#pods.get(namespace);
    if (present) return present;
    const made = createPod(this.client, { namespace, name: 'app', nodeName, serviceAccount: 'app' });
    this.#pods.set(namespace, made);
    return made;
  }

  /** A policy that the service account may use in its namespace. */
  async allow(
    name: string,
    spec: CertificateRequestPolicySpec,
    { namespace = 'web', serviceAccount = 'app' } = {},
  ): Promise<void> {
    await this.client.resource(certificateRequestPolicies).create({ metadata: { name }, spec });
    const subject = { kind: 'ServiceAccount', namespace, name: serviceAccount };
    await this.cluster.apply(mayUse(name, subject, namespace));
  }

  /** The request once its Ready condition has the reason. */
  async whenReady(key: ObjectKey, reason = 'Issued', timeoutMs = 30_000): Promise<CertificateRequest> {
    const isSo = (request: CertificateRequest | undefined): boolean =>
      getCondition(request?.status?.conditions, 'Ready')?.reason === reason;
    const found = await this.#requests.waitFor(key, isSo, AbortSignal.timeout(timeoutMs)).catch(() => {
      const present = JSON.stringify(this.#requests.get(key)?.status);
      throw new Error(`${key.name} was not ${reason} in time: ${present}`);
    });
    if (!found) throw new Error(`${key.name} is gone`);
    return found;
  }

  conditions(key: ObjectKey): readonly Condition[] {
    return this.#requests.get(key)?.status?.conditions ?? [];
  }

  /** The issuer's Ready condition once its reason is this. */
  async whenIssuer(kind: 'Issuer' | 'ClusterIssuer', key: ObjectKey, reason: string): Promise<Condition> {
    const type: ResourceType<KubeObject & { status?: { conditions?: Condition[] } }> =
      kind === 'Issuer' ? issuers : clusterIssuers;
    return eventually(`${kind} ${key.name} to be ${reason}`, async () => {
      const { status } = await this.client.resource(type).get(key);
      const ready = getCondition(status?.conditions, 'Ready');
      return ready?.reason === reason ? ready : undefined;
    });
  }

  /** As the driver writes them. */
  #driversMetadata(
    { metadata: { name = '', uid = '' } }: Pod,
    labels: Record<string, string>,
  ): Pick<CertificateRequest['metadata'], 'labels' | 'ownerReferences'> {
    return {
      labels: { [requestLabels.driver]: 'csi.certmount.io', [requestLabels.node]: nodeName, ...labels },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid }],
    };
  }

  /** Sum of an API server metric's series that match. */
  async apiMetric(series: RegExp): Promise<number> {
    const text = await this.client.request<string>({ method: 'GET', path: '/metrics' });
    return text
      .split('\n')
      .filter((line) => series.test(line))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }
}
