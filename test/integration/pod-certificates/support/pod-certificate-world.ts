import { constants, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { namespaces, nodes, pods } from '../../../../src/api/core.ts';
import type { Pod } from '../../../../src/api/core.ts';
import { clusterIssuers } from '../../../../src/api/issuer.ts';
import { isTerminal } from '../../../../src/api/pod-certificate-request.ts';
import type {
  PodCertificateRequest,
  PodCertificateRequestSpec,
} from '../../../../src/api/pod-certificate-request.ts';
import { KubeClient, keyOf, systemClock } from '../../../../src/kube/index.ts';
import type { KubeObject } from '../../../../src/kube/index.ts';
import {
  createRequest,
  decodePem,
  encodePrivateKey,
  generateKey,
  noAltNames,
  publicKeyOf,
} from '../../../../src/pki/index.ts';
import { startControlPlane } from '../../../cluster/control-plane.ts';
import type { ControlPlane } from '../../../cluster/control-plane.ts';
import { eventually } from '../../../support/eventually.ts';
import {
  podCertificateGates,
  podCertificateVolume,
  podCertificates,
} from '../../../support/pod-certificates.ts';
import type { KeyForm } from '../../../support/pod-certificates.ts';
import { base64 } from '../../../unit/controller/builders.ts';
import type { TestCa } from '../../../unit/controller/builders.ts';
import { controllerCredentials } from '../../../support/controller-credentials.ts';
import { whenEstablished } from '../../../support/when-established.ts';

const deps = { clock: systemClock, random: Math.random };
const deploy = new URL('../../../../deploy/', import.meta.url).pathname;

export const nodeName = 'node-a';
const signers = ['mesh-ca', 'late-ca', 'dying-ca', 'web.team-ca'].map((name) => `certmount.io/${name}`);

export interface AskOptions extends Partial<PodCertificateRequestSpec> {
  readonly pod?: Pod;
  readonly form?: KeyForm;
  readonly key?: KeyObject;
}

/** A control plane that serves pod certificates and trust bundles, with a node that has a pod and no kubelet. */
export class PodCertificateWorld {
  readonly cluster: ControlPlane;
  readonly admin: KubeClient;
  readonly node: KubeClient;
  readonly #nodeUid: string;

  private constructor(cluster: ControlPlane, admin: KubeClient, node: KubeClient, nodeUid: string) {
    this.cluster = cluster;
    this.admin = admin;
    this.node = node;
    this.#nodeUid = nodeUid;
  }

  static async start(): Promise<PodCertificateWorld> {
    const cluster = await startControlPlane({ controllerManager: false, ...podCertificateGates });
    await cluster.applyPath(`${deploy}crds`);
    const client = async (user: 'admin' | { readonly node: string }): Promise<KubeClient> =>
      new KubeClient(
        { connection: await cluster.connection(user), userAgent: 'certmount-test', maxSockets: 32 },
        deps,
      );
    const admin = await client('admin');
    await whenEstablished(admin);
    for (const name of ['web', 'certmount']) await admin.resource(namespaces).create({ metadata: { name } });
    await cluster.kubectl(['apply', '-n', 'certmount', '-f', `${deploy}rbac.yaml`]);
    await cluster.kubectl(['apply', '-f', `${deploy}policies/pod-certificates.yaml`]);
    const { metadata } = await admin.resource(nodes).create({ metadata: { name: nodeName }, spec: {} });
    return new PodCertificateWorld(cluster, admin, await client({ node: nodeName }), metadata.uid ?? '');
  }

  async stop(): Promise<void> {
    this.admin.close();
    this.node.close();
    await this.cluster.stop();
  }

  /** For the controller, with the permissions that it is installed with. */
  controllerKubeconfig(): Promise<string> {
    return this.cluster.kubeconfig(controllerCredentials);
  }

  async createClusterIssuer(name: string, ca: TestCa, chain: readonly TestCa[] = []): Promise<void> {
    await this.putCa('certmount', name, ca, chain);
    await this.admin
      .resource(clusterIssuers)
      .create({ metadata: { name }, spec: { ca: { secretName: name } } });
  }

  async putCa(namespace: string, name: string, ca: TestCa, chain: readonly TestCa[] = []): Promise<void> {
    const data = {
      'tls.crt': base64([ca, ...chain].map(({ pem }) => pem).join('')),
      'tls.key': base64(encodePrivateKey(ca.key, 'PKCS8')),
    };
    await this.cluster.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, data });
  }

  /** Bound to the node; nothing will ever run it. */
  async createPod(name: string, serviceAccount: string): Promise<Pod> {
    const account: KubeObject = { metadata: { namespace: 'web', name: serviceAccount } };
    await this.cluster.apply({ apiVersion: 'v1', kind: 'ServiceAccount', ...account });
    await this.cluster.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: 'web', name },
      spec: {
        nodeName,
        serviceAccountName: serviceAccount,
        automountServiceAccountToken: false,
        containers: [{ name: 'main', image: 'none' }],
        volumes: [podCertificateVolume(signers)],
      },
    });
    return this.admin.resource(pods).get({ namespace: 'web', name });
  }

  /** What a kubelet makes for a projection of the pod. */
  async request(pod: Pod, options: AskOptions = {}): Promise<PodCertificateRequest> {
    const { form = 'stub', key: given, pod: _, ...spec } = options;
    const key = given ?? (await generateKey({ algorithm: 'ECDSA', size: 256 }));
    const { name = '', namespace = '', uid = '' } = pod.metadata;
    const { serviceAccountName = '' } = pod.spec;
    const path = `jsonpath={.metadata.uid}`;
    const account = await this.cluster.kubectl([
      'get',
      'sa',
      '-n',
      namespace,
      serviceAccountName,
      '-o',
      path,
    ]);
    return {
      metadata: {
        namespace,
        generateName: 'req-',
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid }],
      },
      spec: {
        signerName: 'certmount.io/mesh-ca',
        podName: name,
        podUID: uid,
        serviceAccountName,
        serviceAccountUID: account,
        nodeName,
        nodeUID: this.#nodeUid,
        maxExpirationSeconds: 86_400,
        ...(form === 'stub' ? await stubOf(key) : proofOf(key, uid)),
        ...spec,
      },
    };
  }

  /** Created as the kubelet does it. */
  async ask(pod: Pod, options: AskOptions = {}): Promise<PodCertificateRequest> {
    const request = await this.request(pod, options);
    return this.node.resource(podCertificates).create(request);
  }

  async whenAnswered(request: PodCertificateRequest, timeoutMs = 10_000): Promise<PodCertificateRequest> {
    const resource = this.admin.resource(podCertificates);
    return eventually(
      `an answer to ${request.metadata.name}`,
      async () => {
        const now = await resource.get(keyOf(request));
        return isTerminal(now) ? now : undefined;
      },
      timeoutMs,
      20,
    );
  }
}

async function stubOf(key: KeyObject): Promise<Pick<PodCertificateRequestSpec, 'stubPKCS10Request'>> {
  const pem = await createRequest({ subject: {}, altNames: noAltNames }, key);
  const [block] = decodePem(pem, 'the stub', 10_000);
  return { stubPKCS10Request: block?.der.toString('base64') ?? '' };
}

/** The pod's uid, signed: as `crypto/rsa.SignPSS`, `ecdsa.SignASN1` and `ed25519.Sign` do it. */
function proofOf(
  key: KeyObject,
  uid: string,
): Pick<PodCertificateRequestSpec, 'pkixPublicKey' | 'proofOfPossession'> {
  const data = Buffer.from(uid);
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  const proof =
    key.asymmetricKeyType === 'ed25519'
      ? sign(null, data, key)
      : sign('sha256', data, key.asymmetricKeyType === 'rsa' ? { key, ...padding } : key);
  return {
    pkixPublicKey: publicKeyOf(key).export({ type: 'spki', format: 'der' }).toString('base64'),
    proofOfPossession: proof.toString('base64'),
  };
}
