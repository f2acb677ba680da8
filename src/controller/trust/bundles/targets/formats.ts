import { createHash } from 'node:crypto';
import type { AdditionalFormats } from '../../../../api/bundle.ts';
import {
  encodeJksTruststore,
  encodePasswordlessPkcs12Truststore,
  encodePkcs12Truststore,
  isPkiError,
} from '../../../../pki/index.ts';
import type { Certificate } from '../../../../pki/index.ts';

/** As the CRD has them, for Bundles that were written under another one. */
const defaultJksPassword = 'changeit';
const defaultPkcs12Profile = 'LegacyRC2';

/** What all targets of a Bundle hold. */
export interface TargetContents {
  readonly pem: string;
  /** Trust stores by their keys, as far as they can be made. */
  readonly stores: ReadonlyMap<string, Buffer>;
  /** What is wrong with the others, for people. */
  readonly problems: readonly string[];
}

/** @param anchors at least one */
export function targetContents(
  anchors: readonly Certificate[],
  { jks, pkcs12 }: AdditionalFormats = {},
): TargetContents {
  const stores = new Map<string, Buffer>();
  const problems: string[] = [];
  const add = (format: string, key: string, make: () => Buffer): void => {
    try {
      stores.set(key, make());
    } catch (error) {
      if (!isPkiError(error)) throw error;
      problems.push(`target.additionalFormats.${format}: ${error.message}`);
    }
  };
  if (jks !== undefined) add('jks', jks.key, () => jksStore(anchors, jks));
  if (pkcs12 !== undefined) add('pkcs12', pkcs12.key, () => pkcs12Store(anchors, pkcs12));
  return { pem: pemText(anchors), stores, problems };
}

/** As trust-manager writes it: without a newline at the end. */
function pemText(anchors: readonly Certificate[]): string {
  return anchors
    .map(({ pem }) => pem)
    .join('')
    .trimEnd();
}

// The same anchors and passwords make the same octets, so that a target can be compared with what it should be. Nothing in a
// trust store is secret.

function jksStore(
  anchors: readonly Certificate[],
  { password = defaultJksPassword }: NonNullable<AdditionalFormats['jks']>,
): Buffer {
  const at = new Date(Math.max(...anchors.map(({ notBefore }) => notBefore.getTime())));
  return encodeJksTruststore({ anchors, password, at });
}

function pkcs12Store(
  anchors: readonly Certificate[],
  { password = '', profile = defaultPkcs12Profile }: NonNullable<AdditionalFormats['pkcs12']>,
): Buffer {
  if (password === '') return encodePasswordlessPkcs12Truststore(anchors);
  return encodePkcs12Truststore({ anchors, password, profile }, { randomBytes: derivedBytes(anchors) });
}

/** Salts that follow from the content. */
function derivedBytes(anchors: readonly Certificate[]): (size: number) => Uint8Array {
  const seed = createHash('sha256').update(pemText(anchors)).digest();
  let count = 0;
  return (size) => {
    count += 1;
    return createHash('shake256', { outputLength: size }).update(seed).update(`${count}`).digest();
  };
}
