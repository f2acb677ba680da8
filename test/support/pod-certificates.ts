import type { PodVolume } from '../../src/api/core.ts';
import { workloadPod, type WorkloadOptions } from './pods.ts';

/** For a control plane and its kubelets that serve pod certificates and trust bundles, in Kubernetes before 1.37. */
export const podCertificateGates = {
  featureGates: { PodCertificateRequest: true, ClusterTrustBundle: true, ClusterTrustBundleProjection: true },
  runtimeConfig: 'certificates.k8s.io/v1beta1=true',
} as const;

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
