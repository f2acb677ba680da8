import { type Certificate, fingerprint, formatSubject, parseChain } from '../pki/index.ts';

/** Of a certificate what is shown and compared. */
export interface CertificateFacts {
  /** As `openssl x509 -serial` prints it. */
  readonly serialNumber: string;
  /** SHA-256 of its DER, hexadecimal. */
  readonly fingerprint: string;
  readonly spiffeId: string | null;
  readonly dnsNames: readonly string[];
  readonly subject: string;
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export function certificateFacts(certificate: Certificate): CertificateFacts {
  const { altNames, der, issuer, notAfter, notBefore, serialNumber, subject } = certificate;
  const [uri] = altNames.uris;
  return {
    serialNumber: serialNumber.toUpperCase(),
    fingerprint: fingerprint(der),
    spiffeId: uri !== undefined && /^spiffe:/i.test(uri) ? uri : null,
    dnsNames: altNames.dnsNames,
    subject: formatSubject(subject),
    issuer: formatSubject(issuer),
    notBefore: notBefore.getTime(),
    notAfter: notAfter.getTime(),
  };
}

/** Of the leaf of a PEM chain; undefined for what is none. */
export function leafFacts(pem: string | undefined): CertificateFacts | undefined {
  if (pem === undefined || pem === '') return undefined;
  try {
    const [leaf] = parseChain(pem);
    return leaf && certificateFacts(leaf);
  } catch {
    return undefined;
  }
}

/** The one name by which people know it: its SPIFFE ID, else its first host name, else its subject. */
export function nameOf(facts: Pick<CertificateFacts, 'spiffeId' | 'dnsNames' | 'subject'>): string {
  return facts.spiffeId ?? facts.dnsNames[0] ?? facts.subject;
}
