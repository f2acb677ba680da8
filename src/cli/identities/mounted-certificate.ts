import type { GenerationReport } from '../../api/volume-report.ts';
import type { CertificateDescription } from '../../pki/index.ts';

/** The certificate of a generation, in the units in which those of requests are. */
export function mountedCertificate(generation: GenerationReport): CertificateDescription {
  const { dnsNames, fingerprint, issuer, notAfter, notBefore, serialNumber, spiffeId, subject } = generation;
  return {
    dnsNames,
    fingerprint,
    issuer,
    notAfter: Date.parse(notAfter),
    notBefore: Date.parse(notBefore),
    serialNumber,
    spiffeId,
    subject,
  };
}
