import type { Certificate } from '../certificate/certificate.ts';
import { isPkiError } from '../errors.ts';
import { samePublicKey } from '../keys/key-spec.ts';
import { verifySignature } from '../keys/signature.ts';
import type { Subject } from '../names/subject.ts';

/** True when the names say that `issuer` issued `certificate`; key identifiers count where both have them. */
export function namesMatch(certificate: Certificate, issuer: Certificate): boolean {
  return (
    sameName(certificate.issuer, issuer.subject) &&
    (certificate.authorityKeyId === undefined ||
      issuer.subjectKeyId === undefined ||
      certificate.authorityKeyId === issuer.subjectKeyId)
  );
}

/**
 * True when `issuer`'s key signed `certificate` in `issuer`'s name. Whether it may is not looked at.
 *
 * @throws PkiError 'unsupported' when the names match and the signature is of a kind that is not served
 */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  const { part, algorithm, signature } = certificate.signed;
  return namesMatch(certificate, issuer) && verifySignature(algorithm, issuer.publicKey, part, signature);
}

/**
 * True for a root. Of one whose signature is of a kind that is not served, such as SHA-1, the names have to do: nobody
 * verifies what a root says of itself.
 */
export function isSelfSigned(certificate: Certificate): boolean {
  try {
    return isIssuedBy(certificate, certificate);
  } catch (error) {
    if (!isPkiError(error)) throw error;
    const { authorityKeyId, subjectKeyId } = certificate;
    return isSelfIssued(certificate) && (authorityKeyId === undefined || authorityKeyId === subjectKeyId);
  }
}

/** The same as {@link isIssuedBy}, where a signature of a kind that is not served is none. */
export function verifiesUnder(certificate: Certificate, issuer: Certificate): boolean {
  try {
    return isIssuedBy(certificate, issuer);
  } catch (error) {
    if (!isPkiError(error)) throw error;
    return false;
  }
}

/**
 * True when what `issuer` signs verifies under `other` as well: one name, one key, and one key identifier where both have
 * one, which is what a certificate says of its issuer.
 */
export function issuesAs(other: Certificate, issuer: Certificate): boolean {
  return (
    sameName(other.subject, issuer.subject) &&
    samePublicKey(other.publicKey, issuer.publicKey) &&
    (other.subjectKeyId === undefined ||
      issuer.subjectKeyId === undefined ||
      other.subjectKeyId === issuer.subjectKeyId)
  );
}

/** True when subject and issuer are the same name (RFC 5280 §3.2), as in roots and in key rollovers. */
export function isSelfIssued(certificate: Certificate): boolean {
  return sameName(certificate.subject, certificate.issuer);
}

export function isSameCertificate(a: Certificate, b: Certificate): boolean {
  return a.der.equals(b.der);
}

/** Octet by octet: an issuer writes its own name as its certificate has it (RFC 5280 §4.1.2.6). */
function sameName(a: Subject, b: Subject): boolean {
  return a.raw !== undefined && b.raw !== undefined && Buffer.compare(a.raw, b.raw) === 0;
}
