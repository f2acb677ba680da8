import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { encodeOid } from '../../../../src/pki/der/oid.ts';
import { encode, sequence, smallInteger } from '../../../../src/pki/der/writer.ts';
import { signatureSchemeOf, verifySignature } from '../../../../src/pki/keys/signature.ts';
import { publicKeyOf } from '../../../../src/pki/keys/key-spec.ts';
import { allKeySpecs, describeSpec, makeKey } from '../support/builders.ts';
import { failsWith } from '../support/failures.ts';

const data = Buffer.from('what is signed');

describe('signatures', () => {
  for (const spec of allKeySpecs)
    it(`by a key ${describeSpec(spec)} verify for the data, the key and the algorithm of it only`, async () => {
      const key = await makeKey(spec);
      const scheme = signatureSchemeOf(key);
      const signature = await scheme.sign(data);
      const verify = (algorithm = scheme.algorithm, of = key, signed = data) =>
        verifySignature(algorithm, publicKeyOf(of), signed, signature);
      assert.ok(verify());
      assert.ok(!verify(scheme.algorithm, key, Buffer.from('something else')));
      assert.ok(!verify(scheme.algorithm, await makeKey()));
      const others = (await Promise.all(allKeySpecs.map(makeKey)))
        .map((other) => signatureSchemeOf(other).algorithm)
        .filter((algorithm) => !algorithm.equals(scheme.algorithm));
      for (const algorithm of others) assert.ok(!verify(algorithm));
    });

  it('are not made by keys that are too short or of other kinds', () => {
    for (const { privateKey } of [
      generateKeyPairSync('rsa', { modulusLength: 1024 }),
      generateKeyPairSync('ec', { namedCurve: 'secp224r1' }),
      generateKeyPairSync('ed448'),
    ])
      assert.throws(() => signatureSchemeOf(privateKey), failsWith('invalid-key', /sign/));
  });

  it('of RSASSA-PSS are refused with other parameters than the usual ones', async () => {
    const key = publicKeyOf(await makeKey({ algorithm: 'RSA', size: 2048 }));
    const sha1 = sequence(encodeOid('1.3.14.3.2.26'), encode(5));
    const sha256 = sequence(encodeOid('2.16.840.1.101.3.4.2.1'), encode(5));
    const sha512 = sequence(encodeOid('2.16.840.1.101.3.4.2.3'), encode(5));
    const mask = (hash: Buffer) => sequence(encodeOid('1.2.840.113549.1.1.8'), hash);
    const pss = (hash: Buffer, generator: Buffer, ...rest: Buffer[]) =>
      sequence(
        encodeOid('1.2.840.113549.1.1.10'),
        sequence(encode(0xa0, hash), encode(0xa1, generator), encode(0xa2, smallInteger(32)), ...rest),
      );
    const verify = (algorithm: Buffer) => verifySignature(algorithm, key, data, Buffer.alloc(256));
    assert.equal(verify(pss(sha256, mask(sha256))), false);
    assert.equal(verify(pss(sha256, mask(sha256), encode(0xa3, smallInteger(1)))), false);
    for (const algorithm of [
      pss(sha1, mask(sha1)),
      pss(sha256, mask(sha512)),
      pss(sha256, sequence(encodeOid('1.2.3'), sha256)),
      pss(sha256, mask(sha256), encode(0xa3, smallInteger(2))),
    ])
      assert.throws(() => verify(algorithm), failsWith('unsupported', /RSASSA-PSS/));
    assert.throws(() => verify(sequence(encodeOid('1.2.840.113549.1.1.10'))), failsWith('malformed'));
    assert.throws(
      () => verify(sequence(encodeOid('1.2.840.113549.1.1.10'), sequence())),
      failsWith('malformed'),
    );
  });
});
