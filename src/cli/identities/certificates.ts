import { type Condition, getCondition } from '../../api/condition.ts';
import type { IssuerReference } from '../../api/issuer-reference.ts';
import type { KubeObject, ResourceType } from '../../kube/index.ts';
import { spiffeIdOf } from '../../pki/index.ts';
import { type IdentityRow, type IdentityState, stateOfIssued } from './identity-row.ts';
import { issuerName, type RequestFacts } from './request-facts.ts';

/** Of cert-manager.io/v1 Certificate what is shown. The Secret is never read: there is a key in it. */
export interface CertificateObject extends KubeObject {
  spec: {
    secretName: string;
    issuerRef: IssuerReference;
    commonName?: string;
    dnsNames?: string[];
    uris?: string[];
  };
  status?: {
    conditions?: Condition[];
    notBefore?: string;
    notAfter?: string;
    renewalTime?: string;
    revision?: number;
  };
}

export const certificateObjects: ResourceType<CertificateObject> = {
  group: 'cert-manager.io',
  version: 'v1',
  kind: 'Certificate',
  plural: 'certificates',
  namespaced: true,
};

/** Serial numbers of Certificates, by their requests: the Certificate itself does not say them. */
export class RevisionIndex {
  readonly #byRevision = new Map<string, string>();

  add({ certificate, issued, namespace }: RequestFacts): void {
    if (certificate === undefined || issued === undefined) return;
    this.#byRevision.set(`${namespace}/${certificate.name}/${certificate.revision}`, issued.serialNumber);
  }

  serialNumber({ metadata, status }: CertificateObject): string | null {
    const key = `${metadata.namespace ?? ''}/${metadata.name ?? ''}/${status?.revision ?? ''}`;
    return this.#byRevision.get(key) ?? null;
  }
}

export function certificateIdentity(
  certificate: CertificateObject,
  revisions: RevisionIndex,
  now: number,
): IdentityRow {
  const { metadata, spec, status } = certificate;
  return {
    source: 'secret',
    namespace: metadata.namespace ?? '',
    pod: null,
    node: null,
    serviceAccount: null,
    name: metadata.name ?? '',
    driver: null,
    issuer: issuerName(spec.issuerRef),
    spiffeId: spiffeIdOf({ uris: spec.uris ?? [] }) ?? null,
    dnsNames: spec.dnsNames ?? [],
    subject: spec.commonName === undefined ? null : `CN=${spec.commonName}`,
    serialNumber: revisions.serialNumber(certificate),
    notBefore: status?.notBefore ?? null,
    notAfter: status?.notAfter ?? null,
    renewsBy: status?.renewalTime ?? null,
    object: spec.secretName,
    ...stateOf(certificate, now),
  };
}

function stateOf(
  { status }: CertificateObject,
  now: number,
): { state: IdentityState; message: string | null } {
  const issuing = getCondition(status?.conditions, 'Issuing');
  const ready = getCondition(status?.conditions, 'Ready');
  const message = ready?.status === 'True' ? null : (issuing?.message ?? ready?.message ?? null);
  if (status?.notAfter === undefined)
    return { state: issuing?.reason === 'Failed' ? 'failed' : 'pending', message };
  const renewsBy = status.renewalTime === undefined ? null : Date.parse(status.renewalTime);
  const notAfter = Date.parse(status.notAfter);
  return { state: stateOfIssued({ notAfter }, renewsBy, issuing?.status === 'True', now), message };
}
