import { maxTrustBundleLength, trustBundlePrefix } from '../../../api/cluster-trust-bundle.ts';
import { formatSubject, parseChain } from '../../../pki/index.ts';
import type { PublishedBundle } from '../trust-bundle-writer.ts';

/** Why the API server would not take a bundle. Closed. */
export type TrustBundleFailure =
  | 'invalid-name' // its name does not begin with its signer's
  | 'not-an-authority'
  | 'too-large'
  | 'foreign'; // there is one of this name that somebody else wrote

export class TrustBundleError extends Error {
  override readonly name = 'TrustBundleError';
  readonly reason: TrustBundleFailure;
  constructor(reason: TrustBundleFailure, message: string) {
    super(message);
    this.reason = reason;
  }
}

/**
 * What is written for a bundle: each anchor once, in the order given, and nothing between them.
 *
 * @throws TrustBundleError for what the API server would refuse, and PkiError for what is no PEM of certificates
 */
export function trustBundleText({ name, signerName, anchors }: PublishedBundle): string {
  checkName(name, signerName);
  const texts = new Set<string>();
  for (const certificate of parseChain(anchors)) {
    if (!certificate.isCA) {
      const subject = formatSubject(certificate.subject);
      throw new TrustBundleError(
        'not-an-authority',
        `${name}: the certificate "${subject}" is not one of an authority`,
      );
    }
    texts.add(certificate.pem);
  }
  const text = [...texts].join('');
  if (text.length > maxTrustBundleLength) {
    throw new TrustBundleError(
      'too-large',
      `${name}: ${text.length} bytes of anchors, at most ${maxTrustBundleLength} are allowed`,
    );
  }
  return text;
}

function checkName(name: string, signerName: string | undefined): void {
  const prefix = signerName === undefined ? '' : trustBundlePrefix(signerName);
  const rest = name.slice(prefix.length);
  if (name.startsWith(prefix) && rest !== '' && !rest.includes(':')) return;
  const rule =
    signerName === undefined ? 'without a signer it must have no ":"' : `it must begin with "${prefix}"`;
  throw new TrustBundleError('invalid-name', `"${name}" is not a name for this ClusterTrustBundle: ${rule}`);
}
