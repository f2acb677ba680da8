import {
  type CertificateRequest,
  certificateRequests,
  type CertificateRequestStatus,
} from '../../../src/api/certificate-request.ts';
import type { Condition } from '../../../src/api/condition.ts';
import { isKubeError, type Resource } from '../../../src/kube/index.ts';
import type { FaultCluster } from '../../faults/support/fault-cluster.ts';
import { Authority, condition } from '../../unit/driver/support/authority.ts';

/** What a step of a script knows: the request as it stands, and what its issuer would sign for it. */
export interface Stage {
  readonly status: CertificateRequestStatus;
  readonly certificate: string;
  readonly ca: string;
}

/** One status write. A number is a pause, milliseconds. */
export type Step = number | ((stage: Stage) => CertificateRequestStatus);

/** cert-manager's words (1.21), as its approver and its CA issuer write them. */
export const words = {
  approved: condition(
    'Approved',
    'True',
    'cert-manager.io',
    'Certificate request has been approved by cert-manager.io',
  ),
  pending: condition(
    'Ready',
    'False',
    'Pending',
    'Waiting on certificate issuance from order web/x: "pending"',
  ),
  issued: condition('Ready', 'True', 'Issued', 'Certificate fetched from issuer successfully'),
  denied: condition('Denied', 'True', 'policy.cert-manager.io', 'names are not allowed'),
  readyDenied: condition(
    'Ready',
    'False',
    'Denied',
    'The CertificateRequest was denied by an approval controller',
  ),
  failed: condition('Ready', 'False', 'Failed', 'the order is invalid'),
  invalid: condition('InvalidRequest', 'True', 'InvalidRequest', 'the request asks for too much'),
};

/** The status with this condition in place of the one of its type, as cert-manager's apiutil sets it. */
export function set(
  status: CertificateRequestStatus,
  ...conditions: readonly Condition[]
): CertificateRequestStatus {
  const others = (status.conditions ?? []).filter(({ type }) => conditions.every((one) => one.type !== type));
  return { ...status, conditions: [...others, ...conditions] };
}

/** Answers requests as a controller that is not ours does: the script of a request is named by its issuer. */
export class PeerController {
  readonly #scripts: ReadonlyMap<string, readonly Step[]>;
  readonly #requests: Resource<CertificateRequest>;
  readonly #authority: Authority;
  readonly #known = new Set<string>();

  private constructor(
    scripts: ReadonlyMap<string, readonly Step[]>,
    requests: Resource<CertificateRequest>,
    authority: Authority,
  ) {
    this.#scripts = scripts;
    this.#requests = requests;
    this.#authority = authority;
  }

  static async start(
    cluster: FaultCluster,
    scripts: ReadonlyMap<string, readonly Step[]>,
  ): Promise<PeerController> {
    const requests = cluster.client.resource(certificateRequests);
    const peer = new PeerController(scripts, requests, await Authority.create(Date.now()));
    cluster.requests.subscribe(({ object, type }) => {
      if (type === 'added') void peer.#work(object);
    });
    return peer;
  }

  async #work(request: CertificateRequest): Promise<void> {
    const { name = '', namespace = '', uid = '' } = request.metadata;
    if (this.#known.has(uid)) return;
    this.#known.add(uid);
    const { certificate = '', ca = '' } = await this.#authority.sign(request, Date.now());
    for (const step of this.#scripts.get(request.spec.issuerRef.name) ?? []) {
      if (typeof step === 'number') {
        await new Promise((resolve) => setTimeout(resolve, step));
        continue;
      }
      try {
        const present = await this.#requests.get({ namespace, name });
        const status = step({ status: present.status ?? {}, certificate, ca });
        await this.#requests.replaceStatus({ ...present, status });
      } catch (error) {
        // The driver has let go of it, or the test has ended.
        if (isKubeError(error, 'not-found', 'conflict', 'aborted')) return;
        throw error;
      }
    }
  }
}
