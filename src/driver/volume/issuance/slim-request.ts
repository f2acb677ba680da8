import type { CertificateRequest, CertificateRequestStatus } from '../../../api/certificate-request.ts';
import type { Condition } from '../../../api/condition.ts';
import { requestAnnotations } from '../../../api/driver-requests.ts';

/** Of what `isSettled` and its neighbours read. */
const readTypes: ReadonlySet<string> = new Set(['Approved', 'Denied', 'InvalidRequest', 'Ready']);

/** CSI's limit for the id of a volume. */
const longestVolumeId = 128;
/** Of a reason or a message, characters. */
const longestText = 2_000;
/** Of the base64 of certificate or anchors, characters: more than a volume has room for. */
const longestPem = 512 * 1024;
/** Stands for what is longer; no certificate can be read from it, so that it is not taken for an answer without anchors. */
const tooLong = Buffer.from(`more than ${longestPem} characters`).toString('base64');

/**
 * Keeps of a request what the driver reads. A node's requests stay in memory for as long as its pods live, and those that
 * somebody else has made with the labels of the node are there too.
 */
export function slimRequest({ metadata, status }: CertificateRequest): CertificateRequest {
  const { annotations, name, namespace, resourceVersion, uid } = metadata;
  const volumeId = annotations?.[requestAnnotations.volumeId];
  const isOfVolume = volumeId !== undefined && volumeId.length <= longestVolumeId;
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(namespace !== undefined && { namespace }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(uid !== undefined && { uid }),
      ...(isOfVolume && { annotations: { [requestAnnotations.volumeId]: volumeId } }),
    },
    spec: { request: '', issuerRef: { name: '' } },
    ...(status !== undefined && { status: slimStatus(status) }),
  };
}

function slimStatus({
  ca,
  certificate,
  conditions = [],
}: CertificateRequestStatus): CertificateRequestStatus {
  return {
    conditions: conditions.filter(({ type }) => readTypes.has(type)).map(slimCondition),
    ...(certificate !== undefined && { certificate: slimPem(certificate) }),
    ...(ca !== undefined && { ca: slimPem(ca) }),
  };
}

function slimCondition({ message, reason, status, type }: Condition): Condition {
  return {
    type,
    status,
    ...(reason !== undefined && { reason: slimText(reason) }),
    ...(message !== undefined && { message: slimText(message) }),
  };
}

function slimPem(base64: string): string {
  return base64.length > longestPem ? tooLong : base64;
}

function slimText(text: string): string {
  // By way of bytes: a mere part of a string keeps all of it in memory.
  return text.length > longestText ? Buffer.from(text.slice(0, longestText)).toString() : text;
}
