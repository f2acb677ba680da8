import { clusterTrustBundles } from '../../src/api/cluster-trust-bundle.ts';
import type { PodVolume } from '../../src/api/core.ts';
import { podCertificateRequests } from '../../src/api/pod-certificate-request.ts';
import { workloadPod, type WorkloadOptions } from './pods.ts';

/**
 * The version that tests speak. Those of Kubernetes before 1.37 have no v1, and it may have done with v1beta1; the
 * controller takes what there is.
 */
const version = process.env['CERTMOUNT_TEST_CERTIFICATES_API'] === 'v1' ? 'v1' : 'v1beta1';

export const podCertificates = podCertificateRequests(version);
export const trustBundles = clusterTrustBundles(version);

/** What the kubelets of 1.35 send, where the version has it, and those of 1.36. */
export type KeyForm = 'pkix' | 'stub';
export const keyForms: readonly KeyForm[] = version === 'v1' ? ['stub'] : ['stub', 'pkix'];

/** For a control plane and its kubelets that serve pod certificates and trust bundles in that version. */
export const podCertificateGates = {
  featureGates: { PodCertificateRequest: true, ClusterTrustBundle: true, ClusterTrustBundleProjection: true },
  ...(version === 'v1beta1' && { runtimeConfig: 'certificates.k8s.io/v1beta1=true' }),
};

/** For a control plane that serves no trust bundles: from Kubernetes 1.37 on it would. Any other takes it too. */
export const withoutClusterTrustBundles = {
  runtimeConfig: 'certificates.k8s.io/v1/clustertrustbundles=false',
} as const;

export interface PodCertificatePodOptions extends Omit<WorkloadOptions, 'attributes' | 'driver'> {
  readonly signer: string;
  readonly userAnnotations?: Readonly<Record<string, string>>;
}

/** Projections of certificates of these signers: from Kubernetes 1.37 on, a kubelet may ask no other for the pod. */
export function podCertificateVolume(signers: readonly string[]): PodVolume {
  const sources = signers.map((signerName, index) => ({
    podCertificate: { signerName, keyType: 'ECDSAP256', credentialBundlePath: `${index}.pem` },
  }));
  return { name: 'certificates', projected: { sources } };
}

/** A workload pod with key, chain and anchors at /certs by Kubernetes' own projections. */
export function podCertificatePod(options: PodCertificatePodOptions): object {
  const { signer, userAnnotations, ...workload } = options;
  const pod = workloadPod({ ...workload, attributes: {} }) as { spec: object };
  const podCertificate = {
    signerName: signer,
    keyType: 'ECDSAP256',
    credentialBundlePath: 'credential-bundle.pem',
    ...(userAnnotations && { userAnnotations }),
  };
  const clusterTrustBundle = { signerName: signer, labelSelector: {}, path: 'ca.crt' };
  const sources = [{ podCertificate }, { clusterTrustBundle }];
  const volumes = [{ name: 'certs', projected: { sources, defaultMode: 0o440 } }];
  return { ...pod, spec: { ...pod.spec, volumes } };
}
