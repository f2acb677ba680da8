import { createHmac, hash, randomBytes } from 'node:crypto';
import type { Certificate } from '../certificate/certificate.ts';
import { encodeOid } from '../der/oid.ts';
import { contextConstructed, contextPrimitive, tag } from '../der/tag.ts';
import { encode, octetString, sequence, smallInteger } from '../der/writer.ts';
import {
  checkKeystoreEntry,
  checkKeystorePassword,
  type KeystoreDependencies,
  type KeystoreEntry,
} from './check-keystore.ts';
import {
  encodeIterations,
  type Encrypted,
  type PasswordEncryption,
  pbeRc2,
  pbes2Aes256,
  pbeTripleDes,
} from './pkcs12-encryption.ts';
import { derivePkcs12, pkcs12Password } from './pkcs12-kdf.ts';
import { trustedEntries } from './trusted-entries.ts';

/** Algorithms of a store, by the names that cert-manager and go-pkcs12 gave them. */
export type Pkcs12Profile = 'Modern2023' | 'LegacyDES' | 'LegacyRC2';

export interface Pkcs12KeystoreOptions extends KeystoreEntry {
  readonly profile: Pkcs12Profile;
}

export interface Pkcs12TruststoreOptions {
  readonly anchors: readonly Certificate[];
  readonly password: string;
  readonly profile: Pkcs12Profile;
}

interface Algorithms {
  readonly certificates: PasswordEncryption;
  readonly key: PasswordEncryption;
  readonly mac: {
    readonly digest: 'sha1' | 'sha256';
    readonly oid: string;
    readonly iterations: number;
    readonly saltLength: number;
  };
}

const legacyMac = { digest: 'sha1', oid: '1.3.14.3.2.26', iterations: 1, saltLength: 8 } as const;
const modernMac = {
  digest: 'sha256',
  oid: '2.16.840.1.101.3.4.2.1',
  iterations: 2048,
  saltLength: 16,
} as const;

/** With the iterations and salts of go-pkcs12 0.7. */
const profiles: Record<Pkcs12Profile, Algorithms> = {
  Modern2023: { certificates: pbes2Aes256, key: pbes2Aes256, mac: modernMac },
  LegacyDES: { certificates: pbeTripleDes, key: pbeTripleDes, mac: legacyMac },
  LegacyRC2: { certificates: pbeRc2, key: pbeTripleDes, mac: legacyMac },
};

const oid = {
  data: encodeOid('1.2.840.113549.1.7.1'),
  encryptedData: encodeOid('1.2.840.113549.1.7.6'),
  friendlyName: encodeOid('1.2.840.113549.1.9.20'),
  localKeyId: encodeOid('1.2.840.113549.1.9.21'),
  x509Certificate: encodeOid('1.2.840.113549.1.9.22.1'),
  shroudedKeyBag: encodeOid('1.2.840.113549.1.12.10.1.2'),
  certBag: encodeOid('1.2.840.113549.1.12.10.1.3'),
  trustedKeyUsage: encodeOid('2.16.840.1.113894.746875.1.1'),
  anyExtendedKeyUsage: encodeOid('2.5.29.37.0'),
};

/** A PKCS #12 file (RFC 7292) with a key and its chain. */
export function encodePkcs12Keystore(
  options: Pkcs12KeystoreOptions,
  dependencies: KeystoreDependencies = { randomBytes },
): Buffer {
  const { alias, chain, key, password, profile } = options;
  const leaf = checkKeystoreEntry(options);
  const algorithms = profiles[profile];
  // Readers find the certificate of a key by what both have as localKeyId, and the rest of the chain by its names.
  const ofKey = [
    attribute(oid.friendlyName, bmpString(alias)),
    attribute(oid.localKeyId, octetString(hash('sha1', leaf.der, 'buffer'))),
  ];
  const shrouded = algorithms.key(
    key.export({ type: 'pkcs8', format: 'der' }),
    password,
    dependencies.randomBytes,
  );
  const keyBag = safeBag(
    oid.shroudedKeyBag,
    sequence(shrouded.algorithm, octetString(shrouded.content)),
    ofKey,
  );
  const certBags = chain.map((certificate) => certBag(certificate.der, certificate === leaf ? ofKey : []));
  const encrypted = algorithms.certificates(sequence(...certBags), password, dependencies.randomBytes);
  return pfx(
    [encryptedContent(encrypted), dataContent(sequence(keyBag))],
    password,
    algorithms,
    dependencies,
  );
}

