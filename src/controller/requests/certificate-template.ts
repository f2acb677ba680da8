import { validityFrom } from '../../pki/index.ts';
import type { CertificateTemplate } from '../../pki/index.ts';
import type { CheckedRequest } from './check-request.ts';

/** Where verifiers find out about revocation and the issuer, as the issuer's spec says. */
export interface IssuerPointers {
  readonly crlDistributionPoints?: readonly string[];
  readonly ocspServers?: readonly string[];
  readonly issuingCertificateURLs?: readonly string[];
}

/**
 * The certificate that is asked for: from its notBefore to its notAfter it is as long as that says.
 *
 * @param now milliseconds since the epoch
 */
export function certificateTemplate(
  checked: CheckedRequest,
  pointers: IssuerPointers,
  now: number,
): CertificateTemplate {
  const { crlDistributionPoints, ocspServers, issuingCertificateURLs } = pointers;
  const { altNames, nameConstraints, pathLength, publicKey, subject } = checked.csr;
  return {
    subject,
    altNames,
    publicKey,
    usages: checked.usages,
    isCA: checked.isCA,
    ...(pathLength !== undefined && { pathLength }),
    ...(nameConstraints && { nameConstraints }),
    ...validityFrom(new Date(now), checked.duration),
    ...(crlDistributionPoints && { crlDistributionPoints }),
    ...(ocspServers && { ocspServers }),
    ...(issuingCertificateURLs && { issuingCertificateUrls: issuingCertificateURLs }),
  };
}
