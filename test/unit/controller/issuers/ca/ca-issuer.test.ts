import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CaIssuer } from '../../../../../src/api/issuer.ts';
import { caIssuerState } from '../../../../../src/controller/issuers/ca/ca-issuer.ts';
import { readCaKeyPair } from '../../../../../src/controller/issuers/ca/ca-key-pair.ts';
import { signsAtOnce } from '../../../../../src/controller/issuers/ca/signing-choice.ts';
import type { IssuerState } from '../../../../../src/controller/issuers/issuer-state.ts';
import { checkRequest } from '../../../../../src/controller/requests/check-request.ts';
import { isIssuedBy, parseChain, parseRequest } from '../../../../../src/pki/index.ts';
import type { Certificate, CertificateTemplate, ExtendedKeyUsage } from '../../../../../src/pki/index.ts';
import { caSecret, newCa, newCsr, newRequest, now } from '../../builders.ts';
import type { TestCa } from '../../builders.ts';

const hour = 60 * 60 * 1000;
const root = await newCa();

function stateOf(
  ca: TestCa,
  options: Parameters<typeof caSecret>[1] = {},
  spec?: Partial<CaIssuer>,
  at = now,
): IssuerState {
  const present = { state: 'present', secret: caSecret(ca, options) } as const;
  return caIssuerState({ secretName: 'ca', ...spec }, present, {
    now: at,
    read: readCaKeyPair,
    choose: signsAtOnce,
  });
}

async function sign(
  state: IssuerState,
  spec: Parameters<typeof newRequest>[0] = {},
): Promise<{ chain: Certificate[]; ca: string | undefined }> {
  assert.ok(state.state === 'ready', JSON.stringify(state));
  const request = newRequest(spec);
  const csr = await newCsr(spec.isCA ? { subject: { commonName: 'Sub' } } : {});
  const checked = checkRequest(request, () => parseRequest(csr));
  assert.ok(checked.valid);
  const result = await state.signer.sign({ request, checked, now });
  assert.ok(result.result === 'issued', result.result === 'problem' ? result.message : '');
  return { chain: parseChain(result.issued.certificate), ca: result.issued.ca };
}

function validFor(ms: number): Partial<CertificateTemplate> {
  return { notBefore: new Date(now - hour), notAfter: new Date(now + ms) };
}

