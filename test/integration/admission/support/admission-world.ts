import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { type CertificateRequest, certificateRequests } from '../../../../src/api/certificate-request.ts';
import { isKubeError, KubeClient, systemClock } from '../../../../src/kube/index.ts';
import type { ObjectKey } from '../../../../src/kube/index.ts';
import { root } from '../../../../tools/run-command.ts';
import {
  type ClusterUser,
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from '../../../cluster/control-plane.ts';
import { eventually } from '../../../support/eventually.ts';
import { createNamespace } from '../../../support/node-identity.ts';
import { base64, newCsr } from '../../../unit/controller/builders.ts';
import { settle } from './settle.ts';
import { whenEstablished } from '../../../support/when-established.ts';

type RequestOptions = Partial<CertificateRequest['spec']> & {
  readonly namespace?: string;
  readonly annotations?: Record<string, string>;
  readonly labels?: Record<string, string>;
  readonly status?: CertificateRequest['status'];
  /** In place of the client's own. */
  readonly token?: string | undefined;
};

/**
 * A control plane with the admission policies, and with CRDs that have no rules of their own, as cert-manager's: what is
 * refused there was refused by a policy.
 */
export class AdmissionWorld {
  readonly cluster: ControlPlane;
  readonly admin: KubeClient;
  readonly #csr: string;
  readonly #clients: KubeClient[] = [];
  #created = 0;

  private constructor(cluster: ControlPlane, admin: KubeClient, csr: string) {
    this.cluster = cluster;
    this.admin = admin;
    this.#csr = csr;
  }

  static async start(options: ControlPlaneOptions = {}): Promise<AdmissionWorld> {
    const cluster = await startControlPlane({ controllerManager: false, ...options });
    await cluster.apply(customResourceDefinitions());
    const admin = clientOf(await cluster.connection('admin'));
    await whenEstablished(admin);
    for (const name of ['certmount', 'web', 'store']) await createNamespace(admin, name);
    for (const folder of ['deploy', 'daemonset'])
      await cluster.kubectl(['apply', '-n', 'certmount', '-f', join(root, folder, 'rbac.yaml')]);
    for (const name of policies) await cluster.applyPath(join(root, 'deploy/policies', `${name}.yaml`));
    await cluster.applyPath(join(root, 'daemonset/deletion-policy.yaml'));
    await settle(cluster, admin, 'ValidatingAdmissionPolicy');
    return new AdmissionWorld(cluster, admin, base64(await newCsr()));
  }

  async stop(): Promise<void> {
    for (const client of [this.admin, ...this.#clients]) client.close();
    await this.cluster.stop();
  }

  /** From here on the API server writes who made a request. */
  async fillIdentities(): Promise<void> {
    await this.cluster.applyPath(join(root, 'deploy/components/mutating-identity/admission-policy.yaml'));
    await settle(this.cluster, this.admin, 'MutatingAdmissionPolicy');
    // What mutates an object of a CRD needs its description, which comes a moment after the CRD (503 until then).
    const spec = { request: this.#csr, issuerRef: { name: 'ca' } };
    const probe = { metadata: { namespace: 'web', name: 'probe' }, spec };
    await eventually('requests to be taken', () =>
      this.admin.resource(certificateRequests).create(probe, { dryRun: true }),
    );
  }

  /** @param as whom to impersonate: the value of `Impersonate-User` */
  async client(user: ClusterUser, as?: string): Promise<KubeClient> {
    const connection = await this.cluster.connection(user);
    const client = clientOf(as === undefined ? connection : impersonating(connection, as));
    this.#clients.push(client);
    return client;
  }

  /**
   * A ClusterRole with its binding.
   *
   * @param subjects names of users, or `NAMESPACE/NAME` of service accounts
   */
  async grant(name: string, subjects: readonly string[], rules: readonly object[]): Promise<void> {
    const rbac = 'rbac.authorization.k8s.io';
    await this.cluster.apply([
      { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'ClusterRoleBinding',
        metadata: { name },
        roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
        subjects: subjects.map((subject) => {
          const [namespace, account] = subject.split('/');
          return account === undefined
            ? { kind: 'User', apiGroup: rbac, name: subject }
            : { kind: 'ServiceAccount', namespace, name: account };
        }),
      },
    ]);
  }

  /** A request in `web` to the issuer `web/ca`, unless the options say otherwise. */
  async request(client: KubeClient, options: RequestOptions = {}): Promise<CertificateRequest> {
    const { annotations = {}, labels = {}, namespace = 'web', status, token, ...spec } = options;
    this.#created += 1;
    const request = {
      metadata: { namespace, name: `request-${this.#created}`, annotations, labels },
      spec: { request: this.#csr, issuerRef: { name: 'ca' }, ...spec },
      ...(status && { status }),
    };
    return client.resource(certificateRequests).create(request, { token });
  }

  /** A merge patch. */
  patch(
    client: KubeClient,
    { metadata: { name = '', namespace = '' } }: CertificateRequest,
    body: object,
    subresource?: 'status',
  ): Promise<CertificateRequest> {
    const key: ObjectKey = { namespace, name };
    return client.resource(certificateRequests).patch(key, body, subresource ? { subresource } : {});
  }
}

/** What the API server says against it; undefined when it does it. */
export async function refusal(action: Promise<unknown>): Promise<string | undefined> {
  try {
    await action;
    return undefined;
  } catch (error) {
    if (isKubeError(error, 'forbidden', 'invalid')) return error.message;
    throw error;
  }
}

const policies = ['approval', 'immutable', 'node-trust', 'requester', 'status'] as const;

function clientOf(connection: Awaited<ReturnType<ControlPlane['connection']>>): KubeClient {
  return new KubeClient(
    { connection, userAgent: 'certmount-test' },
    { clock: systemClock, random: Math.random },
  );
}

function impersonating<C extends object>(connection: C, user: string): C {
  return { ...connection, headers: { 'Impersonate-User': user } };
}

function customResourceDefinitions(): object[] {
  const folder = join(root, 'deploy/crds');
  return readdirSync(folder)
    .flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), 'utf8')))
    .map((document) => withoutRules(document.toJS()) as object);
}

function withoutRules(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutRules);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'x-kubernetes-validations')
      .map(([key, inner]) => [key, withoutRules(inner)]),
  );
}
