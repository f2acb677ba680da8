import type { UsageName } from '../../../api/usages.ts';
import type { KeyEncoding } from '../../../pki/index.ts';
import type { Pkcs12Profile } from '../volume-spec.ts';
import { attributeGroups } from './known-attributes.ts';

/** Whose place the driver takes: `none` is its own. */
export const compatibilities = ['none', 'cert-manager', 'csi-driver-spiffe'] as const;

export type Compatibility = (typeof compatibilities)[number];
export type KeyAlgorithm = 'RSA' | 'ECDSA' | 'Ed25519';

/** What holds for a volume that does not say it by attribute, and how strictly its attributes are read. */
export interface AttributeDefaults {
  readonly driverName: string;
  /** Groups that attributes may be written under. */
  readonly groups: readonly string[];
  readonly algorithm: KeyAlgorithm;
  readonly encodings: Readonly<Record<KeyAlgorithm, KeyEncoding>>;
  /** Milliseconds. */
  readonly duration: number;
  readonly usages: (algorithm: KeyAlgorithm, isCA: boolean) => readonly UsageName[];
  /** Whether a volume without URIs gets the pod's SPIFFE ID. */
  readonly spiffeId: boolean;
  /** Whether there are only the three files that the other driver writes. */
  readonly threeFiles: boolean;
  /** Whether the file of the anchors is there, empty, when the issuer names none. */
  readonly emptyCa: boolean;
  readonly pkcs12Profile: Pkcs12Profile;
  /** Whether a trust store lies beside each key store without being asked for. */
  readonly truststores: boolean;
  /** Whether the password of a PKCS#12 file may stand in the pod spec. */
  readonly passwordInSpec: boolean;
  /** Whether a renew-before that is not shorter than the duration counts as none. */
  readonly longRenewBefore: boolean;
  /** Which attributes of other groups become annotations of the request. */
  readonly annotations: 'of-the-issuer' | 'all';
}

const hour = 3_600_000;
const mutualTls = ['digital signature', 'server auth', 'client auth'] as const;
const mutualTlsOfRsa = ['digital signature', 'key encipherment', 'server auth', 'client auth'] as const;

const native: AttributeDefaults = {
  driverName: 'csi.certmount.io',
  groups: attributeGroups,
  algorithm: 'ECDSA',
  encodings: { RSA: 'PKCS8', ECDSA: 'PKCS8', Ed25519: 'PKCS8' },
  duration: 24 * hour,
  // What both ends of mutual TLS need. RSA key transport additionally needs key encipherment (RFC 5246 §7.4.2).
  usages: (algorithm, isCA) => {
    if (isCA) return ['cert sign', 'crl sign'];
    return algorithm === 'RSA' ? mutualTlsOfRsa : mutualTls;
  },
  spiffeId: true,
  threeFiles: false,
  emptyCa: false,
  pkcs12Profile: 'Modern2023',
  truststores: true,
  passwordInSpec: false,
  longRenewBefore: false,
  annotations: 'of-the-issuer',
};

export const defaultsOf: Readonly<Record<Compatibility, AttributeDefaults>> = {
  none: native,
  'cert-manager': {
    driverName: 'csi.cert-manager.io',
    groups: attributeGroups,
    algorithm: 'RSA',
    encodings: { RSA: 'PKCS1', ECDSA: 'PKCS8', Ed25519: 'PKCS8' },
    duration: 2160 * hour,
    usages: () => ['digital signature', 'key encipherment'],
    spiffeId: false,
    threeFiles: true,
    emptyCa: true,
    pkcs12Profile: 'LegacyRC2',
    truststores: false,
    passwordInSpec: true,
    longRenewBefore: true,
    annotations: 'all',
  },
  'csi-driver-spiffe': {
    ...native,
    driverName: 'spiffe.csi.cert-manager.io',
    groups: [...attributeGroups, 'spiffe.csi.cert-manager.io'],
    duration: hour,
    // The approver of csi-driver-spiffe wants exactly these.
    usages: (_algorithm, isCA) => (isCA ? ['cert sign', 'crl sign'] : mutualTlsOfRsa),
    threeFiles: true,
  },
};
