/**
 * Every key that a log line may have, so that one thing has one name in all logs of a cluster. Add here what is new.
 * No secret has a key; see redact.ts for what happens to one that gets in all the same.
 */
const logKeys = [
  // what it is about
  'volume', // CSI volume id
  'targetPath',
  'pod', // NAMESPACE/NAME
  'podUid',
  'node',
  'namespace',
  'serviceAccount',
  'driverName',
  'certificateRequest', // NAMESPACE/NAME
  'podCertificateRequest', // NAMESPACE/NAME
  'signingRequest', // NAME of a CertificateSigningRequest
  'certificate', // NAMESPACE/NAME
  'issuer', // Issuer/NAMESPACE/NAME or ClusterIssuer/NAME
  'order', // NAMESPACE/NAME
  'challenge', // NAMESPACE/NAME
  'anchorSet',
  'trustBundle',
  'policy', // NAME of a CertificateRequestPolicy
  'secretName', // NAMESPACE/NAME
  'resource', // PLURAL.GROUP
  'key', // of a work queue: NAMESPACE/NAME
  'kind',
  'requester',
  'identity', // SPIFFE ID
  'serialNumber', // lower-case hex
  'generation',
  // what was done and how it went
  'component', // part of the program, on child loggers
  'method', // gRPC or HTTP
  'path',
  'url', // without query and credentials
  'grpcCode',
  'status', // HTTP
  'reason', // one of the closed set of an area
  'cause', // what people are told beside the reason
  'action',
  'attempt',
  'count',
  'bytes',
  'durationMs',
  'retryInMs',
  'renewAt', // RFC 3339
  'notAfter', // RFC 3339
  'address',
  'endpoint',
  'file',
  'signal',
  'flags',
  'version',
  'leader',
  'error',
] as const;

export type LogKey = (typeof logKeys)[number];

/** What a log line says beside its message. */
export type LogFields = { readonly [Key in LogKey]?: unknown };
