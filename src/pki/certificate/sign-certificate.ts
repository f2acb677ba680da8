import { type KeyObject, randomBytes } from 'node:crypto';
import { contextConstructed } from '../der/tag.ts';
import { encodeTime } from '../der/time.ts';
import { encode, octetAlignedBits, sequence, smallInteger, unsignedInteger } from '../der/writer.ts';
import { PkiError } from '../errors.ts';
import { encodeBasicConstraints } from '../extensions/basic-constraints.ts';
import { encodeAuthorityInfoAccess, encodeCrlDistributionPoints } from '../extensions/distribution.ts';
import { encodeExtension, type Extension, extensionOid } from '../extensions/extension.ts';
import {
  encodeAuthorityKeyIdentifier,
  encodeSubjectKeyIdentifier,
  keyIdentifierOf,
} from '../extensions/key-identifier.ts';
import { encodeExtendedKeyUsages, encodeKeyUsages, type Usages } from '../extensions/usages.ts';
import { encodePublicKey } from '../keys/encode-key.ts';
import { keySpecOf, publicKeyOf, samePublicKey } from '../keys/key-spec.ts';
import { signatureSchemeOf } from '../keys/signature.ts';
import { type AltNames, encodeAltNames, isEmptyAltNames } from '../names/alt-names.ts';
import { encodeSubject, isEmptySubject, type Subject } from '../names/subject.ts';
import { encodePem } from '../pem.ts';
import type { Certificate } from './certificate.ts';

export interface CertificateTemplate {
  readonly subject: Subject;
  readonly altNames: AltNames;
  readonly publicKey: KeyObject;
  readonly usages: Usages;
  readonly isCA: boolean;
  readonly pathLength?: number;
  /** The DER NameConstraints of an authority. */
  readonly nameConstraints?: Extension;
  /** See {@link validityFrom}. */
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly crlDistributionPoints?: readonly string[];
  readonly ocspServers?: readonly string[];
  readonly issuingCertificateUrls?: readonly string[];
}

type Validity = Pick<CertificateTemplate, 'notBefore' | 'notAfter'>;

export interface Authority {
  readonly certificate: Certificate;
  readonly key: KeyObject;
}

export interface SigningDependencies {
  readonly randomBytes: (size: number) => Buffer;
}

const longestBackdatingMs = 60_000;

/**
 * A lifetime that began a minute ago, or a tenth of it where that is less, so that clocks that are a little slow accept the
 * certificate at once.
 *
 * @param lifetime milliseconds from notBefore to notAfter
 */
export function validityFrom(now: Date, lifetime: number): Validity {
  const start = now.getTime() - Math.min(longestBackdatingMs, lifetime / 10);
  return { notBefore: new Date(start), notAfter: new Date(start + lifetime) };
}

/**
 * The validity that lies within the issuer's: one that would begin before the issuer's begins with it and is as long as it was,
 * and none ends after the issuer's.
 */
export function validityWithin(issuer: Validity, { notAfter, notBefore }: Validity): Validity {
  const start = Math.max(notBefore.getTime(), issuer.notBefore.getTime());
  const end = notAfter.getTime() + (start - notBefore.getTime());
  return { notBefore: new Date(start), notAfter: new Date(Math.min(end, issuer.notAfter.getTime())) };
}

/**
 * Signs a certificate as RFC 5280 §4 asks; PEM. Its validity is brought within the issuer's, see {@link validityWithin}.
 *
 * @throws PkiError 'not-an-authority' when the issuer may not sign it, 'invalid-template' when the template contradicts
 *   itself or nothing of its validity is left
 */
export async function signCertificate(
  template: CertificateTemplate,
  issuer: Authority,
  dependencies: SigningDependencies = { randomBytes },
): Promise<string> {
  const authority = issuer.certificate;
  checkAuthority(template, issuer);
  const authorityKeyId =
    authority.subjectKeyId === undefined
      ? keyIdentifierOf(encodePublicKey(authority.publicKey))
      : Buffer.from(authority.subjectKeyId, 'hex');
  const within = { ...template, ...validityWithin(authority, template) };
  return sign(within, encodeSubject(authority.subject), authorityKeyId, issuer.key, dependencies);
}

/** Signs a certificate with its own key; the template's public key has to be that key's. */
export async function selfSignCertificate(
  template: CertificateTemplate,
  key: KeyObject,
  dependencies: SigningDependencies = { randomBytes },
): Promise<string> {
  if (!samePublicKey(template.publicKey, key))
    throw new PkiError(
      'invalid-template',
      'a self-signed certificate has the public key of the key that signs it',
    );
  // RFC 5280 §4.2.1.1: the authority key identifier may be left out where it says nothing.
  return sign(template, encodeSubject(template.subject), undefined, key, dependencies);
}

