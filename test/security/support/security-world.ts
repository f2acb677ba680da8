import assert from 'node:assert/strict';
import { certificateRequests } from '../../../src/api/certificate-request.ts';
import type { CertificateRequest } from '../../../src/api/certificate-request.ts';
import { getCondition } from '../../../src/api/condition.ts';
import { secrets } from '../../../src/api/core.ts';
import type { Pod } from '../../../src/api/core.ts';
import { requestLabels } from '../../../src/api/driver-requests.ts';
import { clusterIssuers, issuers } from '../../../src/api/issuer.ts';
import { Requester } from '../../../src/driver/volume/issuance/requester.ts';
import type { RequesterIdentity } from '../../../src/driver/volume/issuance/requester.ts';
import { isKubeError, KubeClient, systemClock } from '../../../src/kube/index.ts';
import type { Connection } from '../../../src/kube/connection.ts';
import type { KubeObject, ObjectKey, OwnerReference } from '../../../src/kube/index.ts';
import { encodePrivateKey, noAltNames } from '../../../src/pki/index.ts';
import type { AltNames } from '../../../src/pki/index.ts';
import { startControlPlane } from '../../cluster/control-plane.ts';
import type { ClusterUser, ControlPlane } from '../../cluster/control-plane.ts';
import { ControllerProcess } from '../../integration/controller/support/controller-process.ts';
import { settle } from '../../integration/admission/support/settle.ts';
import { eventually } from '../../support/eventually.ts';
import { installManifests } from '../../support/install-manifests.ts';
import { createNamespace, createNode, createPod, driverCredentials } from '../../support/node-identity.ts';
import { podCertificateGates } from '../../support/pod-certificates.ts';
import { base64, newCa, newCsr } from '../../unit/controller/builders.ts';
import type { TestCa } from '../../unit/controller/builders.ts';
import { controllerCredentials } from '../../support/controller-credentials.ts';

const day = 24 * 60 * 60 * 1000;

export interface SecurityWorldOptions {
  /** Garbage collection, and what makes the roles `edit`, `view` and `admin` of others; false when not given. */
  readonly controllerManager?: boolean;
  /** PodCertificateRequests and ClusterTrustBundles are served. */
  readonly podCertificates?: boolean;
  readonly controllerFlags?: readonly string[];
}

/** Somebody with credentials of their own: whom the API server takes them for, and what they say of themselves. */
export interface Actor {
  readonly client: KubeClient;
  readonly identity: RequesterIdentity;
}

type Forgery = Omit<Partial<CertificateRequest['spec']>, 'duration'> & {
  readonly duration?: string | undefined;
  readonly namespace?: string;
  readonly name?: string;
  /** PEM; one for the identity of `web/app` when not given. */
  readonly csr?: string;
  readonly owners?: readonly OwnerReference[];
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
};

/**
 * All that is installed, a controller under its own account, the namespaces `web` and `store` with the Issuer `ca` each, the
 * ClusterIssuer `mesh`, and the nodes `node-a` and `node-b`, whose drivers' credentials are at hand.
 */
export class SecurityWorld {
  readonly cluster: ControlPlane;
  readonly admin: KubeClient;
  readonly root: TestCa;
  readonly #clients: KubeClient[] = [];
  readonly #nodeUids = new Map<string, string>();
  readonly #startController: () => ControllerProcess;
  #controller: ControllerProcess;
  #created = 0;

  private constructor(
    cluster: ControlPlane,
    parts: { admin: KubeClient; root: TestCa; startController: () => ControllerProcess },
  ) {
    this.cluster = cluster;
    this.admin = parts.admin;
    this.root = parts.root;
    this.#startController = parts.startController;
    this.#controller = parts.startController();
  }

