import type { KeyObject } from 'node:crypto';
import { encodeOid } from '../der/oid.ts';
import { contextConstructed, tag } from '../der/tag.ts';
import { encode, octetAlignedBits, sequence, smallInteger } from '../der/writer.ts';
import { encodeExtension, extensionOid } from '../extensions/extension.ts';
import { encodeBasicConstraints } from '../extensions/basic-constraints.ts';
import { encodeExtendedKeyUsages, encodeKeyUsages, type Usages } from '../extensions/usages.ts';
import { encodePublicKey } from '../keys/encode-key.ts';
import { publicKeyOf } from '../keys/key-spec.ts';
import { signatureSchemeOf } from '../keys/signature.ts';
import { type AltNames, encodeAltNames, isEmptyAltNames } from '../names/alt-names.ts';
import { encodeSubject, isEmptySubject, type Subject } from '../names/subject.ts';
import { encodePem } from '../pem.ts';

export interface RequestTemplate {
  readonly subject: Subject;
  readonly altNames: AltNames;
  /** Left out of the request when undefined. */
  readonly usages?: Usages;
  /** Left out of the request when undefined. */
  readonly isCA?: boolean;
}

/** Makes a certification request (PKCS #10, RFC 2986), signed by the key that it is for; PEM. */
export async function createRequest(template: RequestTemplate, privateKey: KeyObject): Promise<string> {
  const scheme = signatureSchemeOf(privateKey);
  const extensions = encodeRequestedExtensions(template);
  const info = sequence(
    smallInteger(0),
    encodeSubject(template.subject),
    encodePublicKey(publicKeyOf(privateKey)),
    extensions.length === 0
      ? encode(contextConstructed(0))
      : encode(contextConstructed(0), sequence(extensionRequest, encode(tag.set, sequence(...extensions)))),
  );
  const signature = await scheme.sign(info);
  return encodePem('CERTIFICATE REQUEST', sequence(info, scheme.algorithm, octetAlignedBits(signature)));
}

/** pkcs-9-at-extensionRequest (RFC 2985 §5.4.2). */
export const extensionRequestOid = '1.2.840.113549.1.9.14';
const extensionRequest = encodeOid(extensionRequestOid);

function encodeRequestedExtensions({ subject, altNames, usages, isCA }: RequestTemplate): Buffer[] {
  const extensions: Buffer[] = [];
  if (usages !== undefined && usages.keyUsages.length > 0)
    extensions.push(encodeExtension(extensionOid.keyUsage, true, encodeKeyUsages(usages.keyUsages)));
  if (usages !== undefined && usages.extendedKeyUsages.length > 0)
    extensions.push(
      encodeExtension(
        extensionOid.extendedKeyUsage,
        false,
        encodeExtendedKeyUsages(usages.extendedKeyUsages),
      ),
    );
  if (isCA !== undefined)
    extensions.push(encodeExtension(extensionOid.basicConstraints, true, encodeBasicConstraints({ isCA })));
  // RFC 5280 §4.2.1.6: critical exactly when there is no other name.
  if (!isEmptyAltNames(altNames))
    extensions.push(
      encodeExtension(extensionOid.subjectAltName, isEmptySubject(subject), encodeAltNames(altNames)),
    );
  return extensions;
}
