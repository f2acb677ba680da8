import { anchorSetName, anchorSets } from '../../../../src/api/anchor-set.ts';
import type { AnchorSet } from '../../../../src/api/anchor-set.ts';
import { bundles } from '../../../../src/api/bundle.ts';
import type { Bundle, BundleSpec } from '../../../../src/api/bundle.ts';
import { getCondition } from '../../../../src/api/condition.ts';
import type { Condition } from '../../../../src/api/condition.ts';
import { configMaps, namespaces, secrets } from '../../../../src/api/core.ts';
import type { ConfigMap, Secret } from '../../../../src/api/core.ts';
import { isKubeError, KubeClient, systemClock } from '../../../../src/kube/index.ts';
import type { KubeObject } from '../../../../src/kube/index.ts';
import { startControlPlane } from '../../../cluster/control-plane.ts';
import type { ControlPlane } from '../../../cluster/control-plane.ts';
import { eventually } from '../../../support/eventually.ts';
import { base64, newCa } from '../../../unit/controller/builders.ts';
import type { TestCa } from '../../../unit/controller/builders.ts';
import { controllerCredentials } from '../../../support/controller-credentials.ts';
import { whenEstablished } from '../../../support/when-established.ts';
import { podCertificateGates } from '../../../support/pod-certificates.ts';

const day = 24 * 60 * 60 * 1000;
const deploy = new URL('../../../../deploy/', import.meta.url).pathname;

/** A root that is valid now, under a name of its own. */
export function newRoot(commonName: string, options: Parameters<typeof newCa>[0] = {}): Promise<TestCa> {
  const now = Date.now();
  return newCa({
    subject: { commonName },
    notBefore: new Date(now - day),
    notAfter: new Date(now + 365 * day),
    ...options,
  });
}

/** A control plane with ClusterTrustBundles and without garbage collection, the controller's permissions, and what tests do there. */
export class BundleWorld {
  readonly cluster: ControlPlane;
  readonly client: KubeClient;

  private constructor(cluster: ControlPlane, client: KubeClient) {
    this.cluster = cluster;
    this.client = client;
  }

  static async start(): Promise<BundleWorld> {
    const cluster = await startControlPlane({
      controllerManager: false,
      ...podCertificateGates,
    });
    const connection = await cluster.connection('admin');
    const client = new KubeClient(
      { connection, userAgent: 'certmount-test' },
      { clock: systemClock, random: Math.random },
    );
    const world = new BundleWorld(cluster, client);
    await world.installCrds();
    await world.createNamespace('certmount');
    await cluster.kubectl(['apply', '-n', 'certmount', '-f', `${deploy}rbac.yaml`]);
    await cluster.kubectl(['apply', '-f', `${deploy}components/secret-targets/rbac.yaml`]);
    return world;
  }

  async installCrds(): Promise<void> {
    await this.cluster.applyPath(`${deploy}crds`);
    await whenEstablished(this.client);
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.cluster.stop();
  }

  /** For the controller, with the permissions that it is installed with. */
  controllerKubeconfig(): Promise<string> {
    return this.cluster.kubeconfig(controllerCredentials);
  }

  async createNamespace(name: string, labels: Record<string, string> = {}): Promise<void> {
    await this.client.resource(namespaces).create({ metadata: { name, labels } });
  }

  async createBundle(
    name: string,
    spec: BundleSpec,
    annotations: Record<string, string> = {},
  ): Promise<Bundle> {
    return this.client.resource(bundles).create({ metadata: { name, annotations }, spec });
  }

  async patchBundle(name: string, patch: object): Promise<void> {
    await this.client.resource(bundles).patch({ name }, patch);
  }

  async deleteBundle(name: string): Promise<void> {
    await this.client.resource(bundles).delete({ name });
  }

  /** A ConfigMap of the trust namespace. */
  async putConfigMap(name: string, data: Record<string, string>, namespace = 'certmount'): Promise<void> {
    await this.client
      .resource(configMaps)
      .apply({ metadata: { namespace, name }, data }, { fieldManager: 'test', force: true });
  }

  /** A Secret of the trust namespace. */
  async putSecret(
    name: string,
    texts: Record<string, string>,
    labels: Record<string, string> = {},
  ): Promise<void> {
    const data = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, base64(text)]));
    await this.client
      .resource(secrets)
      .apply(
        { metadata: { namespace: 'certmount', name, labels }, data },
        { fieldManager: 'test', force: true },
      );
  }

  async configMap(namespace: string, name: string): Promise<ConfigMap | undefined> {
    return absent(this.client.resource(configMaps).get({ namespace, name }));
  }

  async secret(namespace: string, name: string): Promise<Secret | undefined> {
    return absent(this.client.resource(secrets).get({ namespace, name }));
  }

  async anchorSet(bundle: string): Promise<AnchorSet | undefined> {
    return absent(
      this.client.resource(anchorSets).get({ name: anchorSetName({ kind: 'Bundle', name: bundle }) }),
    );
  }

  /** The target's PEM once it is this; with null once there is no target. */
  async whenPem(namespace: string, name: string, pem: string | null, key = 'ca.crt'): Promise<void> {
    await eventually(`the ConfigMap ${namespace}/${name}`, async () => {
      const found = await this.configMap(namespace, name);
      return pem === null ? found === undefined || undefined : found?.data?.[key] === pem || undefined;
    });
  }

  /** The condition Synced once its reason is this, and its message, where one is given, contains that. */
  async whenSynced(name: string, reason: string, message = ''): Promise<Condition> {
    let last: Condition | undefined;
    return eventually(`Bundle ${name} to be ${reason}`, async () => {
      const { status } = await this.client.resource(bundles).get({ name });
      last = getCondition(status?.conditions, 'Synced');
      if (last?.reason === reason && last.message?.includes(message) === true) return last;
      throw new Error(JSON.stringify(last));
    });
  }
}

async function absent<T extends KubeObject>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (isKubeError(error, 'not-found')) return undefined;
    throw error;
  }
}
