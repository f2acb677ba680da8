import type { CertificateRequest } from '../../../../src/api/certificate-request.ts';
import type { Condition } from '../../../../src/api/condition.ts';
import type { Pod, PodVolume } from '../../../../src/api/core.ts';
import { requestAnnotations } from '../../../../src/api/driver-requests.ts';
import type { PodCertificateRequest } from '../../../../src/api/pod-certificate-request.ts';
import { formatTime } from '../../../../src/api/time.ts';
import type { GenerationReport, VolumeReport } from '../../../../src/api/volume-report.ts';
import {
  type Certificate,
  type CertificateDescription,
  describeCertificate,
} from '../../../../src/pki/index.ts';
import { volumeIdOf } from '../../../../src/cli/identities/volume-id.ts';
import { hour, makeLeaf, makeRoot, now } from '../../pki/support/builders.ts';

/** 12:00:00Z of the day of the tests. */
export const noon = now.getTime();
export { hour };
export const minute = 60_000;

export const csiVolume = (attributes: Record<string, string> = {}, name = 'certs'): PodVolume => ({
  name,
  csi: { driver: 'csi.certmount.io', readOnly: true, volumeAttributes: attributes },
});

export function podWith(volumes: readonly PodVolume[], changes: Partial<Pod['spec']> = {}): Pod {
  return {
    metadata: { namespace: 'web', name: 'api', uid: 'uid-1' },
    spec: { nodeName: 'node-1', serviceAccountName: 'api', volumes: [...volumes], ...changes },
  };
}

const root = await makeRoot('mesh');

/** Of one hour from this time on. */
export async function issueLeaf(from = noon, life = hour): Promise<Certificate> {
  const notBefore = new Date(from);
  const { certificate } = await makeLeaf(root, { notBefore, notAfter: new Date(from + life) });
  return certificate;
}

export const factsOf = describeCertificate;

export const podCertificateVolume = (name = 'tls', signerName = 'certmount.io/mesh'): PodVolume => ({
  name,
  projected: { sources: [{ podCertificate: { signerName, keyType: 'ECDSAP256' } }] },
});

export function podCertificateRequest(
  name: string,
  created: number,
  status: PodCertificateRequest['status'] = {},
): PodCertificateRequest {
  return {
    metadata: { namespace: 'web', name, creationTimestamp: formatTime(created) },
    spec: {
      signerName: 'certmount.io/mesh',
      podName: 'api',
      podUID: 'uid-1',
      serviceAccountName: 'api',
      serviceAccountUID: 'sa',
      nodeName: 'node-1',
      nodeUID: 'n',
    },
    status,
  };
}

/** What the controller answers with this leaf. */
export const issuedPodCertificate = (
  leaf: Certificate,
  at = noon,
): NonNullable<PodCertificateRequest['status']> => ({
  conditions: [condition('Issued', at)],
  certificateChain: leaf.pem,
  beginRefreshAt: formatTime(at + 40 * minute),
});

export interface RequestOptions {
  readonly name?: string;
  readonly volume?: string;
  readonly created?: number;
  readonly conditions?: readonly Condition[];
  readonly leaf?: Certificate | undefined;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const condition = (type: string, at: number, changes: Partial<Condition> = {}): Condition => ({
  type,
  status: 'True',
  reason: 'R',
  message: 'm',
  lastTransitionTime: formatTime(at),
  ...changes,
});

/** Of the driver for a volume of {@link podWith}; issued when there is a leaf. */
export function requestOf(options: RequestOptions = {}): CertificateRequest {
  const { created = noon, leaf, name = 'api-1', volume = 'certs' } = options;
  const issued = [condition('Approved', created + 1_000), condition('Ready', created + 2_000)];
  return {
    metadata: {
      namespace: 'web',
      name,
      creationTimestamp: formatTime(created),
      annotations: {
        [requestAnnotations.podUid]: 'uid-1',
        [requestAnnotations.volumeId]: volumeIdOf('uid-1', volume),
        ...options.annotations,
      },
    },
    spec: { request: '', issuerRef: { name: 'mesh', kind: 'ClusterIssuer' } },
    status: {
      conditions: [...(options.conditions ?? (leaf === undefined ? [] : issued))],
      ...(leaf !== undefined && { certificate: Buffer.from(leaf.pem).toString('base64') }),
    },
  };
}

export function generationOf(
  facts: CertificateDescription,
  writtenAt: number,
  changes: Partial<GenerationReport> = {},
): GenerationReport {
  return {
    ...facts,
    writtenAt: formatTime(writtenAt),
    notBefore: formatTime(facts.notBefore),
    notAfter: formatTime(facts.notAfter),
    renewAt: formatTime(facts.notAfter - 20 * minute),
    anchors: [{ subject: 'CN=mesh', fingerprint: 'f', notAfter: formatTime(noon + 1000 * hour) }],
    ...changes,
  };
}

export function volumeReport(
  present: GenerationReport | null,
  previous: GenerationReport | null = null,
): VolumeReport {
  return {
    volumeId: volumeIdOf('uid-1', 'certs'),
    targetPath: '/target',
    pod: { namespace: 'web', name: 'api', uid: 'uid-1', serviceAccount: 'api' },
    request: 'api-1',
    present,
    previous,
    problem: null,
  };
}
