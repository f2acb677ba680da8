import type { Certificate } from '../certificate/certificate.ts';
import { PkiError } from '../errors.ts';
import { fingerprint } from '../fingerprint.ts';

export interface TrustedEntry {
  readonly alias: string;
  readonly der: Buffer;
}

/**
 * Anchors under their aliases, each once: Java silently drops one of two entries of one alias.
 *
 * The alias follows from the certificate alone, so that an anchor keeps it when others come and go.
 */
export function trustedEntries(anchors: readonly Certificate[]): readonly TrustedEntry[] {
  if (anchors.length === 0)
    throw new PkiError('invalid-keystore', 'a trust store needs an anchor: Java refuses to use an empty one');
  const entries = new Map(
    anchors.map(({ der }) => {
      const alias = `ca-${fingerprint(der)}`;
      return [alias, { alias, der }];
    }),
  );
  return [...entries.values()];
}
