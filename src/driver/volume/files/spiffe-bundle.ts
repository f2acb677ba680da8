import type { KeyObject, webcrypto } from 'node:crypto';
import type { Certificate } from '../../../pki/index.ts';

export interface SpiffeBundleOptions {
  /** Undefined where there is none: the anchors are those that came with the certificate. */
  readonly sequence: number | undefined;
  readonly refreshHintSeconds: number | undefined;
}

/** How often a reader looks that cannot watch the file; what readers take where a bundle does not say. */
const defaultRefreshHintSeconds = 300;

/**
 * The bundle of a trust domain as SPIFFE has it (SPIFFE Trust Domain and Bundle §4, X509-SVID §6): a JWK Set with an entry
 * for each authority.
 */
export function spiffeBundle(
  anchors: readonly Certificate[],
  { refreshHintSeconds = defaultRefreshHintSeconds, sequence }: SpiffeBundleOptions,
): string {
  const bundle = {
    ...(sequence === undefined ? {} : { spiffe_sequence: sequence }),
    spiffe_refresh_hint: refreshHintSeconds,
    keys: anchors.flatMap(entryOf),
  };
  return `${JSON.stringify(bundle, undefined, 2)}\n`;
}

/** Curves of JSON Web Keys that go-jose reads: for a key of another kind SPIFFE's library for Go refuses the whole bundle. */
const curves: ReadonlySet<unknown> = new Set(['P-256', 'P-384', 'P-521', 'Ed25519']);

/** No `kid`: it must not be there. Keys of other kinds, such as those on brainpool curves, have no entry. */
function entryOf({ der, publicKey }: Certificate): readonly object[] {
  const key = jwkOf(publicKey);
  if (key === undefined || (key.kty !== 'RSA' && !curves.has(key.crv))) return [];
  return [{ use: 'x509-svid', ...key, x5c: [der.toString('base64')] }];
}

/** Undefined for keys that JWK has no name for. */
function jwkOf(key: KeyObject): webcrypto.JsonWebKey | undefined {
  try {
    return key.export({ format: 'jwk' });
  } catch {
    return undefined;
  }
}
