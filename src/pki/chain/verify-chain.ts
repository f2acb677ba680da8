import type { Certificate } from '../certificate/certificate.ts';
import { PkiError } from '../errors.ts';
import type { ExtendedKeyUsage } from '../extensions/usages.ts';
import { formatSubject } from '../names/subject.ts';
import { isIssuedBy, isSameCertificate, isSelfIssued, namesMatch } from './issued-by.ts';
import { checkNameConstraints, maxConstraintComparisons } from './name-constraints.ts';
import { maxCertificatesInChain } from './order-chain.ts';
import { checkPurposes } from './purposes.ts';

/**
 * Anchors that share a name with the issuer, of which each costs a signature: as many as Go's crypto/x509 tries. A bundle has
 * one or two of them; whoever made one up would else keep us busy for minutes.
 */
const maxSignatureChecks = 100;

/**
 * Verifies a path of RFC 5280 §6: from the leaf, which is first, each certificate issued by the next, to the first one
 * that is a trust anchor or was issued by one. What comes after that in the chain does not count, as in TLS.
 *
 * Each certificate has to be valid at the time, the anchor too, and each issuer to be allowed to issue what is below
 * it. Revocation is not looked at, nor are certificate policies: a path that needs one is refused.
 *
 * @param purposes that every issuer below the anchor has to allow, if it names any; the leaf's own are the caller's to look at
 */
export function verifyChain(
  chain: readonly Certificate[],
  anchors: readonly Certificate[],
  at: Date,
  purposes: readonly ExtendedKeyUsage[] = [],
): void {
  const path = pathToAnchor(chain, anchors, at);
  for (const certificate of path) {
    checkValidity(certificate, at);
    const [unknown] = certificate.unknownCriticalExtensions;
    if (unknown !== undefined)
      throw new PkiError(
        'unsupported',
        `${name(certificate)} has the critical extension ${unknown}, which is not understood`,
      );
  }
  checkPurposes(path.slice(1, -1), purposes);
  let authoritiesBelow = 0;
  const budget = { comparisons: maxConstraintComparisons };
  path.forEach((issuer, index) => {
    if (index === 0) return;
    checkAuthority(issuer, authoritiesBelow, index === path.length - 1);
    if (issuer.nameConstraints !== undefined)
      checkNameConstraints(
        issuer.nameConstraints,
        // A self-issued certificate within the path is the same authority with another key (RFC 5280 §6.1.3 (b)).
        path.slice(0, index).filter((certificate, below) => below === 0 || !isSelfIssued(certificate)),
        name(issuer),
        budget,
      );
    if (!isSelfIssued(issuer)) authoritiesBelow++;
  });
}

/** The chain up to its anchor, the anchor included. Every link's signature is verified. */
function pathToAnchor(
  chain: readonly Certificate[],
  anchors: readonly Certificate[],
  at: Date,
): Certificate[] {
  const path: Certificate[] = [];
  let checks = 0;
  // To an anchor that is not valid: taken only when there is no other, to say so.
  let invalid: Certificate[] | undefined;
  for (const certificate of chain.slice(0, maxCertificatesInChain)) {
    const below = path.at(-1);
    if (below !== undefined && !isIssuedBy(below, certificate)) {
      if (invalid) return invalid;
      throw namesMatch(below, certificate)
        ? new PkiError('bad-signature', `${name(below)} is not signed by the key of ${name(certificate)}`)
        : new PkiError(
            'not-a-chain',
            `${name(below)} is not issued by ${name(certificate)}, which follows it`,
          );
    }
    path.push(certificate);
    if (anchors.some((anchor) => isSameCertificate(anchor, certificate))) return path;
    const candidates = anchors.filter((candidate) => namesMatch(certificate, candidate));
    checks += candidates.length;
    if (checks > maxSignatureChecks)
      throw new PkiError(
        'too-large',
        `more than ${maxSignatureChecks} trust anchors have the name of an issuer`,
      );
    const issuers = candidates.filter((candidate) => isIssuedBy(certificate, candidate));
    // A root that was renewed with its key stands in the bundle beside the old one for a while.
    const valid = issuers.find((issuer) => isValidAt(issuer, at));
    if (valid !== undefined) return [...path, valid];
    if (issuers[0] !== undefined) invalid ??= [...path, issuers[0]];
  }
  if (invalid) return invalid;
  const last = path.at(-1);
  if (last === undefined) throw new PkiError('not-a-chain', 'there is no certificate in the chain');
  throw new PkiError('untrusted', `no trust anchor issued ${name(last)}`);
}

function checkValidity(certificate: Certificate, at: Date): void {
  if (isValidAt(certificate, at)) return;
  const { notBefore, notAfter } = certificate;
  throw new PkiError(
    'not-valid-now',
    at < notBefore
      ? `${name(certificate)} is not valid before ${notBefore.toISOString()}`
      : `${name(certificate)} expired at ${notAfter.toISOString()}`,
  );
}

function isValidAt({ notBefore, notAfter }: Certificate, at: Date): boolean {
  // notAfter is the last valid second (RFC 5280 §4.1.2.5).
  return at >= notBefore && at.getTime() < notAfter.getTime() + 1000;
}

/** @param authoritiesBelow intermediate authorities between it and the leaf, self-issued ones not counted */
function checkAuthority(issuer: Certificate, authoritiesBelow: number, isAnchor: boolean): void {
  const refuse = (problem: string): never => {
    throw new PkiError('not-an-authority', `${name(issuer)} ${problem}`);
  };
  // Old roots are of version 1, which has no basic constraints: who trusts one means it.
  const isOldRoot = isAnchor && issuer.version === 1 && isSelfIssued(issuer);
  if (!issuer.isCA && !isOldRoot) refuse('is not one of an authority, but issued another');
  if (issuer.keyUsageCritical !== undefined && !issuer.usages?.keyUsages.includes('keyCertSign'))
    refuse('may not sign certificates: keyCertSign is not among its key usages');
  if (issuer.pathLength !== undefined && authoritiesBelow > issuer.pathLength)
    refuse(`allows ${issuer.pathLength} authorities below it, not ${authoritiesBelow}`);
}

function name(certificate: Certificate): string {
  const subject = formatSubject(certificate.subject);
  return subject === ''
    ? `certificate ${certificate.serialNumber}`
    : `the certificate of ${JSON.stringify(subject)}`;
}
