import type { KeyEncoding, KeySpec } from '../../pki/index.ts';
import type { UsageName } from '../../api/usages.ts';
import type { PodIdentity } from './identity.ts';

/** What a pod's csi volume asks for: parsed, checked, expanded. Nothing in it is still a guess. */
export interface VolumeSpec {
  readonly volumeId: string;
  readonly targetPath: string;
  readonly pod: PodIdentity;
  readonly issuer: IssuerName;
  readonly certificate: CertificateSpec;
  readonly key: { readonly spec: KeySpec; readonly encoding: KeyEncoding; readonly reuse: boolean };
  readonly files: FileNames;
  /** Group of the files; undefined leaves them to root. */
  readonly group: number | undefined;
  /** Before notAfter, milliseconds; undefined renews at two thirds of the lifetime. */
  readonly renewBefore: number | undefined;
}

export interface IssuerName {
  readonly name: string;
  readonly kind: string;
  readonly group: string;
}

export interface CertificateSpec {
  readonly commonName: string | undefined;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  /** Milliseconds. */
  readonly duration: number;
  readonly isCA: boolean;
  readonly usages: readonly UsageName[];
}

export interface FileNames {
  readonly certificate: string;
  readonly privateKey: string;
  readonly ca: string;
}

/** Key and chain in one file, for readers that must never see the two apart. */
export const bundleFile = 'credential-bundle.pem';
