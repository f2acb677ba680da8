import { maxTrustBundleLength, trustBundlePrefix } from '../../../api/cluster-trust-bundle.ts';
import { formatSubject, parseChain } from '../../../pki/index.ts';
import { TrustError } from '../trust-error.ts';

/** What is to be published as a ClusterTrustBundle. */
export interface PublishedBundle {
  /** With a signer it must begin with the signer's name, "/" written as ":", and another ":" (KEP-3257). */
  readonly name: string;
  readonly signerName?: string;
  /** PEM of at least one CA, none twice. */
  readonly anchors: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * What is written for a bundle: each anchor once, in the order given, and nothing between them.
 *
 * @throws TrustError for what the API server would refuse, and PkiError for what is no PEM of certificates
 */
export function trustBundleText({ name, signerName, anchors }: PublishedBundle): string {
  checkName(name, signerName);
  const texts = new Set<string>();
  for (const certificate of parseChain(anchors)) {
    if (!certificate.isCA) {
      const subject = formatSubject(certificate.subject);
      throw new TrustError(
        'not-an-authority',
        `${name}: the certificate "${subject}" is not one of an authority`,
      );
    }
    texts.add(certificate.pem);
  }
  const text = [...texts].join('');
  if (text.length > maxTrustBundleLength) {
    throw new TrustError(
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
  throw new TrustError('invalid-name', `"${name}" is not a name for this ClusterTrustBundle: ${rule}`);
}
