import { createHash } from 'node:crypto';
import type { AdditionalFormats } from '../../../../api/bundle.ts';
import {
  encodeJksTruststore,
  encodePasswordlessPkcs12Truststore,
  encodePkcs12Truststore,
} from '../../../../pki/index.ts';
import type { Certificate } from '../../../../pki/index.ts';

/** As the CRD has them, for Bundles that were written under another one. */
const defaultJksPassword = 'changeit';
const defaultPkcs12Profile = 'LegacyRC2';

/** As trust-manager writes it: without a newline at the end. */
export function pemText(anchors: readonly Certificate[]): string {
  return anchors
    .map(({ pem }) => pem)
    .join('')
    .trimEnd();
}

/**
 * The stores by their keys. The same anchors and passwords make the same octets, so that a target can be compared with what
 * it should be; nothing in a trust store is secret.
 *
 * @param anchors at least one
 * @throws PkiError for a password that a store cannot have
 */
export function storeFormats(
  anchors: readonly Certificate[],
  { jks, pkcs12 }: AdditionalFormats = {},
): ReadonlyMap<string, Buffer> {
  const stores = new Map<string, Buffer>();
  if (jks !== undefined) {
    const at = new Date(Math.max(...anchors.map(({ notBefore }) => notBefore.getTime())));
    stores.set(jks.key, encodeJksTruststore({ anchors, password: jks.password ?? defaultJksPassword, at }));
  }
  if (pkcs12 !== undefined) {
    const { password = '', profile = defaultPkcs12Profile } = pkcs12;
    stores.set(
      pkcs12.key,
      password === ''
        ? encodePasswordlessPkcs12Truststore(anchors)
        : encodePkcs12Truststore({ anchors, password, profile }, { randomBytes: derivedBytes(anchors) }),
    );
  }
  return stores;
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
