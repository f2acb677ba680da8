import type { CertificateRequest } from '../../../../../src/api/certificate-request.ts';
import type { Pod, Service } from '../../../../../src/api/core.ts';
import { requestLabels } from '../../../../../src/api/driver-requests.ts';
import { ApproveByPolicy } from '../../../../../src/controller/approval/approve-by-policy.ts';
import type { ApprovalDecision } from '../../../../../src/controller/approval/approver.ts';
import type { Facts } from '../../../../../src/controller/approval/facts/facts.ts';
import { parseRequest } from '../../../../../src/pki/index.ts';
import type { PolicyDecision, PolicyRequest } from '../../../../../src/policy/index.ts';
import { base64, driver, newCsr, newRequest } from '../../builders.ts';

const extra = 'authentication.kubernetes.io';
export const claimKeys = {
  nodeName: `${extra}/node-name`,
  nodeUid: `${extra}/node-uid`,
  podName: `${extra}/pod-name`,
  podUid: `${extra}/pod-uid`,
} as const;

export const owner = { apiVersion: 'v1', kind: 'Pod', name: 'app-0', uid: 'pod-1' };

/** The pod `web/app-0` of service account `app` on node `a`. */
export function newPod(
  options: Partial<Pod['spec']> & { uid?: string; phase?: string; name?: string } = {},
): Pod {
  const { name = 'app-0', phase = 'Running', uid = 'pod-1', ...spec } = options;
  return {
    metadata: { namespace: 'web', name, uid, resourceVersion: '1', labels: { app: 'app' } },
    spec: { nodeName: 'a', serviceAccountName: 'app', ...spec },
    status: { phase, podIPs: [{ ip: '10.0.0.1' }] },
  };
}

type RequestOptions = Parameters<typeof newRequest>[0];

/** The request of the driver on node `a` for that pod. */
export function ofDriver(options: RequestOptions = {}): CertificateRequest {
  const { metadata, ...spec } = options;
  return newRequest({
    username: driver,
    extra: { [claimKeys.nodeName]: ['a'], [claimKeys.nodeUid]: ['node-1'] },
    duration: '24h',
    ...spec,
    metadata: {
      labels: { [requestLabels.driver]: 'csi.certmount.io', [requestLabels.node]: 'a' },
      ownerReferences: [owner],
      ...metadata,
    },
  });
}

/** The same request with the pod's own token. */
export function ofPod(options: RequestOptions = {}): CertificateRequest {
  return ofDriver({
    username: 'system:serviceaccount:web:app',
    extra: { [claimKeys.podName]: ['app-0'], [claimKeys.podUid]: ['pod-1'] },
    ...options,
  });
}

/** What the cluster says; each kind can be told apart from what is read live. */
export interface Cluster {
  pods: Pod[];
  nodes: Record<string, string>;
  services: Service[];
}

function factsOf(cluster: Cluster, onRead: (what: string) => void): Facts {
  return {
    pod: (namespace, name) => {
      onRead(`pod ${namespace}/${name}`);
      const isIt = ({ metadata }: Pod): boolean => metadata.namespace === namespace && metadata.name === name;
      return Promise.resolve(cluster.pods.find(isIt));
    },
    nodeUid: (name) => {
      onRead(`node ${name}`);
      return Promise.resolve(cluster.nodes[name]);
    },
    services: (namespace) => {
      onRead(`services ${namespace}`);
      return Promise.resolve(cluster.services.filter(({ metadata }) => metadata.namespace === namespace));
    },
  };
}

export function newCluster(change: Partial<Cluster> = {}): Cluster {
  return { pods: [newPod()], nodes: { a: 'node-1', b: 'node-2' }, services: [], ...change };
}

/** The approver over a cluster that watches and reads tell of, and a judge who says what the test says. */
export class Scene {
  readonly judged: PolicyRequest[] = [];
  readonly reads: string[] = [];
  readonly counted: string[] = [];
  /** What is said of what no policy is about. */
  others: ApprovalDecision = { decision: 'approve', reason: 'others', message: '' };
  judge: (request: PolicyRequest) => PolicyDecision | Promise<PolicyDecision> = () => ({
    decision: 'approve',
    policy: 'default',
    duration: undefined,
  });
  readonly approver: ApproveByPolicy;

  constructor(watched = newCluster(), live = watched, { pods = true, drivers = [driver] } = {}) {
    this.approver = new ApproveByPolicy(
      {
        requesters: { drivers: new Set(drivers), pods, labels: requestLabels },
        surroundings: { trustDomain: 'cluster.local', clusterDomain: 'cluster.local' },
      },
      {
        facts: {
          watched: factsOf(watched, () => {}),
          live: factsOf(live, (what) => this.reads.push(what)),
        },
        judge: {
          decide: async (request) => {
            this.judged.push(request);
            return this.judge(request);
          },
        },
        otherwise: { decide: () => Promise.resolve(this.others) },
        metrics: { decided: (decision, reason) => void this.counted.push(`${decision}: ${reason}`) },
      },
    );
  }

  /** @param pem the CSR; one for the pod's SPIFFE ID when not given */
  async decide(request: CertificateRequest, pem?: string): Promise<ApprovalDecision> {
    const csr = pem ?? (await newCsr());
    const spec = { ...request.spec, request: base64(csr) };
    return this.approver.decide({ request: { ...request, spec }, csr: () => parseRequest(csr) });
  }

  /** The message of the denial; fails when it was not denied. */
  async denial(request: CertificateRequest, pem?: string): Promise<string> {
    const decision = await this.decide(request, pem);
    if (decision.decision !== 'deny') throw new Error(`was not denied: ${JSON.stringify(decision)}`);
    return decision.message;
  }
}
