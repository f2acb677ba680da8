import { type KeyObject, sign } from 'node:crypto';
import { encodeOid } from '../../../../src/pki/der/oid.ts';
import { encode, octetAlignedBits, sequence, smallInteger } from '../../../../src/pki/der/writer.ts';
import { encodePem, encodeSubject, publicKeyOf } from '../../../../src/pki/index.ts';

/** Parts of a request, in DER, to be replaced by what nobody should send. */
export interface ForgedRequest {
  readonly version?: Uint8Array;
  readonly subject?: Uint8Array;
  readonly publicKey?: Uint8Array;
  readonly extensions?: readonly Uint8Array[];
  /** Instead of extensions. */
  readonly attributes?: Uint8Array;
  readonly algorithm?: Uint8Array;
  readonly signature?: Uint8Array;
  readonly trailing?: Uint8Array;
}

const ecdsaWithSha256 = sequence(encodeOid('1.2.840.10045.4.3.2'));
export const ecdsaWithSha1 = sequence(encodeOid('1.2.840.10045.4.1'));
const extensionRequest = encodeOid('1.2.840.113549.1.9.14');

/** A request with a right signature by a P-256 key, over whatever it has in it. */
export function forgeRequest(key: KeyObject, forged: ForgedRequest = {}): string {
  return encodePem('CERTIFICATE REQUEST', forgeRequestDer(key, forged));
}

export function forgeRequestDer(key: KeyObject, forged: ForgedRequest): Buffer {
  const info = sequence(
    forged.version ?? smallInteger(0),
    forged.subject ?? sequence(),
    forged.publicKey ?? publicKeyOf(key).export({ type: 'spki', format: 'der' }),
    forged.attributes ?? encode(0xa0, extensionAttribute(...(forged.extensions ?? []))),
  );
  return Buffer.concat([
    sequence(
      info,
      forged.algorithm ?? ecdsaWithSha256,
      octetAlignedBits(forged.signature ?? sign('sha256', info, key)),
    ),
    forged.trailing ?? Buffer.alloc(0),
  ]);
}

export function extensionAttribute(...extensions: readonly Uint8Array[]): Buffer {
  return sequence(extensionRequest, encode(0x31, sequence(...extensions)));
}

/** Certificates need the same. */
export function forgeExtension(oid: string, value: Uint8Array, critical?: Uint8Array): Buffer {
  return sequence(encodeOid(oid), critical ?? Buffer.alloc(0), encode(0x04, value));
}

/** A SubjectAltName extension with one name of this context tag. */
export function forgeAltName(contextTag: number, content: Uint8Array | string): Buffer {
  return forgeExtension('2.5.29.17', sequence(encode(contextTag, Buffer.from(content))));
}

export interface ForgedCertificate {
  readonly version?: Uint8Array;
  readonly serialNumber?: Uint8Array;
  readonly innerAlgorithm?: Uint8Array;
  /** In both places. */
  readonly algorithm?: Uint8Array;
  readonly issuer?: Uint8Array;
  readonly validity?: Uint8Array;
  readonly subject?: Uint8Array;
  readonly extensions?: Uint8Array;
  /** Signs instead of the certificate's own key. */
  readonly signer?: KeyObject;
}

/** A certificate of a P-256 key, signed by itself or by another one over whatever it has in it. */
export function forgeCertificate(key: KeyObject, forged: ForgedCertificate = {}): string {
  const time = (text: string): Buffer => encode(0x17, Buffer.from(text));
  const algorithm = forged.algorithm ?? ecdsaWithSha256;
  const part = sequence(
    forged.version ?? encode(0xa0, smallInteger(2)),
    forged.serialNumber ?? smallInteger(1),
    forged.innerAlgorithm ?? algorithm,
    forged.issuer ?? sequence(),
    forged.validity ?? sequence(time('260101000000Z'), time('270101000000Z')),
    forged.subject ?? sequence(),
    publicKeyOf(key).export({ type: 'spki', format: 'der' }),
    forged.extensions ?? Buffer.alloc(0),
  );
  const signature = sign(algorithm === ecdsaWithSha1 ? 'sha1' : 'sha256', part, forged.signer ?? key);
  return encodePem('CERTIFICATE', sequence(part, algorithm, octetAlignedBits(signature)));
}

/** An authority's certificate without key identifiers, so that the name alone tells its issuer. */
export function forgeAuthority(
  name: string,
  key: KeyObject,
  issuer: { readonly name: string; readonly key: KeyObject } = { name, key },
  extensions: readonly Uint8Array[] = [],
  changes: ForgedCertificate = {},
): string {
  const constraints = forgeExtension('2.5.29.19', sequence(encode(0x01, Uint8Array.of(0xff))), critical);
  return forgeCertificate(key, {
    subject: encodeSubject({ commonName: name }),
    issuer: encodeSubject({ commonName: issuer.name }),
    signer: issuer.key,
    extensions: encode(0xa3, sequence(constraints, ...extensions)),
    ...changes,
  });
}

/** Of {@link forgeExtension}. */
export const critical = encode(0x01, Uint8Array.of(0xff));
