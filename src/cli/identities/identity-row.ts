import { formatTime } from '../../api/time.ts';
import type { CertificateDescription } from '../../pki/index.ts';

/** Where an identity comes from: a volume of the driver, a `podCertificate` projection, or a Certificate in a Secret. */
export type IdentitySource = 'csi' | 'pod-certificate' | 'secret';

export type IdentityState =
  | 'valid'
  | 'renewing' // valid, and the next one is asked for
  | 'overdue' // valid, and it should have been renewed
  | 'expired'
  | 'pending' // asked for; nobody has answered
  | 'denied'
  | 'failed'
  | 'missing' // not asked for
  | 'unrecorded'; // there may be one, but no object of the API tells of it any more

export interface IdentityRow {
  readonly source: IdentitySource;
  readonly namespace: string;
  /** Null for a Certificate: its Secret belongs to no pod. */
  readonly pod: string | null;
  readonly node: string | null;
  readonly serviceAccount: string | null;
  /** Of the pod's volume, or of the Certificate. */
  readonly name: string;
  /** The driver, or the name of the signer. */
  readonly driver: string | null;
  /** `KIND/NAME`, with the group where it is not cert-manager.io; or a signer's name. */
  readonly issuer: string | null;
  readonly spiffeId: string | null;
  readonly dnsNames: readonly string[];
  readonly subject: string | null;
  readonly serialNumber: string | null;
  /** RFC 3339, as the next two. */
  readonly notBefore: string | null;
  readonly notAfter: string | null;
  /** When it is renewed at the latest. */
  readonly renewsBy: string | null;
  /** The request's name; of a Certificate its Secret's. */
  readonly object: string | null;
  readonly state: IdentityState;
  /** Why, for people. */
  readonly message: string | null;
}

/** Renewals take their time when many come together. */
const overdueAfterMs = 60_000;

/** Of a certificate that is there. */
export function stateOfIssued(
  { notAfter }: Pick<CertificateDescription, 'notAfter'>,
  renewsBy: number | null,
  isRenewing: boolean,
  now: number,
): IdentityState {
  if (now > notAfter) return 'expired';
  if (renewsBy !== null && now > renewsBy + overdueAfterMs) return 'overdue';
  return isRenewing ? 'renewing' : 'valid';
}

type CertificateFields = Pick<
  IdentityRow,
  'spiffeId' | 'dnsNames' | 'subject' | 'serialNumber' | 'notBefore' | 'notAfter' | 'renewsBy'
>;

/** What a certificate says; all of it unknown where there is none. */
export function certificateFields(
  issued: CertificateDescription | undefined,
  renewsBy: number | null,
): CertificateFields {
  return {
    spiffeId: issued?.spiffeId ?? null,
    dnsNames: issued?.dnsNames ?? [],
    subject: issued?.subject ?? null,
    serialNumber: issued?.serialNumber ?? null,
    notBefore: issued === undefined ? null : formatTime(issued.notBefore),
    notAfter: issued === undefined ? null : formatTime(issued.notAfter),
    renewsBy: renewsBy === null ? null : formatTime(renewsBy),
  };
}
