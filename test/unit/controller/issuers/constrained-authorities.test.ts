import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { caIssuerState } from '../../../../src/controller/issuers/ca/ca-issuer.ts';
import { readCaKeyPair } from '../../../../src/controller/issuers/ca/ca-key-pair.ts';
import { signsAtOnce } from '../../../../src/controller/issuers/ca/signing-choice.ts';
import {
  privateKeyAnnotation,
  selfSignedSigner,
} from '../../../../src/controller/issuers/selfsigned/selfsigned-signer.ts';
import type { Signer } from '../../../../src/controller/issuers/signer.ts';
import { checkRequest } from '../../../../src/controller/requests/check-request.ts';
import type { RequestCheck } from '../../../../src/controller/requests/check-request.ts';
import {
  encodePrivateKey,
  noAltNames,
  parseCertificate,
  parseRequest,
  publicKeyOf,
  signCertificate,
  verifyChain,
} from '../../../../src/pki/index.ts';
import { describePem, openssl } from '../../pki/support/openssl.ts';
import { base64, caSecret, newCa, newKey, newRequest, now } from '../builders.ts';

const root = await newCa();
const key = await newKey();
const constraints = 'permitted;DNS:web.example,permitted;IP:10.0.0.0/255.0.0.0,excluded;dirName:bank';
const request = newRequest({ isCA: true, metadata: { annotations: { [privateKeyAnnotation]: 'key' } } });

/** A request that OpenSSL makes, with these lines of its configuration. */
function csrWith(...extensions: readonly string[]): string {
  const config = ['[req]', 'distinguished_name=d', '[d]', '[e]', ...extensions, '[bank]', 'O=Bank'];
  return openssl(['req', '-new', '-key', '@k', '-subj', '/CN=Sub', '-config', '@c', '-reqexts', 'e'], {
    k: encodePrivateKey(key, 'SEC1'),
    c: `${config.join('\n')}\n`,
  });
}

function check(csr: string, isCA = true): RequestCheck {
  return checkRequest({ ...request, spec: { ...request.spec, isCA } }, () => parseRequest(csr));
}

function authority(): Signer {
  const state = caIssuerState(
    { secretName: 'ca' },
    { state: 'present', secret: caSecret(root) },
    { now, read: readCaKeyPair, choose: signsAtOnce },
  );
  return state.state === 'ready' ? state.signer : assert.fail();
}

function ownKey(): Signer {
  const secret = { metadata: {}, data: { 'tls.key': base64(encodePrivateKey(key, 'PKCS8')) } };
  return selfSignedSigner({}, { readSecret: () => Promise.resolve(secret) });
}

async function sign(signer: Signer, csr: string): Promise<string> {
  const checked = check(csr);
  assert.ok(checked.valid, JSON.stringify(checked));
  const result = await signer.sign({ request, checked, now });
  return result.result === 'issued' ? result.issued.certificate : assert.fail(result.message);
}

for (const [issuer, signer] of [
  ['a CA issuer', authority()],
  ['a SelfSigned issuer', ownKey()],
] as const)
  describe(`an authority of ${issuer}`, () => {
    it('has the path length and the name constraints that its request asks for, critical or not', async () => {
      for (const critical of ['critical,', '']) {
        const csr = csrWith(
          'basicConstraints=critical,CA:TRUE,pathlen:1',
          `nameConstraints=${critical}${constraints}`,
        );
        const text = describePem('x509', await sign(signer, csr));
        assert.match(text, /Basic Constraints: critical CA:TRUE, pathlen:1 /);
        const asked = /Name Constraints:.*?DirName: ?O ?= ?Bank/.exec(describePem('req', csr))?.[0] ?? '';
        assert.ok(asked.includes('DNS:web.example') && text.includes(asked), text);
        assert.equal(asked.includes('critical'), critical !== '');
      }
    });

    it('has no bounds where its request asks for none', async () => {
      const text = describePem('x509', await sign(signer, csrWith('basicConstraints=critical,CA:TRUE')));
      assert.doesNotMatch(text, /pathlen|Name Constraints/);
    });

    it('issues nothing outside its constraints that would be believed', async () => {
      const csr = csrWith('basicConstraints=critical,CA:TRUE', `nameConstraints=critical,${constraints}`);
      const certificate = parseCertificate(await sign(signer, csr));
      const anchors = issuer === 'a CA issuer' ? [root.certificate] : [certificate];
      const leaf = async (name: string): Promise<void> => {
        const template = {
          subject: {},
          altNames: { ...noAltNames, dnsNames: [name] },
          publicKey: publicKeyOf(key),
          usages: { keyUsages: ['digitalSignature'], extendedKeyUsages: [] },
          isCA: false,
          notBefore: new Date(now),
          notAfter: new Date(now + 3_600_000),
        } as const;
        const pem = await signCertificate(template, { certificate, key });
        verifyChain([parseCertificate(pem), certificate], anchors, new Date(now));
        openssl(['verify', '-attime', String(now / 1000), '-CAfile', '@root', '-untrusted', '@ca', '@leaf'], {
          root: anchors[0]?.pem ?? '',
          ca: certificate.pem,
          leaf: pem,
        });
      };
      await leaf('api.web.example');
      await assert.rejects(leaf('api.bank.example'), /dns "api\.bank\.example" is not within/);
    });
  });

describe('a request that asks for bounds of an authority', () => {
  it('and for none is refused, with the extension that is not for it', () => {
    const csr = csrWith(`nameConstraints=critical,${constraints}`);
    const checked = check(csr, false);
    assert.equal(
      checked.valid ? 'valid' : checked.message,
      'encoded CSR error: the CSR has NameConstraints, but spec.isCA is false',
    );
  });

  it('is refused when it has constraints that nobody would understand', () => {
    const checked = check(csrWith('nameConstraints=permitted;RID:1.2.3.4'));
    assert.match(checked.valid ? '' : checked.message, /^spec\.request: .* name constraints of this kind/);
  });
});
