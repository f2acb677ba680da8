import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Secret } from '../../../../../src/api/core.ts';
import { joinPem, readCaKeyPair } from '../../../../../src/controller/issuers/ca/ca-key-pair.ts';
import type { CaKeyPair } from '../../../../../src/controller/issuers/ca/ca-key-pair.ts';
import { type Certificate, noAltNames, parseCertificate } from '../../../../../src/pki/index.ts';
import { critical, ecdsaWithSha1, forgeAuthority, forgeExtension } from '../../../pki/support/forge.ts';
import { base64, caSecret, newCa, newKey } from '../../builders.ts';

const root = await newCa();
const intermediate = await newCa({ parent: root });
const lower = await newCa({ parent: intermediate, subject: { commonName: 'Lower' } });

function read(secret: Secret): CaKeyPair {
  const result = readCaKeyPair(secret);
  assert.ok(result.usable, result.usable ? '' : result.problem);
  return result.keyPair;
}

function verifying({ checks }: CaKeyPair, anchors: readonly Certificate[]): readonly Certificate[] {
  return anchors.filter((anchor) => checks.verifies(anchor));
}

function refusal(secret: Secret): [string, string] {
  const result = readCaKeyPair(secret);
  assert.ok(!result.usable);
  return [result.reason, result.problem];
}

describe('what leaves carry of their CA', () => {
  it('is nothing from a root, and the root to trust', () => {
    const { certificate, intermediates, anchors } = read(caSecret(root));
    assert.equal(certificate.pem, root.certificate.pem);
    assert.equal(intermediates, '');
    assert.equal(joinPem(anchors), root.certificate.pem);
  });

  it('is the chain without the root, and the root to trust', () => {
    const { certificate, intermediates, anchors } = read(caSecret(lower, { chain: [intermediate, root] }));
    assert.equal(certificate.pem, lower.certificate.pem);
    assert.equal(intermediates, lower.certificate.pem + intermediate.certificate.pem);
    assert.equal(joinPem(anchors), root.certificate.pem);
  });

  it('is the chain in order, however the Secret has it', () => {
    const { certificate, intermediates } = read(caSecret(lower, { chain: [root, intermediate] }));
    assert.equal(certificate.pem, lower.certificate.pem);
    assert.equal(intermediates, lower.certificate.pem + intermediate.certificate.pem);
  });

  it('is the root-most certificate known to trust where the root is not there', () => {
    const { intermediates, anchors } = read(caSecret(intermediate));
    assert.equal(intermediates, intermediate.certificate.pem);
    assert.equal(joinPem(anchors), intermediate.certificate.pem);
  });

  it('is ca.crt to trust where the Secret has it', () => {
    assert.equal(joinPem(read(caSecret(intermediate, { caCrt: root.pem })).anchors), root.certificate.pem);
  });

  it('is not more than every node of a cluster can be asked to hold', () => {
    const many = Array.from({ length: 200 }, () => root.pem).join('');
    const [reason, problem] = refusal(caSecret(root, { caCrt: many }));
    assert.equal(reason, 'ErrInvalidKeyPair');
    assert.match(problem, /^ca\.crt has \d+ characters; verifiers are handed at most 65536$/);
    assert.equal(read(caSecret(root, { caCrt: root.pem.repeat(50) })).anchors.length, 50);
  });

  it('is a root that signed itself with SHA-1, and one beside it of the same name', async () => {
    const weak = forgeAuthority('weak', root.key, undefined, [], { algorithm: ecdsaWithSha1 });
    const anew = forgeAuthority('weak', root.key);
    const issuer = { name: 'weak', key: root.key };
    const pem = forgeAuthority('lower', intermediate.key, issuer);
    const chain = [{ ...root, pem: weak }];
    const signing = { ...intermediate, pem };
    const { anchors, intermediates, under } = read(caSecret(signing, { chain, caCrt: weak + anew }));
    assert.equal(intermediates, parseCertificate(pem).pem);
    assert.deepEqual([anchors.length, under.length], [2, 2]);
    assert.equal(read(caSecret({ ...root, pem: weak })).intermediates, '');
  });

  it('is the whole of ca.crt: an old root may stand beside the new one', async () => {
    const old = await newCa({ subject: { commonName: 'Old root' } });
    const { anchors } = read(caSecret(intermediate, { caCrt: old.pem + root.pem }));
    assert.equal(joinPem(anchors), old.certificate.pem + root.certificate.pem);
  });

  it('is not a ca.crt that was left over from another CA, or garbage', async () => {
    const stranger = await newCa({ subject: { commonName: 'Stranger' } });
    assert.equal(joinPem(read(caSecret(root, { caCrt: stranger.pem })).anchors), root.certificate.pem);
    assert.equal(joinPem(read(caSecret(root, { caCrt: 'garbage' })).anchors), root.certificate.pem);
  });
});

