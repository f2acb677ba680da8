import { sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { encodeOid } from '../../../src/pki/der/oid.ts';
import { contextConstructed, tag } from '../../../src/pki/der/tag.ts';
import { encode, octetAlignedBits, sequence, smallInteger } from '../../../src/pki/der/writer.ts';
import { encodeExtension, extensionOid } from '../../../src/pki/extensions/extension.ts';
import { encodePem, publicKeyOf } from '../../../src/pki/index.ts';
import { extensionRequestOid } from '../../../src/pki/request/create-request.ts';
import { newKey } from '../../unit/controller/builders.ts';

export interface RawRequest {
  /** DER of each relative distinguished name. */
  readonly subject?: readonly Uint8Array[];
  /** DER of each extension, whatever the others are. */
  readonly extensions?: readonly Uint8Array[];
  /** The attribute is there so often, with the same extensions. */
  readonly extensionRequests?: number;
  readonly key?: KeyObject;
  /** Who signs it in fact. */
  readonly signer?: KeyObject;
}

/** A signing request as no decent program makes one, signed all the same; DER. */
async function rawRequest(options: RawRequest = {}): Promise<Buffer> {
  const {
    extensionRequests = 1,
    extensions = [],
    key = await newKey(),
    signer = key,
    subject = [],
  } = options;
  const asked = encode(tag.set, sequence(...extensions));
  const attribute = sequence(encodeOid(extensionRequestOid), asked);
  const attributes =
    extensions.length === 0 ? [] : Array.from({ length: extensionRequests }, () => attribute);
  const publicKey = publicKeyOf(key).export({ type: 'spki', format: 'der' });
  const info = sequence(
    smallInteger(0),
    sequence(...subject),
    publicKey,
    encode(contextConstructed(0), ...attributes),
  );
  const algorithm =
    signer.asymmetricKeyType === 'rsa'
      ? sequence(encodeOid('1.2.840.113549.1.1.11'), encode(tag.null))
      : sequence(encodeOid('1.2.840.10045.4.3.2'));
  return sequence(info, algorithm, octetAlignedBits(sign('sha256', info, signer)));
}

export async function rawPem(options: RawRequest = {}): Promise<string> {
  return encodePem('CERTIFICATE REQUEST', await rawRequest(options));
}

/** GeneralName by the number of its kind: 1 email, 2 DNS, 6 URI, 7 address. */
export function generalName(kind: number, text: string | Uint8Array): Buffer {
  return encode(0x80 | kind, typeof text === 'string' ? Buffer.from(text, 'utf8') : text);
}

export function altNames(...names: readonly Uint8Array[]): Buffer {
  return encodeExtension(extensionOid.subjectAltName, false, sequence(...names));
}

export function extension(oid: string, value: Uint8Array): Buffer {
  return encodeExtension(oid, true, value);
}

/** otherName of a user principal, by which Windows logs in. */
export function principalName(text: string): Buffer {
  const value = encode(contextConstructed(0), encode(tag.utf8String, Buffer.from(text)));
  return encode(contextConstructed(0), encodeOid('1.3.6.1.4.1.311.20.2.3'), value);
}

/** One attribute of the subject: 2.5.4.3 is the common name, 2.5.4.10 the organization. */
export function attributeOf(oid: string, text: string): Buffer {
  return encode(tag.set, sequence(encodeOid(oid), encode(tag.utf8String, Buffer.from(text))));
}