async function sign(
  template: CertificateTemplate,
  issuer: Buffer,
  authorityKeyId: Buffer | undefined,
  key: KeyObject,
  dependencies: SigningDependencies,
): Promise<string> {
  checkTemplate(template);
  const scheme = signatureSchemeOf(key);
  const publicKey = encodePublicKey(publicKeyOf(template.publicKey));
  const part = sequence(
    encode(contextConstructed(0), smallInteger(2)),
    unsignedInteger(serialNumber(dependencies)),
    scheme.algorithm,
    issuer,
    sequence(encodeTime(template.notBefore), encodeTime(template.notAfter)),
    encodeSubject(template.subject),
    publicKey,
    encode(contextConstructed(3), sequence(...encodeExtensions(template, publicKey, authorityKeyId))),
  );
  const signature = await scheme.sign(part);
  return encodePem('CERTIFICATE', sequence(part, scheme.algorithm, octetAlignedBits(signature)));
}

/** 128 random bits, not zero (RFC 5280 §4.1.2.2). */
function serialNumber({ randomBytes }: SigningDependencies): Buffer {
  const serial = randomBytes(16);
  if (serial.every((octet) => octet === 0)) serial[15] = 1;
  return serial;
}

function checkAuthority(template: CertificateTemplate, { certificate, key }: Authority): void {
  const refuse = (problem: string): never => {
    throw new PkiError('not-an-authority', `the issuer's certificate ${problem}`);
  };
  if (!certificate.isCA) refuse('is not one of an authority');
  if (certificate.keyUsageCritical !== undefined && !certificate.usages?.keyUsages.includes('keyCertSign'))
    refuse('may not sign certificates: keyCertSign is not among its key usages');
  if (isEmptySubject(certificate.subject)) refuse('has no subject to name as the issuer');
  if (template.isCA && certificate.pathLength === 0)
    refuse('may not issue to authorities: its path length is 0');
  if (!samePublicKey(certificate.publicKey, key)) refuse('is of another key than the one that would sign');
}

function checkTemplate(template: CertificateTemplate): void {
  const refuse = (problem: string): never => {
    throw new PkiError('invalid-template', problem);
  };
  keySpecOf(template.publicKey);
  if (Math.floor(template.notBefore.getTime() / 1000) >= Math.floor(template.notAfter.getTime() / 1000))
    refuse('the certificate, or the issuer, would expire before it is valid');
  if (isEmptySubject(template.subject)) {
    if (template.isCA) refuse('the certificate of an authority needs a subject');
    if (isEmptyAltNames(template.altNames)) refuse('the certificate would have no name');
  }
  if (!template.isCA && template.usages.keyUsages.includes('keyCertSign'))
    refuse('the key usage keyCertSign is only for authorities');
  if (!template.isCA && template.nameConstraints) refuse('name constraints are only for authorities');
}

function encodeExtensions(
  { subject, altNames, usages, isCA, pathLength, nameConstraints, ...rest }: CertificateTemplate,
  publicKey: Buffer,
  authorityKeyId: Buffer | undefined,
): Buffer[] {
  const extensions: Buffer[] = [];
  const add = (oid: string, critical: boolean, value: Buffer): void => {
    extensions.push(encodeExtension(oid, critical, value));
  };
  const { crlDistributionPoints = [], ocspServers = [], issuingCertificateUrls = [] } = rest;
  if (usages.keyUsages.length > 0) add(extensionOid.keyUsage, true, encodeKeyUsages(usages.keyUsages));
  if (usages.extendedKeyUsages.length > 0)
    add(extensionOid.extendedKeyUsage, false, encodeExtendedKeyUsages(usages.extendedKeyUsages));
  add(
    extensionOid.basicConstraints,
    true,
    encodeBasicConstraints(pathLength === undefined ? { isCA } : { isCA, pathLength }),
  );
  add(extensionOid.subjectKeyIdentifier, false, encodeSubjectKeyIdentifier(keyIdentifierOf(publicKey)));
  if (authorityKeyId !== undefined)
    add(extensionOid.authorityKeyIdentifier, false, encodeAuthorityKeyIdentifier(authorityKeyId));
  if (ocspServers.length + issuingCertificateUrls.length > 0)
    add(
      extensionOid.authorityInfoAccess,
      false,
      encodeAuthorityInfoAccess(ocspServers, issuingCertificateUrls),
    );
  // RFC 5280 §4.2.1.6: critical exactly when there is no other name.
  if (!isEmptyAltNames(altNames))
    add(extensionOid.subjectAltName, isEmptySubject(subject), encodeAltNames(altNames));
  if (nameConstraints) add(extensionOid.nameConstraints, nameConstraints.critical, nameConstraints.value);
  if (crlDistributionPoints.length > 0)
    add(extensionOid.crlDistributionPoints, false, encodeCrlDistributionPoints(crlDistributionPoints));
  return extensions;
}