describe('a CA issuer with a key pair', () => {
  it('is ready', () => {
    const state = stateOf(root);
    assert.ok(state.state === 'ready');
    assert.deepEqual([state.reason, state.message], ['KeyPairVerified', 'Signing CA verified']);
    assert.equal(state.recheckAt, root.certificate.notAfter.getTime());
  });

  it('signs what is asked for, from a minute ago on', async () => {
    const { chain, ca } = await sign(stateOf(root), {
      duration: '24h',
      usages: ['digital signature', 'server auth'],
    });
    const [leaf, ...above] = chain;
    assert.ok(leaf);
    assert.deepEqual(above, []);
    assert.ok(isIssuedBy(leaf, root.certificate));
    assert.deepEqual(leaf.altNames.uris, ['spiffe://cluster.local/ns/web/sa/app']);
    assert.equal(leaf.sanCritical, true);
    assert.equal(leaf.notBefore.getTime(), now - 60_000);
    assert.equal(leaf.notAfter.getTime(), now - 60_000 + 24 * hour);
    assert.deepEqual(leaf.usages?.extendedKeyUsages, ['serverAuth']);
    assert.equal(leaf.isCA, false);
    assert.equal(ca, root.certificate.pem);
  });

  it('sends the intermediates along', async () => {
    const intermediate = await newCa({ parent: root });
    const { chain, ca } = await sign(stateOf(intermediate, { chain: [root] }));
    assert.deepEqual(
      chain.slice(1).map(({ pem }) => pem),
      [intermediate.certificate.pem],
    );
    assert.equal(ca, root.certificate.pem);
  });

  it('cuts lifetimes to its own', async () => {
    const ca = await newCa({ notBefore: new Date(now - 10_000), notAfter: new Date(now + hour) });
    const { chain } = await sign(stateOf(ca));
    assert.equal(chain[0]?.notAfter.getTime(), now + hour);
    assert.equal(chain[0].notBefore.getTime(), now - 10_000);
  });

  it('gives all of the lifetime while it is younger than what is backdated, and says until when', async () => {
    const ca = await newCa({ notBefore: new Date(now - 10_000) });
    const signed: number[] = [];
    const state = caIssuerState(
      { secretName: 'ca' },
      { state: 'present', secret: caSecret(ca) },
      {
        now,
        read: readCaKeyPair,
        choose: (pair) => ({ ...signsAtOnce(pair), onSign: (until) => void signed.push(until) }),
      },
    );
    const { chain } = await sign(state, { duration: '1h' });
    assert.equal(chain[0]?.notBefore.getTime(), now - 10_000);
    assert.equal(chain[0].notAfter.getTime(), now - 10_000 + hour);
    assert.deepEqual(signed, [now - 10_000 + hour]);
  });

  it('signs CAs below itself, as far as its path length allows', async () => {
    const { chain } = await sign(stateOf(root), { isCA: true });
    assert.equal(chain[0]?.isCA, true);
    assert.ok(chain[0].usages?.keyUsages.includes('keyCertSign'));

    const state = stateOf(await newCa({ pathLength: 0 }));
    assert.ok(state.state === 'ready');
    const csr = await newCsr({ subject: { commonName: 'Sub' } });
    const request = newRequest({ isCA: true });
    const checked = checkRequest(request, () => parseRequest(csr));
    assert.ok(checked.valid);
    const result = await state.signer.sign({ request, checked, now });
    assert.ok(result.result === 'problem');
    assert.equal(result.problem, 'SigningError');
    assert.match(result.message, /^Error signing certificate: .*path length is 0/);
  });

  it('signs nothing for a purpose that it, or one above it that is sent, may not issue for', async () => {
    const usages = (...extendedKeyUsages: ExtendedKeyUsage[]) => ({
      usages: { keyUsages: ['keyCertSign'] as const, extendedKeyUsages },
    });
    const mail = await newCa({ parent: root, ...usages('emailProtection') });
    const below = await newCa({ parent: mail });
    const both: Parameters<typeof sign>[1] = {
      usages: ['digital signature', 'server auth', 'email protection'],
    };
    const message = /^Error signing certificate: .*"CN=Intermediate" may not issue for serverAuth/;
    for (const state of [stateOf(mail), stateOf(below, { chain: [mail, root] })])
      await assert.rejects(sign(state, both), { message });
    await sign(stateOf(mail), { usages: ['digital signature', 'email protection'] });
    await sign(stateOf(mail), { usages: ['digital signature'] });
    await sign(stateOf(await newCa({ parent: root, ...usages('any') })), both);
    await sign(stateOf(await newCa(usages('emailProtection'))), both);
  });

  it('points to its revocation lists, responders and certificate', async () => {
    const spec = {
      crlDistributionPoints: ['http://crl.example/a'],
      ocspServers: ['http://ocsp.example'],
      issuingCertificateURLs: ['http://ca.example/ca.crt'],
    };
    const { chain } = await sign(stateOf(root, {}, spec));
    const text = chain[0]?.der.toString('latin1') ?? '';
    for (const url of Object.values(spec).flat()) assert.ok(text.includes(url), url);
  });
});

describe('a CA issuer without a usable key pair', () => {
  const nothing = (): never => assert.fail('there is nothing to read');
  const deps = { now, read: nothing, choose: nothing };

  it('is not ready, and says why', async () => {
    const spec = { secretName: 'ca' };
    assert.deepEqual(caIssuerState(spec, { state: 'loading' }, deps), { state: 'loading' });
    assert.deepEqual(caIssuerState(spec, { state: 'absent' }, deps), {
      state: 'not-ready',
      reason: 'ErrGetKeyPair',
      message: 'Error getting keypair for CA issuer: secrets "ca" not found',
    });
    assert.deepEqual(caIssuerState(spec, { state: 'unavailable', message: 'forbidden' }, deps), {
      state: 'not-ready',
      reason: 'ErrGetKeyPair',
      message: 'Error getting keypair for CA issuer: forbidden',
    });
    const leaf = await newCa({
      isCA: false,
      usages: { keyUsages: ['digitalSignature'], extendedKeyUsages: [] },
    });
    assert.deepEqual(stateOf(leaf), {
      state: 'not-ready',
      reason: 'ErrInvalidKeyPair',
      message: 'Error getting keypair for CA issuer: certificate is not a CA',
    });
  });

  it('is not ready before and after its certificate is valid', async () => {
    const future = await newCa({ notBefore: new Date(now + hour) });
    assert.deepEqual(stateOf(future), {
      state: 'not-ready',
      reason: 'ErrInvalidKeyPair',
      message:
        'Error getting keypair for CA issuer: certificate is not valid before 2026-01-01T01:00:00.000Z',
      recheckAt: now + hour,
    });
    const expired = stateOf(await newCa(validFor(0)));
    assert.ok(expired.state === 'not-ready');
    assert.match(expired.message, /certificate has expired at 2026-01-01T00:00:00.000Z$/);
    assert.equal(expired.recheckAt, undefined);
    assert.equal(stateOf(await newCa(validFor(1000))).state, 'ready');
  });
});