/** A PKCS #12 file whose certificates Java takes for trusted entries. */
export function encodePkcs12Truststore(
  { anchors, password, profile }: Pkcs12TruststoreOptions,
  dependencies: KeystoreDependencies = { randomBytes },
): Buffer {
  checkKeystorePassword(password);
  const algorithms = profiles[profile];
  const encrypted = algorithms.certificates(trustedBags(anchors), password, dependencies.randomBytes);
  return pfx([encryptedContent(encrypted)], password, algorithms, dependencies);
}

/**
 * The same without encryption and without MAC, which needs no password: as Java's own `cacerts` are since Java 18, and as
 * go-pkcs12 calls Passwordless.
 */
export function encodePasswordlessPkcs12Truststore(anchors: readonly Certificate[]): Buffer {
  return sequence(smallInteger(3), dataContent(sequence(dataContent(trustedBags(anchors)))));
}

function trustedBags(anchors: readonly Certificate[]): Buffer {
  const bags = trustedEntries(anchors).map(({ alias, der }) =>
    certBag(der, [
      attribute(oid.friendlyName, bmpString(alias)),
      attribute(oid.trustedKeyUsage, oid.anyExtendedKeyUsage),
    ]),
  );
  return sequence(...bags);
}

function pfx(
  contents: readonly Buffer[],
  password: string,
  { mac }: Algorithms,
  dependencies: KeystoreDependencies,
): Buffer {
  const authenticatedSafe = sequence(...contents);
  const salt = dependencies.randomBytes(mac.saltLength);
  const macKey = derivePkcs12(
    'mac',
    { password: pkcs12Password(password), salt, digest: mac.digest, iterations: mac.iterations },
    hash(mac.digest, '', 'buffer').length,
  );
  const digest = createHmac(mac.digest, macKey).update(authenticatedSafe).digest();
  return sequence(
    smallInteger(3),
    dataContent(authenticatedSafe),
    sequence(
      sequence(sequence(encodeOid(mac.oid), encode(tag.null)), octetString(digest)),
      octetString(salt),
      // 1 is the default, which DER leaves out.
      ...(mac.iterations === 1 ? [] : [encodeIterations(mac.iterations)]),
    ),
  );
}

function dataContent(content: Buffer): Buffer {
  return sequence(oid.data, encode(contextConstructed(0), octetString(content)));
}

function encryptedContent({ algorithm, content }: Encrypted): Buffer {
  const info = sequence(oid.data, algorithm, encode(contextPrimitive(0), content));
  return sequence(oid.encryptedData, encode(contextConstructed(0), sequence(smallInteger(0), info)));
}

function certBag(der: Buffer, attributes: readonly Buffer[]): Buffer {
  return safeBag(
    oid.certBag,
    sequence(oid.x509Certificate, encode(contextConstructed(0), octetString(der))),
    attributes,
  );
}

function safeBag(type: Buffer, value: Buffer, attributes: readonly Buffer[]): Buffer {
  const parts = [type, encode(contextConstructed(0), value)];
  // DER has a set in the order of its encodings (X.690 §11.6).
  if (attributes.length > 0) parts.push(encode(tag.set, ...attributes.toSorted((a, b) => a.compare(b))));
  return sequence(...parts);
}

function attribute(type: Buffer, value: Buffer): Buffer {
  return sequence(type, encode(tag.set, value));
}

function bmpString(text: string): Buffer {
  return encode(tag.bmpString, Buffer.from(text, 'utf16le').swap16());
}
