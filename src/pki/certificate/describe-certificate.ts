import { fingerprint } from '../fingerprint.ts';
import { formatSubject } from '../names/subject.ts';
import { spiffeIdOf } from '../spiffe/spiffe-id.ts';
import type { Certificate } from './certificate.ts';

/** Of a certificate what people and programs tell it by. */
export interface CertificateDescription {
  /** As `openssl x509 -serial` prints it. */
  readonly serialNumber: string;
  /** SHA-256 of its DER, hexadecimal. */
  readonly fingerprint: string;
  readonly subject: string;
  readonly issuer: string;
  /** Null where it has none, or is no X.509-SVID for its other URIs. */
  readonly spiffeId: string | null;
  readonly dnsNames: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export function describeCertificate(certificate: Certificate): CertificateDescription {
  const { altNames, der, issuer, notAfter, notBefore, serialNumber, subject } = certificate;
  return {
    serialNumber: serialNumber.toUpperCase(),
    fingerprint: fingerprint(der),
    subject: formatSubject(subject),
    issuer: formatSubject(issuer),
    spiffeId: spiffeIdOf(altNames) ?? null,
    dnsNames: altNames.dnsNames,
    notBefore: notBefore.getTime(),
    notAfter: notAfter.getTime(),
  };
}