  static async start(options: SecurityWorldOptions = {}): Promise<SecurityWorld> {
    const { controllerFlags = [], controllerManager = false, podCertificates = false } = options;
    const cluster = await startControlPlane({
      controllerManager,
      ...(podCertificates && podCertificateGates),
    });
    await installManifests(cluster);
    const admin = clientOf(await cluster.connection('admin'));
    await settle(cluster, admin, 'ValidatingAdmissionPolicy');
    const kubeconfig = await cluster.kubeconfig(controllerCredentials);
    const startController = (): ControllerProcess => new ControllerProcess(kubeconfig, controllerFlags);
    const root = await newCa({
      notBefore: new Date(Date.now() - day),
      notAfter: new Date(Date.now() + 365 * day),
    });
    const world = new SecurityWorld(cluster, { admin, root, startController });
    try {
      await world.#furnish();
      await world.#whenReady();
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  get controller(): ControllerProcess {
    return this.#controller;
  }

  /** Another one takes over from the API alone. */
  async restartController(): Promise<void> {
    await this.#controller.end('SIGTERM');
    this.#controller = this.#startController();
    await this.#whenReady();
  }

  async stop(): Promise<void> {
    for (const client of [this.admin, ...this.#clients]) client.close();
    await this.#controller.end('SIGTERM');
    await this.cluster.stop();
  }

  async actor(
    user: ClusterUser,
    change = (connection: Connection): Connection => connection,
  ): Promise<Actor> {
    const client = clientOf(change(await this.cluster.connection(user)));
    this.#clients.push(client);
    const requester = new Requester({}, { client, token: () => Promise.resolve(undefined) });
    return { client, identity: await requester.identity() };
  }

  nodeUid(name: string): string {
    return this.#nodeUids.get(name) ?? assert.fail(name);
  }

  /** What somebody has who took over the driver of a node. */
  async driver(node: string): Promise<Actor> {
    return this.actor(await driverCredentials(this.admin, node));
  }

  /** `web/NAME` of the service account `app` on `node-a`, unless the options say otherwise. */
  pod(options: Partial<Parameters<typeof createPod>[1]> = {}): Promise<Pod> {
    this.#created += 1;
    const defaults = {
      namespace: 'web',
      name: `pod-${this.#created}`,
      nodeName: 'node-a',
      serviceAccount: 'app',
    };
    return createPod(this.admin, { ...defaults, ...options });
  }

  /** Of a pod, as its driver writes it. */
  async ask(actor: Actor, pod: Pod, forgery: Forgery = {}): Promise<ObjectKey> {
    const { namespace = 'web' } = pod.metadata;
    const { nodeName = '' } = pod.spec;
    return this.forge(actor, {
      namespace,
      owners: [ownerOf(pod)],
      labels: { [requestLabels.driver]: 'csi.certmount.io', [requestLabels.node]: nodeName },
      csr: await csrFor({ uris: [spiffeIdOf(pod)] }),
      ...forgery,
    });
  }

  /** A request to the Issuer `ca` with just what is said. */
  async forge(actor: Actor, forgery: Forgery = {}): Promise<ObjectKey> {
    this.#created += 1;
    const { annotations, csr, labels, name, namespace = 'web', owners, ...said } = forgery;
    const { duration, ...spec } = { duration: '24h', ...said };
    const key = { namespace, name: name ?? `request-${this.#created}` };
    await actor.client.resource(certificateRequests).create({
      metadata: {
        ...key,
        ...(labels && { labels }),
        ...(annotations && { annotations }),
        ...(owners && { ownerReferences: [...owners] }),
      },
      spec: {
        request: base64(csr ?? (await newCsr())),
        issuerRef: { name: 'ca' },
        ...(duration !== undefined && { duration }),
        ...actor.identity,
        ...spec,
      },
    });
    return key;
  }

  request(key: ObjectKey): Promise<CertificateRequest> {
    return this.admin.resource(certificateRequests).get(key);
  }

  /** The request with its last word. */
  final(key: ObjectKey): Promise<CertificateRequest> {
    return eventually(
      `the last word on ${key.namespace}/${key.name}`,
      async () => {
        const request = await this.request(key);
        const { reason = '' } = getCondition(request.status?.conditions, 'Ready') ?? {};
        return ['Issued', 'Denied', 'Failed'].includes(reason) ? request : undefined;
      },
      30_000,
      20,
    );
  }

  async assertIssued(key: ObjectKey): Promise<CertificateRequest> {
    const request = await this.final(key);
    assert.ok(request.status?.certificate, `${key.name}: ${JSON.stringify(request.status?.conditions)}`);
    return request;
  }

  /** Nothing was issued, and the requester is told why. */
  async assertDenied(key: ObjectKey, says: RegExp): Promise<void> {
    const { status } = await this.final(key);
    assert.equal(status?.certificate, undefined, `${key.name} was issued`);
    const message = getCondition(status?.conditions, 'Denied')?.message;
    assert.match(message ?? JSON.stringify(status?.conditions), says);
  }

  /** Nobody has said a word on it, though the controller has seen it: a request that came later was answered. */
  async assertLeft(key: ObjectKey): Promise<void> {
    await this.assertIssued(await this.ask(await this.#usual(), await this.pod({ name: 'usual' })));
    const { status } = await this.request(key);
    assert.equal(status, undefined, JSON.stringify(status));
  }

  async putCa(namespace: string, name: string, ca = this.root): Promise<void> {
    await this.putSecret(
      { namespace, name },
      { 'tls.crt': ca.pem, 'tls.key': encodePrivateKey(ca.key, 'PKCS8') },
    );
  }

  async putSecret(
    metadata: KubeObject['metadata'],
    texts: Record<string, string>,
    client = this.admin,
  ): Promise<void> {
    const data = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, base64(text)]));
    await client.resource(secrets).create({ metadata, data });
  }

  async #whenReady(): Promise<void> {
    await eventually(
      'the controller to be ready',
      async () => (await this.#controller.ready()) || undefined,
      60_000,
    );
  }

  #usualDriver: Promise<Actor> | undefined;
  #usual(): Promise<Actor> {
    return (this.#usualDriver ??= this.driver('node-a'));
  }

  async #furnish(): Promise<void> {
    for (const namespace of ['web', 'store']) {
      await createNamespace(this.admin, namespace);
      await this.putCa(namespace, 'ca');
      const metadata = { namespace, name: 'ca' };
      await this.admin.resource(issuers).create({ metadata, spec: { ca: { secretName: 'ca' } } });
    }
    await this.putCa('certmount', 'mesh');
    const spec = { ca: { secretName: 'mesh' } };
    await this.admin.resource(clusterIssuers).create({ metadata: { name: 'mesh' }, spec });
    for (const node of ['node-a', 'node-b']) {
      await driverCredentials(this.admin, node);
      this.#nodeUids.set(node, await createNode(this.admin, node));
    }
  }
}

export function ownerOf({ metadata: { name = '', uid = '' } }: Pod): OwnerReference {
  return { apiVersion: 'v1', kind: 'Pod', name, uid };
}

export function spiffeIdOf({ metadata: { namespace = '' }, spec }: Pod): string {
  return `spiffe://cluster.local/ns/${namespace}/sa/${spec.serviceAccountName ?? 'default'}`;
}

export function csrFor(names: Partial<AltNames>): Promise<string> {
  return newCsr({ altNames: { ...noAltNames, ...names } });
}

/** What the API server says against it. Fails when it does it. */
export async function refusal(action: Promise<unknown>): Promise<string> {
  try {
    await action;
  } catch (error) {
    if (isKubeError(error, 'forbidden', 'invalid', 'unauthorized', 'bad-request')) return error.message;
    throw error;
  }
  return assert.fail('it was done');
}

export function clientOf(connection: Connection): KubeClient {
  return new KubeClient(
    { connection, userAgent: 'certmount-test', maxSockets: 32 },
    { clock: systemClock, random: Math.random },
  );
}
