import assert from 'node:assert/strict';
import { createDecipheriv, createHmac, pbkdf2Sync } from 'node:crypto';
import { decodeOid } from '../../../../../src/pki/der/oid.ts';
import { type DerElement, DerReader } from '../../../../../src/pki/der/reader.ts';
import { contextConstructed, contextPrimitive, tag } from '../../../../../src/pki/der/tag.ts';
import { decodeText } from '../../../../../src/pki/der/text.ts';
import { derivePkcs12, pkcs12Password } from '../../../../../src/pki/keystores/pkcs12-kdf.ts';

export interface ReadPkcs12 {
  readonly certificates: readonly { readonly der: Buffer; readonly attributes: Attributes }[];
  readonly keys: readonly { readonly pkcs8: Buffer; readonly attributes: Attributes }[];
  /** Of the password encryptions and of the MAC, in the order of the file. */
  readonly salts: readonly string[];
  /** Of the password encryptions, in the order of the file. */
  readonly iterations: readonly number[];
  /** Undefined where the file leaves the default, 1. */
  readonly macIterations: number | undefined;
}

/** By object identifier: the text of a string, else the hexadecimal encoding. */
type Attributes = Readonly<Record<string, string>>;

/** Reads what the writer makes with AES-256 or 3DES, to the last octet; the MAC is checked first. */
export function readPkcs12(file: Buffer, password: string): ReadPkcs12 {
  const document = new DerReader(file, 'the PKCS #12 file');
  const pfx = document.enter();
  document.end();
  assert.equal(pfx.smallInteger(), 3);
  const safe = readData(pfx.enter());
  const { salt: macSalt, iterations: macIterations } = checkMac(pfx.enter(), safe, password);
  pfx.end();

  const read = { certificates: [], keys: [], salts: [], iterations: [] } as Parameters<typeof readBag>[2];
  const contents = new DerReader(safe, 'the authenticated safe').enter();
  while (!contents.atEnd) {
    const bags = new DerReader(readContent(contents.enter(), password, read), 'the safe').enter();
    while (!bags.atEnd) readBag(bags.enter(), password, read);
  }
  return { ...read, salts: [...read.salts, macSalt], macIterations };
}

function checkMac(
  mac: DerReader,
  content: Buffer,
  password: string,
): { salt: string; iterations: number | undefined } {
  const info = mac.enter();
  const algorithm = info.enter();
  const digest = readOid(algorithm) === '1.3.14.3.2.26' ? 'sha1' : 'sha256';
  algorithm.read(tag.null);
  const expected = info.read(tag.octetString).content;
  const salt = mac.read(tag.octetString).content;
  const iterations = mac.atEnd ? undefined : mac.smallInteger();
  mac.end();
  const secret = { password: pkcs12Password(password), salt, digest, iterations: iterations ?? 1 } as const;
  const key = derivePkcs12('mac', secret, expected.length);
  assert.deepEqual(createHmac(digest, key).update(content).digest(), expected, 'the MAC is wrong');
  return { salt: salt.toString('hex'), iterations };
}

interface Reading {
  certificates: { der: Buffer; attributes: Attributes }[];
  keys: { pkcs8: Buffer; attributes: Attributes }[];
  salts: string[];
  iterations: number[];
}

function readContent(info: DerReader, password: string, read: Reading): Buffer {
  const type = readOid(info);
  const content = info.enter(contextConstructed(0));
  if (type === '1.2.840.113549.1.7.1') return content.read(tag.octetString).content;
  assert.equal(type, '1.2.840.113549.1.7.6');
  const encrypted = content.enter();
  assert.equal(encrypted.smallInteger(), 0);
  const inner = encrypted.enter();
  assert.equal(readOid(inner), '1.2.840.113549.1.7.1');
  return decrypt(inner.enter(), inner.read(contextPrimitive(0)), password, read);
}

function readData(info: DerReader): Buffer {
  assert.equal(readOid(info), '1.2.840.113549.1.7.1');
  return info.enter(contextConstructed(0)).read(tag.octetString).content;
}

function readBag(bag: DerReader, password: string, read: Reading): void {
  const type = readOid(bag);
  const value = bag.enter(contextConstructed(0)).enter();
  const attributes = bag.atEnd ? {} : readAttributes(bag.enter(tag.set));
  bag.end();
  if (type === '1.2.840.113549.1.12.10.1.2') {
    const pkcs8 = decrypt(value.enter(), value.read(tag.octetString), password, read);
    read.keys.push({ pkcs8, attributes });
    return;
  }
  assert.equal(type, '1.2.840.113549.1.12.10.1.3');
  assert.equal(readOid(value), '1.2.840.113549.1.9.22.1');
  const der = value.enter(contextConstructed(0)).read(tag.octetString).content;
  read.certificates.push({ der, attributes });
}

function readAttributes(set: DerReader): Attributes {
  const attributes: Record<string, string> = {};
  let before: Buffer = Buffer.alloc(0);
  while (!set.atEnd) {
    const element = set.read(tag.sequence);
    assert.ok(before.compare(element.encoded) < 0, 'the set is not in the order of DER');
    before = element.encoded;
    const attribute = set.within(element);
    const type = readOid(attribute);
    const values = attribute.enter(tag.set);
    const value = values.any();
    values.end();
    attributes[type] = decodeText(value) ?? value.encoded.toString('hex');
  }
  return attributes;
}

function decrypt(algorithm: DerReader, content: DerElement, password: string, read: Reading): Buffer {
  const type = readOid(algorithm);
  const parameters = algorithm.enter();
  algorithm.end();
  const decipher =
    type === '1.2.840.113549.1.5.13'
      ? aesOf(parameters, password, read)
      : tripleDesOf(type, parameters, password, read);
  return Buffer.concat([decipher.update(content.content), decipher.final()]);
}

function aesOf(parameters: DerReader, password: string, read: Reading) {
  const derivation = parameters.enter();
  assert.equal(readOid(derivation), '1.2.840.113549.1.5.12');
  const fields = derivation.enter();
  const { salt, iterations } = readSalt(fields, read);
  assert.equal(readOid(fields.enter()), '1.2.840.113549.2.9');
  const cipher = parameters.enter();
  assert.equal(readOid(cipher), '2.16.840.1.101.3.4.1.42');
  const key = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  return createDecipheriv('aes-256-cbc', key, cipher.read(tag.octetString).content);
}

function tripleDesOf(type: string, parameters: DerReader, password: string, read: Reading) {
  assert.equal(type, '1.2.840.113549.1.12.1.3');
  const secret = {
    password: pkcs12Password(password),
    ...readSalt(parameters, read),
    digest: 'sha1',
  } as const;
  return createDecipheriv('des-ede3-cbc', derivePkcs12('key', secret, 24), derivePkcs12('iv', secret, 8));
}

function readSalt(fields: DerReader, read: Reading): { salt: Buffer; iterations: number } {
  const salt = fields.read(tag.octetString).content;
  const iterations = fields.smallInteger();
  read.salts.push(salt.toString('hex'));
  read.iterations.push(iterations);
  return { salt, iterations };
}

function readOid(reader: DerReader): string {
  return decodeOid(reader.read(tag.oid).content);
}
