import { isTerminal } from '../../api/pod-certificate-request.ts';
import type { PodCertificateRequest } from '../../api/pod-certificate-request.ts';
import { isOurSigner } from './signer-name.ts';

/** What is kept of a request: of one that is answered, or another signer's, only which it is. They lie about for minutes. */
export function slimPodCertificateRequest(request: PodCertificateRequest): PodCertificateRequest {
  const { managedFields: _, ...metadata } = request.metadata;
  if (isOurSigner(request.spec.signerName) && !isTerminal(request)) return { ...request, metadata };
  const { name, namespace, uid, resourceVersion } = metadata;
  const conditions = (request.status?.conditions ?? []).map(({ type, status }) => ({ type, status }));
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
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
