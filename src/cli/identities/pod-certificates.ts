import type { Pod, PodCertificateProjection } from '../../api/core.ts';
import type { PodCertificateRequest } from '../../api/pod-certificate-request.ts';
import { describeLeaf } from '../describe-leaf.ts';
import { type CertificateDescription } from '../../pki/index.ts';
import { certificateFields, type IdentityRow, type IdentityState, stateOfIssued } from './identity-row.ts';

export interface PodCertificateFacts {
  readonly name: string;
  readonly podUid: string;
  readonly signerName: string;
  /** Milliseconds since the epoch, as the next two. */
  readonly created: number;
  readonly answeredAt: number | null;
  readonly renewsBy: number | null;
  readonly phase: 'issued' | 'pending' | 'denied' | 'failed';
  readonly message: string | undefined;
  readonly issued: CertificateDescription | undefined;
}

export function podCertificateFacts({ metadata, spec, status }: PodCertificateRequest): PodCertificateFacts {
  const condition = status?.conditions?.find(({ status: value }) => value === 'True');
  const timeOf = (text: string | undefined): number | null => (text === undefined ? null : Date.parse(text));
  const phases = { Issued: 'issued', Denied: 'denied', Failed: 'failed' } as const;
  return {
    name: metadata.name ?? '',
    podUid: spec.podUID,
    signerName: spec.signerName,
    created: Date.parse(metadata.creationTimestamp ?? ''),
    answeredAt: timeOf(condition?.lastTransitionTime),
    renewsBy: timeOf(status?.beginRefreshAt),
    phase: phases[condition?.type as keyof typeof phases] ?? 'pending',
    message: condition?.message,
    issued: describeLeaf(status?.certificateChain),
  };
}

/** A `podCertificate` projection of a pod. */
export interface PodCertificateSource extends PodCertificateProjection {
  /** Of the pod, by name. */
  readonly volume: string;
}

export function podCertificateSources({ spec }: Pod): PodCertificateSource[] {
  return (spec.volumes ?? []).flatMap(({ name, projected }) =>
    (projected?.sources ?? []).flatMap(({ podCertificate }) =>
      podCertificate === undefined ? [] : [{ ...podCertificate, volume: name }],
    ),
  );
}

/** The request of a projection. */
export type PodCertificateRequestOf =
  /** Undefined when there is none, any more or yet. */
  | { readonly known: true; readonly facts: PodCertificateFacts | undefined }
  /** They may not be listed. */
  | { readonly known: false; readonly facts?: never };

/** The newest request of each pod and signer: the kubelet's requests do not say for which volume they are. */
export class PodCertificateIndex {
  readonly #newest = new Map<string, PodCertificateFacts>();

  add(facts: PodCertificateFacts): void {
    const key = `${facts.podUid} ${facts.signerName}`;
    const known = this.#newest.get(key);
    if (known === undefined || facts.created >= known.created) this.#newest.set(key, facts);
  }

  of({ metadata: { uid = '' } }: Pod, { signerName }: PodCertificateSource): PodCertificateRequestOf {
    return { known: true, facts: this.#newest.get(`${uid} ${signerName}`) };
  }
}

export function podCertificateIdentity(
  { metadata, spec }: Pod,
  { signerName, volume }: PodCertificateSource,
  request: PodCertificateRequestOf,
  now: number,
): IdentityRow {
  const { facts } = request;
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
    ...stateOf(request, now),
  };
}

function stateOf(
  { facts, known }: PodCertificateRequestOf,
  now: number,
): { state: IdentityState; message: string | null } {
  if (!known) return { state: 'unrecorded', message: 'PodCertificateRequests may not be listed' };
  // Kubernetes deletes the requests after a quarter of an hour.
  if (facts === undefined)
    return { state: 'unrecorded', message: 'its request is deleted already, or not made yet' };
  if (facts.issued !== undefined)
    return { state: stateOfIssued(facts.issued, facts.renewsBy, false, now), message: null };
  return { state: facts.phase === 'issued' ? 'failed' : facts.phase, message: facts.message ?? null };
}
