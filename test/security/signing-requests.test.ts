import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { getCondition } from '../../src/api/condition.ts';
import type { Pod } from '../../src/api/core.ts';
import { encodeOid } from '../../src/pki/der/oid.ts';
import { encode, sequence } from '../../src/pki/der/writer.ts';
import { encodeBasicConstraints } from '../../src/pki/extensions/basic-constraints.ts';
import { encodeExtension, extensionOid } from '../../src/pki/extensions/extension.ts';
import { encodeExtendedKeyUsages, encodeKeyUsages } from '../../src/pki/extensions/usages.ts';
import { verifyIssued } from '../integration/controller/support/openssl.ts';
import { fromBase64, newCsr, newKey } from '../unit/controller/builders.ts';
import { defaultPolicy } from '../../src/policy/index.ts';
import { altNames, extension, generalName, rawPem } from './support/raw-request.ts';
import { csrFor, refusal, SecurityWorld } from './support/security-world.ts';
import type { Actor } from './support/security-world.ts';

const mine = 'spiffe://cluster.local/ns/web/sa/app';
const own = altNames(generalName(6, mine));
const good = await newCsr();
const { maxDuration } = defaultPolicy.spec.constraints ?? {};
const other = await csrFor({ uris: ['spiffe://cluster.local/ns/store/sa/app'] });

let world: SecurityWorld;
let driver: Actor;
let pod: Pod;

before(async () => {
  world = await SecurityWorld.start();
  driver = await world.driver('node-a');
  pod = await world.pod();
});
after(() => world.stop());

describe('more than an end entity', () => {
  const authority = extension(extensionOid.basicConstraints, encodeBasicConstraints({ isCA: true }));
  const signs = extension(extensionOid.keyUsage, encodeKeyUsages(['keyCertSign']));

  it('is not signed: an authority that is asked for', async () => {
    await world.assertDenied(await world.ask(driver, pod, { isCA: true }), /isCA/);
    const signs = ['cert sign', 'digital signature'] as const;
    await world.assertDenied(await world.ask(driver, pod, { usages: [...signs] }), /usages "cert sign"/);
    for (const usage of ['any', 'code signing', 'ocsp signing', 'email protection', 'crl sign'] as const)
      await world.assertDenied(await world.ask(driver, pod, { usages: [usage] }), /usages/);
    const said = await refusal(world.ask(driver, pod, { usages: ['no such usage' as 'any'] }));
    assert.match(said, /spec\.usages/);
  });

  it('is not signed: an authority that only the signing request speaks of', async () => {
    await world.assertDenied(
      await world.ask(driver, pod, { csr: await rawPem({ extensions: [own, authority] }) }),
      /isCA/,
    );
  });

  it('is not signed: usages in the signing request that the spec does not have', async () => {
    const any = extension(extensionOid.extendedKeyUsage, sequence(encodeOid('2.5.29.37.0')));
    const clients = extension(extensionOid.extendedKeyUsage, encodeExtendedKeyUsages(['clientAuth']));
    for (const asked of [signs, any, clients]) {
      const csr = await rawPem({ extensions: [own, asked] });
      const key = await world.ask(driver, pod, { csr, usages: ['digital signature', 'server auth'] });
      const { status } = await world.final(key);
      assert.equal(status?.certificate, undefined);
      assert.match(getCondition(status?.conditions, 'InvalidRequest')?.message ?? '', /encoded CSR error/);
    }
    const server = extension(extensionOid.extendedKeyUsage, encodeExtendedKeyUsages(['serverAuth']));
    const csr = await rawPem({ extensions: [own, server] });
    await world.assertIssued(
      await world.ask(driver, pod, { csr, usages: ['digital signature', 'server auth'] }),
    );
  });

  it('is not taken over into the certificate: extensions that nobody looks at', async () => {
    const strange = encodeExtension('1.3.6.1.4.1.99999.1', false, sequence());
    const csr = await rawPem({ extensions: [own, strange] });
    const key = await world.ask(driver, pod, { csr });
    const text = await verifyIssued(await world.assertIssued(key));
    assert.doesNotMatch(text, /99999/);
  });

  it('is not signed: name constraints, which are for authorities', async () => {
    const permitted = encode(0xa0, sequence(encode(0x82, Buffer.from('store.svc'))));
    const constraints = encodeExtension(extensionOid.nameConstraints, false, sequence(permitted));
    const csr = await rawPem({ extensions: [own, constraints] });
    const { status } = await world.final(await world.ask(driver, pod, { csr }));
    assert.equal(status?.certificate, undefined);
    assert.match(getCondition(status?.conditions, 'InvalidRequest')?.message ?? '', /has NameConstraints/);
  });

  it('is not signed: a longer life than the policy allows, or none that is said', async () => {
    await world.assertDenied(await world.ask(driver, pod, { duration: '2400h' }), /duration .*at most/);
    await world.assertDenied(
      await world.ask(driver, pod, { duration: undefined }),
      /duration: must be given, at most/,
    );
    await world.assertIssued(await world.ask(driver, pod, { duration: maxDuration }));
  });
});

