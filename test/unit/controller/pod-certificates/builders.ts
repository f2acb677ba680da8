import type { KeyObject } from 'node:crypto';
import type {
  PodCertificateRequest,
  PodCertificateRequestSpec,
  PodCertificateRequestStatus,
} from '../../../../src/api/pod-certificate-request.ts';
import { formatTime } from '../../../../src/api/time.ts';
import { toUsages } from '../../../../src/api/usages.ts';
import {
  createRequest,
  decodePem,
  noAltNames,
  parseCertificate,
  publicKeyOf,
  signCertificate,
} from '../../../../src/pki/index.ts';
import type { CertificateTemplate, RequestTemplate } from '../../../../src/pki/index.ts';
import { newKey, now } from '../builders.ts';
import type { TestCa } from '../builders.ts';

export const identity = 'spiffe://cluster.local/ns/web/sa/api';
export const minute = 60_000;

type PodCertificateRequestOptions = Partial<PodCertificateRequestSpec> & {
  readonly metadata?: PodCertificateRequest['metadata'];
  readonly status?: PodCertificateRequestStatus;
  readonly key?: KeyObject;
  /** Of the stub, which kubelets leave empty. */
  readonly stub?: Partial<RequestTemplate>;
};

/** Of the pod `web/api-0` of the service account `api`, to the ClusterIssuer `mesh-ca`, for a day. */
export async function newPodCertificateRequest(
  options: PodCertificateRequestOptions = {},
): Promise<PodCertificateRequest> {
  const { key = await newKey(), metadata, status, stub, ...spec } = options;
  const pem = await createRequest({ subject: {}, altNames: noAltNames, ...stub }, key);
  const [block] = decodePem(pem, 'the stub', 10_000);
  return {
    metadata: {
      name: 'req-1',
      namespace: 'web',
      uid: 'uid-1',
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    spec: {
      signerName: 'certmount.io/mesh-ca',
      podName: 'api-0',
      podUID: 'pod-uid-1',
      serviceAccountName: 'api',
      serviceAccountUID: 'account-uid-1',
      nodeName: 'node-a',
      nodeUID: 'node-uid-1',
      maxExpirationSeconds: 86_400,
      stubPKCS10Request: block?.der.toString('base64') ?? '',
      ...spec,
    },
    ...(status && { status }),
  };
}

/** Of the key, from a minute ago for a day, unless the options say otherwise. */
export async function newLeaf(
  ca: TestCa,
  key: KeyObject,
  options: Partial<CertificateTemplate> = {},
  at = now,
): Promise<string> {
  const template: CertificateTemplate = {
    subject: {},
    altNames: { ...noAltNames, uris: [identity] },
    publicKey: publicKeyOf(key),
    usages: toUsages(['digital signature', 'server auth', 'client auth']),
    isCA: false,
    notBefore: new Date(at - minute),
    notAfter: new Date(at - minute + 86_400_000),
    ...options,
  };
  return signCertificate(template, ca);
}

/** As the controller writes it, of this leaf. */
export function issuedStatus(
  chain: string,
  overrides: PodCertificateRequestStatus = {},
): PodCertificateRequestStatus {
  const leaf = parseCertificate(chain.slice(0, chain.indexOf('-----END CERTIFICATE-----') + 26));
  const [from, to] = [leaf.notBefore.getTime(), leaf.notAfter.getTime()];
  return {
    conditions: [
      {
        type: 'Issued',
        status: 'True',
        reason: 'Issued',
        message: '',
        lastTransitionTime: formatTime(from),
      },
    ],
    certificateChain: chain,
    notBefore: formatTime(from),
    beginRefreshAt: formatTime((from + to) / 2),
    notAfter: formatTime(to),
    ...overrides,
  };
}