describe('the anchors that verify what a CA signs', () => {
  it('are its root, and another certificate of the same name and key', async () => {
    const stranger = await newCa({ subject: { commonName: 'Root' } });
    const pair = read(caSecret(root));
    const all = [root, stranger].map(({ certificate }) => certificate);
    assert.deepEqual(verifying(pair, all), [root.certificate]);
    const renewed = await newCa({ key: root.key });
    assert.notEqual(renewed.pem, root.pem);
    assert.deepEqual(verifying(pair, [renewed.certificate]), [renewed.certificate]);
  });

  it('are those right above what is sent, and none that only another anchor leads to', () => {
    const pair = read(caSecret(lower, { caCrt: intermediate.pem + root.pem }));
    assert.deepEqual(verifying(pair, pair.anchors), [intermediate.certificate]);
    const whole = read(caSecret(lower, { chain: [intermediate, root] }));
    assert.deepEqual(verifying(whole, [root.certificate]), [root.certificate]);
    assert.deepEqual(verifying(whole, [intermediate.certificate]), [intermediate.certificate]);
  });

  it('are others where the same certificate is sent with another chain', async () => {
    const first = await newCa({ subject: { commonName: 'R1' } });
    const second = await newCa({ subject: { commonName: 'R2' } });
    const policy = await newCa({ parent: first, subject: { commonName: 'Policy' } });
    const again = await newCa({ parent: second, subject: { commonName: 'Policy' }, key: policy.key });
    const issuing = await newCa({ parent: policy, subject: { commonName: 'Issuing' } });
    const before = read(caSecret(issuing, { chain: [policy] }));
    const after = read(caSecret(issuing, { chain: [again] }));
    assert.ok(before.certificate.der.equals(after.certificate.der));
    assert.notEqual(before.id, after.id);
    const roots = [first.certificate, second.certificate];
    assert.deepEqual([verifying(before, roots), verifying(after, roots)], [[roots[0]], [roots[1]]]);
  });

  it('are not a root that stands in tls.crt, which is not sent', async () => {
    const renewed = await newCa({ key: root.key });
    const pair = read(caSecret(intermediate, { chain: [renewed] }));
    assert.deepEqual(pair.sent, [intermediate.certificate]);
    assert.deepEqual(verifying(pair, [root.certificate]), [root.certificate], 'it is above as well');
  });

  it('leave out a ca.crt that verifies nothing of it', async () => {
    const other = await newCa({ parent: root, subject: { commonName: 'Other' } });
    assert.deepEqual(read(caSecret(lower, { caCrt: root.pem + other.pem })).anchors, [lower.certificate]);
  });
});

describe('a Secret that is no signing CA', () => {
  it('lacks the certificate or the key', () => {
    const { metadata, data = {} } = caSecret(root);
    assert.deepEqual(refusal({ metadata, data: { 'tls.key': data['tls.key'] ?? '' } }), [
      'ErrGetKeyPair',
      `no data for "tls.crt" in secret 'web/ca'`,
    ]);
    assert.deepEqual(refusal({ metadata, data: { 'tls.crt': data['tls.crt'] ?? '', 'tls.key': '' } }), [
      'ErrGetKeyPair',
      `no data for "tls.key" in secret 'web/ca'`,
    ]);
    assert.equal(refusal({ metadata })[0], 'ErrGetKeyPair');
  });

  it('holds what is not PEM', () => {
    const { metadata, data } = caSecret(root);
    assert.equal(refusal({ metadata, data: { ...data, 'tls.crt': base64('garbage') } })[0], 'ErrGetKeyPair');
    const [reason, problem] = refusal({ metadata, data: { ...data, 'tls.key': base64('my secret') } });
    assert.equal(reason, 'ErrGetKeyPair');
    assert.doesNotMatch(problem, /my secret/);
  });

  it('holds the certificate of no CA', async () => {
    const usages = { keyUsages: ['digitalSignature'], extendedKeyUsages: [] } as const;
    const leaf = await newCa({ isCA: false, usages });
    assert.deepEqual(refusal(caSecret(leaf)), ['ErrInvalidKeyPair', 'certificate is not a CA']);
  });

  it('may not sign certificates', async () => {
    const ca = await newCa({ usages: { keyUsages: ['cRLSign'], extendedKeyUsages: [] } });
    assert.match(refusal(caSecret(ca))[1], /key usages lack "cert sign"/);
  });

  it('has a critical extension that no verifier understands, or is below one that has', () => {
    const extension = [forgeExtension('1.2.3.4', Buffer.of(5, 0), critical)];
    const issuer = { name: 'strange', key: root.key };
    const strange = { ...root, pem: forgeAuthority('strange', root.key, undefined, extension) };
    const lower = { ...intermediate, pem: forgeAuthority('lower', intermediate.key, issuer) };
    const problem =
      'the certificate of "CN=strange" has the critical extension 1.2.3.4, which verifiers do not understand';
    assert.deepEqual(refusal(caSecret(strange)), ['ErrInvalidKeyPair', problem]);
    assert.deepEqual(refusal(caSecret(lower, { chain: [strange] })), ['ErrInvalidKeyPair', problem]);
    const known = forgeAuthority('strange', root.key);
    const { anchors } = read(caSecret(lower, { caCrt: strange.pem + known }));
    assert.equal(anchors.length, 2);
  });

  it('holds another key than the certificate', async () => {
    assert.deepEqual(refusal(caSecret(root, { key: await newKey() })), [
      'ErrInvalidKeyPair',
      'tls.key is not the private key of the certificate in tls.crt',
    ]);
  });

  it('holds certificates that are not one chain', async () => {
    const stranger = await newCa({ subject: { commonName: 'Stranger' }, altNames: noAltNames });
    assert.equal(refusal(caSecret(root, { chain: [stranger] }))[0], 'ErrGetKeyPair');
  });
});
