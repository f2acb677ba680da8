import type { FileLayout } from '../../volume-spec.ts';

export const presets = ['cert-manager', 'spiffe', 'istio', 'gke'] as const;

export type Preset = (typeof presets)[number];

/** The files that a preset gives names to; an attribute renames or adds any. */
export type PresetFiles = Pick<FileLayout, 'certificate' | 'privateKey' | 'ca' | 'bundle'>;

export function presetFiles(preset: Preset, trustDomain: string): PresetFiles {
  switch (preset) {
    case 'cert-manager':
      return { ...threeFiles, bundle: 'credential-bundle.pem' };
    // SPIFFE Filesystem Delivery (draft): the folder that SPIFFE_CREDENTIAL_FOLDER names.
    case 'spiffe':
      return {
        certificate: undefined,
        privateKey: undefined,
        ca: `${trustDomain}.spiffe-trust-bundle.pem`,
        bundle: 'credential-bundle.private-key.pem',
      };
    // Istio's agent reads these under /var/run/secrets/workload-spiffe-credentials before it asks a CA.
    case 'istio':
      return {
        certificate: 'cert-chain.pem',
        privateKey: 'key.pem',
        ca: 'root-cert.pem',
        bundle: undefined,
      };
    // What Istio's agent and Google's client libraries read in the same place on GKE.
    case 'gke':
      return {
        certificate: 'certificates.pem',
        privateKey: 'private_key.pem',
        ca: 'ca_certificates.pem',
        bundle: 'x509.credential-bundle.private-key.pem',
      };
  }
}

/** As cert-manager's drivers have it, and nothing beside. */
export const threeFiles: PresetFiles = {
  certificate: 'tls.crt',
  privateKey: 'tls.key',
  ca: 'ca.crt',
  bundle: undefined,
};
