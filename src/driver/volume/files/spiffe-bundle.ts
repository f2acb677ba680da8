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

/** No `kid`: it must not be there. Keys that JWK has no name for, such as those of brainpool curves, have no entry. */
function entryOf({ der, publicKey }: Certificate): readonly object[] {
  try {
    const key = publicKey.export({ format: 'jwk' });
    return [{ use: 'x509-svid', ...key, x5c: [der.toString('base64')] }];
  } catch {
    return [];
  }
}
