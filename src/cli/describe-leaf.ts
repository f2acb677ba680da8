import { type CertificateDescription, describeCertificate, parseChain } from '../pki/index.ts';

/** Of the leaf of a PEM chain; undefined for what is none. */
export function describeLeaf(pem: string | undefined): CertificateDescription | undefined {
  if (pem === undefined || pem === '') return undefined;
  try {
    const [leaf] = parseChain(pem);
    return leaf && describeCertificate(leaf);
  } catch {
    return undefined;
  }
}

/** The one name by which people know it: its SPIFFE ID, else its first host name, else its subject. */
export function nameOf(facts: Pick<CertificateDescription, 'spiffeId' | 'dnsNames' | 'subject'>): string {
  return facts.spiffeId ?? facts.dnsNames[0] ?? facts.subject;
}
