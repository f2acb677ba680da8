import type { CertificateRequest } from '../api/certificate-request.ts';
import { parseDuration } from '../api/duration.ts';
import { keySpecOf, type ParsedRequest } from '../pki/index.ts';
import type { RequestedCertificate } from './policy-request.ts';

/**
 * What a CertificateRequest asks for. Names and key are those of its CSR, the rest those of the object, to which the check
 * before signing holds the CSR; a CSR that alone asks for a CA asks for one.
 *
 * @throws {ApiError} for a duration that the CRD would have refused
 */
export function certificateOf({ spec }: CertificateRequest, csr: ParsedRequest): RequestedCertificate {
  return {
    subject: csr.subject,
    altNames: csr.altNames,
    usages: spec.usages ?? [],
    isCA: spec.isCA === true || csr.isCA === true,
    duration: spec.duration === undefined ? undefined : parseDuration(spec.duration),
    key: keySpecOf(csr.publicKey),
  };
}
