import { isTerminal } from '../../api/pod-certificate-request.ts';
import { isOurSigner } from '../../api/pod-certificate-signer.ts';
import type { PodCertificateRequest } from '../../api/pod-certificate-request.ts';
import { pickMetadata, withoutManagedFields } from '../slim-object.ts';

/** What is kept of a request: of one that is answered, or another signer's, only which it is. They lie about for minutes. */
export function slimPodCertificateRequest(request: PodCertificateRequest): PodCertificateRequest {
  if (isOurSigner(request.spec.signerName) && !isTerminal(request)) return withoutManagedFields(request);
  const conditions = (request.status?.conditions ?? []).map(({ type, status }) => ({ type, status }));
  return {
    metadata: pickMetadata(request.metadata, 'name', 'namespace', 'uid', 'resourceVersion'),
    spec: {
      signerName: request.spec.signerName,
      podName: '',
      podUID: '',
      serviceAccountName: '',
      serviceAccountUID: '',
      nodeName: '',
      nodeUID: '',
    },
    status: { conditions },
  };
}
