import type { CertificateRequest } from '../../api/certificate-request.ts';
import { pickMetadata, withoutManagedFields } from '../slim-object.ts';
import { isOpen } from './phase.ts';

/**
 * What the controller keeps of a request. Who wrote which field is never looked at, and of one that is finished
 * (or never was ours) only its identity and conditions: thousands of them may lie about.
 */
export function slimRequest(request: CertificateRequest): CertificateRequest {
  if (isOpen(request)) return withoutManagedFields(request);
  const { issuerRef } = request.spec;
  const conditions = request.status?.conditions;
  return {
    metadata: pickMetadata(
      request.metadata,
      'name',
      'namespace',
      'uid',
      'resourceVersion',
      'deletionTimestamp',
    ),
    spec: { request: '', issuerRef },
    status: {
      ...(conditions && {
        conditions: conditions.map(({ type, status, reason = '' }) => ({ type, status, reason })),
      }),
      // That it is there makes it final; what it says is of no use here.
      ...(request.status?.certificate && { certificate: '-' }),
    },
  };
}
