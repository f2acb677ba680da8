import type { Pod } from '../../api/core.ts';
import type { PodCertificateRequest } from '../../api/pod-certificate-request.ts';
import { describeLeaf } from '../describe-leaf.ts';
import { type CertificateDescription } from '../../pki/index.ts';
import { certificateFields, type IdentityRow, type IdentityState, stateOfIssued } from './identity-row.ts';

export interface PodCertificateFacts {
  readonly name: string;
  readonly podUid: string;
  readonly signerName: string;
  readonly created: number;
  readonly renewsBy: number | null;
  readonly phase: 'issued' | 'pending' | 'denied' | 'failed';
  readonly message: string | undefined;
  readonly issued: CertificateDescription | undefined;
}

export function podCertificateFacts({ metadata, spec, status }: PodCertificateRequest): PodCertificateFacts {
  const condition = status?.conditions?.find(({ status: value }) => value === 'True');
  const phases = { Issued: 'issued', Denied: 'denied', Failed: 'failed' } as const;
  return {
    name: metadata.name ?? '',
    podUid: spec.podUID,
    signerName: spec.signerName,
    created: Date.parse(metadata.creationTimestamp ?? ''),
    renewsBy: status?.beginRefreshAt === undefined ? null : Date.parse(status.beginRefreshAt),
    phase: phases[condition?.type as keyof typeof phases] ?? 'pending',
    message: condition?.message,
    issued: describeLeaf(status?.certificateChain),
  };
}

/** The newest request of each pod and signer: the kubelet's requests do not say for which volume they are. */
export class PodCertificateIndex {
  readonly #newest = new Map<string, PodCertificateFacts>();

  add(facts: PodCertificateFacts): void {
    const key = `${facts.podUid} ${facts.signerName}`;
    const known = this.#newest.get(key);
    if (known === undefined || facts.created >= known.created) this.#newest.set(key, facts);
  }

  of(podUid: string, signerName: string): PodCertificateFacts | undefined {
    return this.#newest.get(`${podUid} ${signerName}`);
  }
}

/** One for each `podCertificate` projection of the pod. */
export function podCertificateIdentities(pod: Pod, index: PodCertificateIndex, now: number): IdentityRow[] {
  return (pod.spec.volumes ?? []).flatMap(({ name, projected }) =>
    (projected?.sources ?? []).flatMap(({ podCertificate }) =>
      podCertificate === undefined ? [] : [identityOf(pod, name, podCertificate.signerName, index, now)],
    ),
  );
}

function identityOf(
  { metadata, spec }: Pod,
  volume: string,
  signerName: string,
  index: PodCertificateIndex,
  now: number,
): IdentityRow {
  const facts = index.of(metadata.uid ?? '', signerName);
  return {
    source: 'pod-certificate',
    namespace: metadata.namespace ?? '',
    pod: metadata.name ?? '',
    node: spec.nodeName ?? null,
    serviceAccount: spec.serviceAccountName ?? 'default',
    name: volume,
    driver: null,
    issuer: signerName,
    ...certificateFields(facts?.issued, facts?.renewsBy ?? null),
    object: facts?.name ?? null,
    ...stateOf(facts, now),
  };
}

function stateOf(
  facts: PodCertificateFacts | undefined,
  now: number,
): { state: IdentityState; message: string | null } {
  // Kubernetes deletes the requests after a quarter of an hour.
  if (facts === undefined)
    return { state: 'unrecorded', message: 'its request is deleted already, or not made yet' };
  if (facts.issued !== undefined)
    return { state: stateOfIssued(facts.issued, facts.renewsBy, false, now), message: null };
  return { state: facts.phase === 'issued' ? 'failed' : facts.phase, message: facts.message ?? null };
}
