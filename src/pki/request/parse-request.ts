import type { KeyObject } from 'node:crypto';
import { decodeOid } from '../der/oid.ts';
import { DerReader } from '../der/reader.ts';
import { contextConstructed, tag } from '../der/tag.ts';
import { PkiError } from '../errors.ts';
import { decodeExtensions, type DecodedExtensions } from '../extensions/decode-extensions.ts';
import { type Extension, readExtensions } from '../extensions/extension.ts';
import { checkNewNameConstraints } from '../extensions/check-name-constraints.ts';
import { decodeNameConstraints } from '../extensions/name-constraints.ts';
import type { DecodedUsages } from '../extensions/usages.ts';
import { checkEcEncoding, decodePublicKey } from '../keys/encode-key.ts';
import { keySpecOf } from '../keys/key-spec.ts';
import { verifySignature } from '../keys/signature.ts';
import { type AltNames, checkAltNames } from '../names/alt-names.ts';
import { checkSubjectForEverybody } from '../names/check-subject.ts';
import { decodeSubject, type Subject } from '../names/subject.ts';
import { decodeSinglePem } from '../pem.ts';
import { extensionRequestOid } from './create-request.ts';

/** A certification request whose signature is right. */
export interface ParsedRequest {
  readonly pem: string;
  readonly publicKey: KeyObject;
  /** With `raw`. */
  readonly subject: Subject;
  readonly altNames: AltNames;
  readonly sanCritical: boolean;
  /** Undefined when the request asks for neither key usages nor extended ones. */
  readonly usages?: DecodedUsages;
  /** Undefined when the request has no basic constraints. */
  readonly isCA?: boolean;
  readonly pathLength?: number;
  /** The DER NameConstraints, which are understood. */
  readonly nameConstraints?: Extension;
  /** Object identifiers of requested extensions that are not decoded, and that no certificate will get. */
  readonly otherExtensions: readonly string[];
  /** Object identifiers of attributes beside the request for extensions. */
  readonly otherAttributes: readonly string[];
}

export const maxRequestLength = 64 * 1024;

const what = 'the certificate request';

/**
 * Reads a certification request of a stranger: checks its size, structure, key, names and signature.
 *
 * @throws PkiError also for names that would get lost (otherName and the like) and for doubled extensions: a request
 *   is either understood as a whole or refused; and for what is copied into a certificate that many could not read then
 */
export function parseRequest(pem: string): ParsedRequest {
  const { der } = decodeSinglePem(pem, what, maxRequestLength, [
    'CERTIFICATE REQUEST',
    'NEW CERTIFICATE REQUEST',
  ]);
  const document = new DerReader(der, what);
  const outer = document.enter();
  document.end();
  const signedPart = outer.read(tag.sequence);
  const algorithm = outer.read(tag.sequence).encoded;
  const signature = outer.octetAlignedBits();
  outer.end();

  const info = outer.within(signedPart);
  const version = info.smallInteger();
  if (version !== 0)
    throw new PkiError('unsupported', `${what} has version ${version + 1}: only version 1 exists`);
  const name = info.read(tag.sequence).encoded;
  const subject = decodeSubject(name, `the subject of ${what}`);
  checkSubjectForEverybody(name, `the subject of ${what}`);
  const encodedKey = info.read(tag.sequence).encoded;
  const publicKey = decodePublicKey(encodedKey);
  const attributes = info.optional(contextConstructed(0));
  info.end();
  // Before the signature, because a strange key can make that expensive.
  keySpecOf(publicKey);
  checkEcEncoding(encodedKey, publicKey);
  const { otherAttributes, requested } = readAttributes(attributes && info.within(attributes));
  const extensions = decodeExtensions(requested);
  checkNames(extensions);
  if (extensions.nameConstraints)
    checkNewNameConstraints(decodeNameConstraints(extensions.nameConstraints.value));
  if (!verifySignature(algorithm, publicKey, signedPart.encoded, signature))
    throw new PkiError('bad-signature', `the signature of ${what} does not verify with its public key`);

  const { altNames, basicConstraints, nameConstraints, sanCritical, unknown, usages } = extensions;
  return {
    pem,
    publicKey,
    subject,
    altNames,
    sanCritical,
    ...(usages && { usages }),
    ...basicConstraints,
    ...(nameConstraints && { nameConstraints }),
    otherExtensions: unknown.map(({ oid }) => oid),
    otherAttributes,
  };
}

function readAttributes(attributes: DerReader | undefined): {
  readonly requested: Map<string, Extension>;
  readonly otherAttributes: readonly string[];
} {
  let extensions: Map<string, Extension> | undefined;
  const otherAttributes: string[] = [];
  while (attributes !== undefined && !attributes.atEnd) {
    const attribute = attributes.enter();
    const oid = decodeOid(attribute.read(tag.oid).content);
    const values = attribute.enter(tag.set);
    attribute.end();
    if (oid !== extensionRequestOid) {
      otherAttributes.push(oid);
      continue;
    }
    if (extensions !== undefined) throw attributes.malformed('it asks for extensions twice');
    extensions = readExtensions(values);
    values.end();
  }
  return { requested: extensions ?? new Map(), otherAttributes };
}

function checkNames({ altNames }: DecodedExtensions): void {
  checkAltNames(altNames);
  if (altNames.otherKinds.length > 0)
    throw new PkiError(
      'unsupported',
      `names of the kind ${altNames.otherKinds[0]} are not supported in ${what}`,
    );
}
