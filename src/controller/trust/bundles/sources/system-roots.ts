import { createHash } from 'node:crypto';
import { decodeCertificate, isPkiError } from '../../../../pki/index.ts';
import type { Certificate } from '../../../../pki/index.ts';

export interface SystemRoots {
  readonly certificates: readonly Certificate[];
  /** The same for the same certificates, as in `node-26.0.0-0123456789abcdef`. */
  readonly version: string;
}

/**
 * The public roots that Node brings along, which are Mozilla's: an image without a distribution has no others, and every
 * replica has the same. Read when the first Bundle asks for them.
 *
 * @param roots PEM of one certificate each
 * @param nodeVersion without a "v"
 */
export function systemRoots(roots: readonly string[], nodeVersion: string): () => SystemRoots {
  let known: SystemRoots | undefined;
  return () => (known ??= readRoots(roots, nodeVersion));
}

function readRoots(roots: readonly string[], nodeVersion: string): SystemRoots {
  const digest = createHash('sha256');
  const certificates: Certificate[] = [];
  for (const pem of roots) {
    digest.update(pem);
    const der = Buffer.from(pem.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64');
    try {
      certificates.push(decodeCertificate(der));
    } catch (error) {
      // A root of a kind that certmount cannot read verifies nothing here.
      if (!isPkiError(error)) throw error;
    }
  }
  return { certificates, version: `node-${nodeVersion}-${digest.digest('hex').slice(0, 16)}` };
}
