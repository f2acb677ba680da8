import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { decodeOid } from '../../../../../src/pki/der/oid.ts';
import { DerReader } from '../../../../../src/pki/der/reader.ts';
import { tag } from '../../../../../src/pki/der/tag.ts';

export interface JksEntry {
  readonly alias: string;
  readonly created: Date;
  /** Undefined for a trusted certificate. */
  readonly pkcs8: Buffer | undefined;
  readonly certificates: readonly Buffer[];
}

/** Reads a key store of type JKS, to the last octet; its digest is checked first. */
export function readJks(file: Buffer, password: string): readonly JksEntry[] {
  const content = file.subarray(0, -20);
  const digest = createHash('sha1').update(javaChars(password)).update('Mighty Aphrodite').update(content);
  assert.deepEqual(digest.digest(), file.subarray(-20), 'the digest of the store is wrong');
  let at = 0;
  const take = (length: number): Buffer => {
    assert.ok(at + length <= content.length, 'the store ends too early');
    at += length;
    return content.subarray(at - length, at);
  };
  const uint32 = (): number => take(4).readUInt32BE();
  const text = (): string => take(take(2).readUInt16BE()).toString('utf8');
  const certificate = (): Buffer => {
    assert.equal(text(), 'X.509');
    return take(uint32());
  };

  assert.equal(take(4).toString('hex'), 'feedfeed');
  assert.equal(uint32(), 2);
  const entries = Array.from({ length: uint32() }, (): JksEntry => {
    const type = uint32();
    const named = { alias: text(), created: new Date(Number(take(8).readBigInt64BE())) };
    if (type === 2) return { ...named, pkcs8: undefined, certificates: [certificate()] };
    assert.equal(type, 1);
    const pkcs8 = unprotect(take(uint32()), password);
    return { ...named, pkcs8, certificates: Array.from({ length: uint32() }, certificate) };
  });
  assert.equal(at, content.length, 'there is more after the last entry');
  return entries;
}

/** What sun.security.provider.KeyProtector made. */
function unprotect(encoded: Buffer, password: string): Buffer {
  const info = new DerReader(encoded, 'the protected key').enter();
  const algorithm = info.enter();
  assert.equal(decodeOid(algorithm.read(tag.oid).content), '1.3.6.1.4.1.42.2.17.1.1');
  algorithm.read(tag.null);
  const { content } = info.read(tag.octetString);
  info.end();
  const secret = javaChars(password);
  const blocks: Buffer[] = [];
  let chain = content.subarray(0, 20);
  for (let at = 20; at < content.length - 20; at += 20) {
    chain = createHash('sha1').update(secret).update(chain).digest();
    const masked = content.subarray(at, Math.min(at + 20, content.length - 20));
    blocks.push(Buffer.from(masked.map((octet, i) => octet ^ (chain[i] ?? 0))));
  }
  const plain = Buffer.concat(blocks);
  const check = createHash('sha1').update(secret).update(plain).digest();
  assert.deepEqual(check, content.subarray(-20), 'the digest of the key is wrong');
  return plain;
}

function javaChars(password: string): Buffer {
  const chars = Buffer.alloc(2 * password.length);
  for (let i = 0; i < password.length; i++) chars.writeUInt16BE(password.charCodeAt(i), 2 * i);
  return chars;
}