describe('a key that is not fit', () => {
  const weak = [
    ['RSA of 1024 bits', generateKeyPairSync('rsa', { modulusLength: 1024 })],
    ['RSA of 2047 bits', generateKeyPairSync('rsa', { modulusLength: 2047 })],
    ['P-192', generateKeyPairSync('ec', { namedCurve: 'prime192v1' })],
    ['P-224', generateKeyPairSync('ec', { namedCurve: 'secp224r1' })],
    ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' })],
  ] as const;
  for (const [what, { privateKey }] of weak)
    it(`is not certified: ${what}`, async () => {
      const csr = await rawPem({ extensions: [own], key: privateKey });
      await world.assertDenied(await world.ask(driver, pod, { csr }), /key|curve/i);
    });

  it('is not certified: somebody else’s, of which only the public part is at hand', async () => {
    const csr = await rawPem({ extensions: [own], signer: await newKey() });
    await world.assertDenied(await world.ask(driver, pod, { csr }), /signature .* does not verify/);
    await world.assertIssued(await world.ask(driver, pod, { csr: await rawPem({ extensions: [own] }) }));
  });
});

describe('a signing request that is more than one', () => {
  const begin = '-----BEGIN CERTIFICATE REQUEST-----\n';
  const texts: readonly (readonly [string, string])[] = [
    ['two blocks', good + other],
    ['the same block twice', good + good],
    ['headers', good.replace(begin, `${begin}Proc-Type: 4,ENCRYPTED\n\n`)],
    ['another label', good.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE')],
    ['labels that differ', good.replace('END CERTIFICATE REQUEST', 'END NEW CERTIFICATE REQUEST')],
    ['a block that does not end', good + begin],
    ['a key behind it', `${good}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n`],
    ['base64 that is not canonical', good.replace('\n-----END', '=\n-----END')],
    ['DER with something behind it', trailing(good)],
    ['nothing', ' '],
    ['more than 64 KiB', good + 'x'.repeat(65_536)],
  ];
  for (const [what, csr] of texts)
    it(`is refused: ${what}`, async () => {
      const asked = world.ask(driver, pod, { csr });
      await world.assertDenied(await asked, /not a usable certificate signing request/);
    });

  it('is refused by the API server when it is larger than any object', async () => {
    const asked = world.ask(driver, pod, { csr: good + 'x'.repeat(4 * 1024 * 1024) });
    await assert.rejects(asked);
    await world.assertIssued(await world.ask(driver, pod, { csr: good }));
  });

  it('is one with an explanation before it, which openssl writes', async () => {
    const issued = await world.assertIssued(
      await world.ask(driver, pod, { csr: `Subject: CN = x\n${good}` }),
    );
    assert.match(fromBase64(issued.status?.certificate), /BEGIN CERTIFICATE/);
  });
});

function trailing(pem: string): string {
  const der = Buffer.from(pem.replaceAll(/-----.*-----|\s/g, ''), 'base64');
  const longer = Buffer.concat([der, Buffer.of(5, 0)]).toString('base64');
  return `-----BEGIN CERTIFICATE REQUEST-----\n${longer}\n-----END CERTIFICATE REQUEST-----\n`;
}
