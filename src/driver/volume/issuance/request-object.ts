import { type CertificateRequest, certificateRequests } from '../../../api/certificate-request.ts';
import { requestAnnotations, requestLabels } from '../../../api/driver-requests.ts';
import { formatDuration } from '../../../api/duration.ts';
import { apiVersionOf } from '../../../kube/index.ts';
import type { VolumeSpec } from '../volume-spec.ts';
import { labelValue } from './labels.ts';
import type { RequesterIdentity } from './requester.ts';

/** Kubernetes' limit for object names (RFC 1123 subdomain). */
const longestName = 253;

/** A name that a person finds in `kubectl get cr`: the pod's, and enough randomness never to meet another. */
export function requestName(podName: string, randomHex: string): string {
  const head = podName.slice(0, longestName - randomHex.length - 1).replace(/[.-]+$/, '');
  return `${head}-${randomHex}`;
}

export interface RequestObjectOptions {
  readonly driverName: string;
  readonly nodeName: string;
  readonly name: string;
  /** PEM of the signing request. */
  readonly signingRequest: string;
  /** Who the driver is to the API server; what an admission plugin fills in where there is one. */
  readonly requester: RequesterIdentity | undefined;
}

export function requestObject(spec: VolumeSpec, options: RequestObjectOptions): CertificateRequest {
  const { certificate, issuer, pod } = spec;
  return {
    apiVersion: apiVersionOf(certificateRequests),
    kind: certificateRequests.kind,
    metadata: {
      name: options.name,
      namespace: pod.namespace,
      labels: {
        [requestLabels.driver]: labelValue(options.driverName),
        [requestLabels.node]: labelValue(options.nodeName),
        [requestLabels.volume]: labelValue(spec.volumeId),
      },
      annotations: {
        ...spec.requestAnnotations,
        [requestAnnotations.podUid]: pod.uid,
        [requestAnnotations.volumeId]: spec.volumeId,
      },
      // The garbage collector removes the request with the pod, also where the driver is gone.
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: pod.uid }],
    },
    spec: {
      request: Buffer.from(options.signingRequest).toString('base64'),
      issuerRef: { name: issuer.name, kind: issuer.kind, group: issuer.group },
      duration: formatDuration(certificate.duration),
      isCA: certificate.isCA,
      usages: [...certificate.usages],
      ...options.requester,
    },
  };
}
