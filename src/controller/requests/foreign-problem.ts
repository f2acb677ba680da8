import type { CertificateRequest } from '../../api/certificate-request.ts';
import type { ParsedRequest } from '../../pki/index.ts';
import { checkRequest } from './check-request.ts';

/**
 * Why a request for another group's issuer must not be approved. What that issuer takes over from the CSR is not known here,
 * so that the CSR must say nothing that the policies have not seen.
 */
export function foreignProblem(request: CertificateRequest, parse: () => ParsedRequest): string | undefined {
  const checked = checkRequest(request, parse);
  if (!checked.valid) return checked.message;
  const { otherAttributes, otherExtensions } = checked.csr;
  const unseen = [
    ...otherExtensions.map((oid) => `the extension ${oid}`),
    ...otherAttributes.map((oid) => `the attribute ${oid}`),
  ];
  if (unseen.length === 0) return undefined;
  const more = unseen.length === 1 ? '' : ` and ${unseen.length - 1} more`;
  return `encoded CSR error: ${unseen[0]}${more} must not be in a request for an issuer of another group`;
}
