import { hash, randomBytes } from 'node:crypto';
import type { Certificate } from '../certificate/certificate.ts';
import { encodeOid } from '../der/oid.ts';
import { tag } from '../der/tag.ts';
import { encode, octetString, sequence } from '../der/writer.ts';
import {
  checkKeystoreEntry,
  checkKeystorePassword,
  type KeystoreDependencies,
  type KeystoreEntry,
} from './check-keystore.ts';
import { trustedEntries } from './trusted-entries.ts';

export interface JksKeystoreOptions extends KeystoreEntry {
  /** Creation date of the entry, which `keytool` lists. */
  readonly at: Date;
}

export interface JksTruststoreOptions {
  readonly anchors: readonly Certificate[];
  readonly password: string;
  /** Creation date of the entries, which `keytool` lists. */
  readonly at: Date;
}

const magic = 0xfeedfeed;
const version = 2;
const keyEntry = 1;
const trustedEntry = 2;

/** sun.security.provider.KeyProtector. */
const keyProtector = sequence(encodeOid('1.3.6.1.4.1.42.2.17.1.1'), encode(tag.null));
const digestLength = 20;

/**
 * A Java key store of type JKS with a key and its chain. SHA-1 and a home-made cipher are all that the format knows:
 * it keeps nothing secret from who reads the file.
 */
export function encodeJksKeystore(
  options: JksKeystoreOptions,
  dependencies: KeystoreDependencies = { randomBytes },
): Buffer {
  const { alias, at, chain, key, password } = options;
  checkKeystoreEntry(options);
  const protectedKey = sequence(
    keyProtector,
    octetString(
      protectKey(
        key.export({ type: 'pkcs8', format: 'der' }),
        password,
        dependencies.randomBytes(digestLength),
      ),
    ),
  );
  // Java looks for an alias in lower case, but reads it as it is.
  const head = entryHead(keyEntry, alias.toLowerCase(), at);
  return keystore(
    [[head, block(protectedKey), uint32(chain.length), ...chain.map(({ der }) => encodeCertificate(der))]],
    password,
  );
}

/** A Java key store of type JKS with trusted certificates. */
export function encodeJksTruststore({ anchors, password, at }: JksTruststoreOptions): Buffer {
  checkKeystorePassword(password);
  return keystore(
    trustedEntries(anchors).map(({ alias, der }) => [
      entryHead(trustedEntry, alias, at),
      encodeCertificate(der),
    ]),
    password,
  );
}

function keystore(entries: readonly (readonly Buffer[])[], password: string): Buffer {
  const content = Buffer.concat([uint32(magic), uint32(version), uint32(entries.length), ...entries.flat()]);
  const digest = hash(
    'sha1',
    Buffer.concat([passwordOctets(password), Buffer.from('Mighty Aphrodite'), content]),
    'buffer',
  );
  return Buffer.concat([content, digest]);
}

/** Key XOR a chain of digests of the password, between the salt and a digest of password and key. */
function protectKey(plain: Buffer, password: string, salt: Uint8Array): Buffer {
  const secret = passwordOctets(password);
  const masked = Buffer.from(plain);
  let mask = salt;
  for (const [i, octet] of plain.entries()) {
    if (i % digestLength === 0) mask = hash('sha1', Buffer.concat([secret, mask]), 'buffer');
    masked[i] = octet ^ (mask[i % digestLength] ?? 0);
  }
  return Buffer.concat([salt, masked, hash('sha1', Buffer.concat([secret, plain]), 'buffer')]);
}

/** Java's chars, without the NUL of PKCS #12. */
function passwordOctets(password: string): Buffer {
  return Buffer.from(password, 'utf16le').swap16();
}

function entryHead(type: number, alias: string, at: Date): Buffer {
  const created = Buffer.alloc(8);
  created.writeBigInt64BE(BigInt(at.getTime()));
  return Buffer.concat([uint32(type), text(alias), created]);
}

function encodeCertificate(der: Buffer): Buffer {
  return Buffer.concat([text('X.509'), block(der)]);
}

/** As java.io.DataOutput.writeUTF; its modified UTF-8 differs only in what no alias has. */
function text(value: string): Buffer {
  const octets = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(octets.length);
  return Buffer.concat([length, octets]);
}

function block(octets: Buffer): Buffer {
  return Buffer.concat([uint32(octets.length), octets]);
}

function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}
