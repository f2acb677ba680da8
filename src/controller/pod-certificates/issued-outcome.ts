import type { PodCertificateRequestStatus } from '../../api/pod-certificate-request.ts';
import { formatTime } from '../../api/time.ts';
import { isPkiError, isSelfSigned, parseChain, sameAltNames, sameUsages } from '../../pki/index.ts';
import type { Certificate } from '../../pki/index.ts';
import { issuerKeyText } from '../issuers/issuer-key.ts';
import type { IssuerKey } from '../issuers/issuer-key.ts';
import type { CheckedRequest } from '../requests/check-request.ts';
import type { PodCertificateOutcome } from './pod-certificate-outcome.ts';

export interface IssuedContext {
  readonly checked: CheckedRequest;
  /** Milliseconds since the epoch, when it was signed. */
  readonly now: number;
  readonly random: () => number;
  readonly issuer: IssuerKey;
  readonly policy: string;
}

/**
 * What is answered with a certificate, when it is the one that was asked for.
 *
 * @param pem the leaf first, then what leads to the root
 */
export function issuedOutcome(
  pem: string,
  { checked, issuer, now, policy, random }: IssuedContext,
): PodCertificateOutcome {
  const [leaf, ...above] = readChain(pem);
  const unexpected = leaf === undefined ? 'no certificate' : difference(leaf, checked);
  if (leaf === undefined || unexpected !== undefined) {
    const message = `${issuerKeyText(issuer)} issued ${unexpected ?? ''}`;
    return { outcome: 'waiting', reason: 'UnexpectedCertificate', message };
  }
  const intermediates = above.filter((certificate) => certificate.isCA && !isSelfSigned(certificate));
  const status = issuedStatus(leaf, intermediates, { issuer, now, random });
  return { outcome: 'issued', status, leaf, issuer, policy, signedAt: now };
}

function issuedStatus(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  { issuer, now, random }: Pick<IssuedContext, 'issuer' | 'now' | 'random'>,
): PodCertificateRequestStatus {
  return {
    conditions: [
      {
        type: 'Issued',
        status: 'True',
        reason: 'Issued',
        message: `Certificate issued by ${issuerKeyText(issuer)}`,
        lastTransitionTime: formatTime(now),
      },
    ],
    certificateChain: [leaf, ...intermediates].map(({ pem }) => pem).join(''),
    notBefore: formatTime(leaf.notBefore.getTime()),
    beginRefreshAt: formatTime(beginRefreshAt(leaf, random)),
    notAfter: formatTime(leaf.notAfter.getTime()),
  };
}

/**
 * Half of the lifetime, as KEP-4317 suggests, and up to a tenth of it earlier: a kubelet that restarts asks for all of its
 * pods' certificates at once, and adds no more than five minutes of its own.
 */
function beginRefreshAt({ notAfter, notBefore }: Certificate, random: () => number): number {
  const lifetime = notAfter.getTime() - notBefore.getTime();
  return notBefore.getTime() + lifetime * (0.5 - 0.1 * random());
}

/** How the leaf differs from what was asked for; its key, lifetime and times are the API server's rules. */
function difference(leaf: Certificate, { csr, usages }: CheckedRequest): string | undefined {
  if (leaf.isCA) return 'a certificate of an authority';
  if (leaf.altNames.otherKinds.length > 0 || !sameAltNames(leaf.altNames, csr.altNames)) {
    return 'a certificate with other names';
  }
  if (leaf.usages === undefined || !sameUsages(leaf.usages, usages)) return 'a certificate with other usages';
  return undefined;
}

function readChain(pem: string): readonly Certificate[] {
  try {
    return parseChain(pem);
  } catch (error) {
    if (isPkiError(error)) return [];
    throw error;
  }
}
