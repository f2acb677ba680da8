import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CertificateRequest, certificateRequests } from '../../../src/api/certificate-request.ts';
import { requestAnnotations } from '../../../src/api/driver-requests.ts';
import { isKubeError, KubeClient, type KubeObject, Reflector, systemClock } from '../../../src/kube/index.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { stderrLog } from '../../cluster/log.ts';
import { clusterIssuerWithCa } from '../../support/certificate-authority.ts';
import { installManifests } from '../../support/install-manifests.ts';
import { boundTo, createNode, createPod, driverAccount } from '../../support/node-identity.ts';
import { namespace, serviceAccount } from '../../support/pods.ts';
import { ProgramProcess } from '../../support/program-process.ts';
import { FaultNode } from './fault-node.ts';
import { HandIssuer } from './hand-issuer.ts';
import { soon } from './soon.ts';
import { controllerCredentials } from '../../support/controller-credentials.ts';

const deps = { clock: systemClock, random: Math.random };

/** One API server and one controller for all nodes of a test file, and all that was ever asked of them. */
export class FaultCluster implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly client: KubeClient;
  readonly directory: string;
  readonly hand: HandIssuer;
  readonly #controller: ProgramProcess | undefined;
  readonly #history: Map<string, CertificateRequest>;
  /** Sees every request there is. */
  readonly requests: Reflector<CertificateRequest>;
  readonly #stop: AbortController;
  readonly #nodes: FaultNode[] = [];
  #nodesMade = 0;
  #tokensMade = 0;

  private constructor(parts: Parts) {
    this.controlPlane = parts.controlPlane;
    this.client = parts.client;
    this.directory = parts.directory;
    this.hand = parts.hand;
    this.#controller = parts.controller;
    this.#history = parts.history;
    this.requests = parts.present;
    this.#stop = parts.stop;
  }

  /** @param withController false where the test itself answers requests of cert-manager.io */
  static async start({ withController = true } = {}): Promise<FaultCluster> {
    const controlPlane = await startControlPlane({ controllerManager: false, log: stderrLog });
    try {
      return new FaultCluster(await prepare(controlPlane, withController));
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  }

  get caFile(): string {
    return join(this.directory, 'ca.crt');
  }

  /** A token as the kubelet gives it to a driver's pod on the node: good for as long as the pod is there. */
  async boundToken(nodeName: string): Promise<BoundToken> {
    this.#tokensMade += 1;
    const podName = `driver-${this.#tokensMade}`;
    await createNode(this.client, nodeName);
    const { namespace: ns, name } = driverAccount;
    const pod = await createPod(this.client, {
      ...{ namespace: ns, name: podName, nodeName, serviceAccount: name },
    });
    const connection = await this.controlPlane.connection(boundTo(pod));
    const token = (await connection.token?.()) ?? '';
    return {
      podName,
      token,
      revoke: async () => {
        const path = `/api/v1/namespaces/${driverAccount.namespace}/pods/${podName}`;
        const body = { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 };
        await this.client.request({ method: 'DELETE', path, body });
        const fixed = { ...connection, token: () => Promise.resolve(token) };
        const client = new KubeClient({ connection: fixed, userAgent: 'certmount-test' }, deps);
        const mine = { namespace: 'web' };
        await soon('the token to be refused', async () => {
          const error: unknown = await client
            .resource(certificateRequests)
            .list(mine)
            .catch((e: unknown) => e);
          return isKubeError(error, 'unauthorized') || undefined;
        });
        client.close();
      },
    };
  }

  /** A node of its own, with a pod on it; no driver runs yet. */
  async addNode(): Promise<FaultNode> {
    this.#nodesMade += 1;
    const node = await FaultNode.create(this, `node-${this.#nodesMade}`);
    this.#nodes.push(node);
    return node;
  }

  /** Every CertificateRequest that was ever made for the volume, as it was last seen. */
  everAsked(volumeId: string): CertificateRequest[] {
    return [...this.#history.values()].filter((request) => volumeOf(request) === volumeId);
  }

  /** Those that are there now. */
  present(volumeId: string): CertificateRequest[] {
    return [...this.requests.list()].filter((request) => volumeOf(request) === volumeId);
  }

  /** All that the API server was ever told, as text. */
  everythingTold(): string {
    return JSON.stringify([...this.#history.values()]);
  }

  async create(object: object): Promise<KubeObject> {
    return this.client.request<KubeObject>({ method: 'POST', path: pathOf(object as Named), body: object });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.remove()));
    this.#stop.abort();
    await this.#controller?.end('SIGKILL');
    this.client.close();
    rmSync(this.directory, { recursive: true, force: true });
    await this.controlPlane.stop();
  }
}

export interface BoundToken {
  readonly podName: string;
  readonly token: string;
  /** Resolves when the API server refuses it, which remembers a token that was good for ten seconds. */
  revoke(): Promise<void>;
}

interface Parts {
  readonly controlPlane: ControlPlane;
  readonly client: KubeClient;
  readonly directory: string;
  readonly hand: HandIssuer;
  readonly controller: ProgramProcess | undefined;
  readonly history: Map<string, CertificateRequest>;
  readonly present: Reflector<CertificateRequest>;
  readonly stop: AbortController;
}

async function prepare(controlPlane: ControlPlane, withController: boolean): Promise<Parts> {
  await installManifests(controlPlane);
  await controlPlane.apply([
    namespace('web'),
    serviceAccount('web', 'default'),
    serviceAccount('certmount', 'default'),
  ]);
  const controller = withController ? await startController(controlPlane) : undefined;

  const connection = await controlPlane.connection('admin');
  const client = new KubeClient({ connection, userAgent: 'certmount-test', maxSockets: 16 }, deps);
  const requests = client.resource(certificateRequests);
  const present = new Reflector({ resource: requests }, deps);
  const history = new Map<string, CertificateRequest>();
  present.subscribe(({ object }) => history.set(object.metadata.uid ?? '', object));
  const hand = await HandIssuer.start(requests, present);
  const stop = new AbortController();
  void present.run(stop.signal);
  await present.whenSynced();

  const directory = mkdtempSync(join(tmpdir(), 'certmount-faults-'));
  writeFileSync(join(directory, 'ca.crt'), connection.ca ?? '');
  return { controlPlane, client, directory, hand, controller, history, present, stop };
}

async function startController(controlPlane: ControlPlane): Promise<ProgramProcess> {
  const kubeconfig = await controlPlane.kubeconfig(controllerCredentials);
  const flags = ['--kubeconfig', kubeconfig, '--leader-elect=false'];
  const controller = new ProgramProcess({ program: 'controller', flags });
  await controlPlane.apply((await clusterIssuerWithCa('ca')).manifests);
  await controlPlane.kubectl(['wait', '--for=condition=Ready', 'clusterissuer/ca', '--timeout=20s']);
  return controller;
}

interface Named {
  readonly kind: string;
  readonly metadata: { readonly namespace: string };
}

function pathOf({ kind, metadata }: Named): string {
  return `/api/v1/namespaces/${metadata.namespace}/${kind.toLowerCase()}s`;
}

function volumeOf(request: CertificateRequest): string | undefined {
  return request.metadata.annotations?.[requestAnnotations.volumeId];
}
