import type { Certificate } from '../certificate/certificate.ts';
import { PkiError } from '../errors.ts';
import { isIssuedBy, isSelfSigned } from './issued-by.ts';

/** More than any real chain has; bounds the signatures that are verified to find the order. */
export const maxCertificatesInChain = 16;

/**
 * Puts the certificates of one chain, given in any order, leaf first. Each is kept once, a root too.
 *
 * @throws PkiError 'not-a-chain' when there is not exactly one way from one leaf through all of them
 */
export function orderChain(certificates: readonly Certificate[]): Certificate[] {
  const unique = [
    ...new Map(certificates.map((certificate) => [certificate.der.toString('latin1'), certificate])).values(),
  ];
  if (unique.length === 0) throw notAChain('there is no certificate');
  if (unique.length > maxCertificatesInChain)
    throw notAChain(
      `${unique.length} certificates are too many; at most ${maxCertificatesInChain} are ordered`,
    );

  const issuerOf = new Map<Certificate, Certificate>();
  for (const certificate of unique) {
    if (isSelfSigned(certificate)) continue;
    const issuers = unique.filter((other) => other !== certificate && isIssuedBy(certificate, other));
    if (issuers.length > 1) throw notAChain('a certificate was issued by two of the others');
    if (issuers[0] !== undefined) issuerOf.set(certificate, issuers[0]);
  }
  const issuers = new Set(issuerOf.values());
  const leaves = unique.filter((certificate) => !issuers.has(certificate));
  if (leaves.length !== 1)
    throw notAChain(`${leaves.length} certificates issued no other; a chain has one such`);

  const chain: Certificate[] = [];
  for (let next = leaves[0]; next !== undefined; next = issuerOf.get(next)) {
    // Two authorities may have signed each other, with a leaf below.
    if (chain.includes(next)) throw notAChain('they go in a circle');
    chain.push(next);
  }
  if (chain.length !== unique.length) throw notAChain('some certificates do not belong to it');
  return chain;
}

function notAChain(problem: string): PkiError {
  return new PkiError('not-a-chain', `the certificates are not one chain: ${problem}`);
}
