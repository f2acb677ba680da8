import { type CertificateRequest, isDenied } from '../../api/certificate-request.ts';
import { getCondition } from '../../api/condition.ts';
import { requestAnnotations } from '../../api/driver-requests.ts';
import {
  certManagerGroup,
  type IssuerReference,
  resolveIssuerReference,
} from '../../api/issuer-reference.ts';
import { describeLeaf } from '../describe-leaf.ts';
import { type CertificateDescription } from '../../pki/index.ts';

/** Of a CertificateRequest what is joined and shown: the rest is dropped with its page. */
export interface RequestFacts {
  readonly namespace: string;
  readonly name: string;
  /** Of the pod that owns it. */
  readonly podUid: string | undefined;
  readonly volumeId: string | undefined;
  /** As cert-manager marks those of a Certificate. */
  readonly certificate: { readonly name: string; readonly revision: string } | undefined;
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly approvedAt: number | undefined;
  /** When Ready last changed: for one that is issued, when it was signed. */
  readonly readyAt: number | undefined;
  readonly phase: 'issued' | 'pending' | 'denied' | 'failed';
  readonly message: string | undefined;
  readonly issued: CertificateDescription | undefined;
}

export function requestFacts(request: CertificateRequest): RequestFacts {
  const { metadata, spec, status } = request;
  const annotations = metadata.annotations ?? {};
  const conditions = status?.conditions;
  const ready = getCondition(conditions, 'Ready');
  const approved = getCondition(conditions, 'Approved');
  const refusal = ['Denied', 'InvalidRequest']
    .map((type) => getCondition(conditions, type))
    .find((condition) => condition?.status === 'True');
  const certificate = annotations['cert-manager.io/certificate-name'];
  const owner = metadata.ownerReferences?.find(({ kind }) => kind === 'Pod');
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    podUid: annotations[requestAnnotations.podUid] ?? owner?.uid,
    volumeId: annotations[requestAnnotations.volumeId],
    certificate:
      certificate === undefined
        ? undefined
        : { name: certificate, revision: annotations['cert-manager.io/certificate-revision'] ?? '' },
    issuer: issuerName(spec.issuerRef),
    created: Date.parse(metadata.creationTimestamp ?? ''),
    approvedAt: approved?.status === 'True' ? timeOf(approved.lastTransitionTime) : undefined,
    readyAt: timeOf(ready?.lastTransitionTime),
    phase: phaseOf(request),
    message: refusal?.message ?? ready?.message ?? approved?.message,
    issued: describeLeaf(status?.certificate && Buffer.from(status.certificate, 'base64').toString()),
  };
}

/** "ClusterIssuer/mesh", and "CorpIssuer.corp.example/mesh" where the group is another. */
export function issuerName(reference: IssuerReference): string {
  const { group, kind, name } = resolveIssuerReference(reference);
  return `${kind}${group === certManagerGroup ? '' : `.${group}`}/${name}`;
}

function phaseOf(request: CertificateRequest): RequestFacts['phase'] {
  const { conditions, certificate } = request.status ?? {};
  const ready = getCondition(conditions, 'Ready');
  if (ready?.status === 'True' && certificate !== undefined) return 'issued';
  if (isDenied(request)) return 'denied';
  const invalid = getCondition(conditions, 'InvalidRequest')?.status === 'True';
  return invalid || ready?.reason === 'Failed' ? 'failed' : 'pending';
}

function timeOf(text: string | undefined): number | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
