import type { KeyEncoding, KeySpec, Subject } from '../../pki/index.ts';
import type { UsageName } from '../../api/usages.ts';
import type { PodIdentity } from './identity.ts';
import type { PodGate } from './pods/pod-gate.ts';

/** What a pod's csi volume asks for: parsed, checked, expanded. Nothing in it is still a guess. */
export interface VolumeSpec {
  readonly volumeId: string;
  readonly targetPath: string;
  readonly pod: PodIdentity;
  readonly issuer: IssuerName;
  readonly certificate: CertificateSpec;
  readonly key: { readonly spec: KeySpec; readonly encoding: KeyEncoding; readonly reuse: boolean };
  /** Annotations of the CertificateRequest, for issuers that read some. */
  readonly requestAnnotations: Readonly<Record<string, string>>;
  readonly files: FileLayout;
  readonly keystores: KeystoresSpec | undefined;
  readonly trust: TrustSpec;
  /** Whether a socket of the SPIFFE Workload API lies beside the files. */
  readonly workloadApi: boolean;
  /** What the pod must have before its certificate is asked for. */
  readonly gates: readonly PodGate[];
  /** Whether the containers may start before there is a certificate. */
  readonly start: 'with-certificate' | 'without-certificate';
  /** Group of the files; undefined leaves them to root. */
  readonly group: number | undefined;
  /** Before notAfter, milliseconds; undefined renews at two thirds of the lifetime. */
  readonly renewBefore: number | undefined;
}

/** Whose anchors the volume is to have. */
export interface TrustSpec {
  /** Name of the Bundle whose anchors the volume has in place of its issuer's. */
  readonly bundle: string | undefined;
  /** Names of Bundles of other trust domains, each of which has files of its own. */
  readonly federated: readonly string[];
  /** Whose SVIDs the volume's own anchors verify. */
  readonly trustDomain: string;
}

export interface IssuerName {
  readonly name: string;
  readonly kind: string;
  readonly group: string;
}

export interface CertificateSpec {
  readonly subject: Subject;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly emailAddresses: readonly string[];
  /** Milliseconds. */
  readonly duration: number;
  readonly isCA: boolean;
  readonly usages: readonly UsageName[];
}

/**
 * Names of the files of a generation; undefined is not written. There is `bundle`, or both `certificate` and
 * `privateKey`: what a restarted driver reads its own volume from.
 */
export interface FileLayout {
  /** PEM: the leaf, then intermediates. */
  readonly certificate: string | undefined;
  /** PEM, in the encoding asked for. */
  readonly privateKey: string | undefined;
  /** PEM of the trust anchors. */
  readonly ca: string | undefined;
  /** Whether the file of the anchors is there, empty, when the issuer names none. */
  readonly emptyCa: boolean;
  /** JSON: the same as a SPIFFE bundle. Where there is one, federated trust domains have one each too. */
  readonly spiffeBundle: string | undefined;
  /** PEM: the key in PKCS#8, then the chain; one file for readers that must never see the two apart. */
  readonly bundle: string | undefined;
  /** PEM: the key as in `privateKey`, then the chain; cert-manager's CombinedPEM. */
  readonly combined: string | undefined;
  /** DER of the leaf alone. */
  readonly certificateDer: string | undefined;
  /** DER of the key, in the encoding asked for. */
  readonly privateKeyDer: string | undefined;
  /** JSON about the certificate, for applications. */
  readonly info: string | undefined;
  /** A decimal number, one higher at each issuance. */
  readonly generation: string | undefined;
}

export interface KeystoresSpec {
  readonly password: KeystorePassword;
  readonly pkcs12: (KeystoreFiles & { readonly profile: Pkcs12Profile }) | undefined;
  readonly jks: (KeystoreFiles & { readonly alias: string }) | undefined;
}

export interface KeystoreFiles {
  /** Key and chain. */
  readonly keystore: string;
  /** The anchors. */
  readonly truststore: string | undefined;
}

export type KeystorePassword =
  /** Of the Secret that the pod's csi volume names as nodePublishSecretRef. */
  | { readonly from: 'secret' }
  /** Made at random for each volume; written into this file of it. */
  | { readonly from: 'file'; readonly file: string }
  /** In the pod spec, as cert-manager's csi-driver has it: served in its compatibility mode alone. */
  | { readonly from: 'attribute' };

export type Pkcs12Profile = 'LegacyRC2' | 'LegacyDES' | 'Modern2023';
