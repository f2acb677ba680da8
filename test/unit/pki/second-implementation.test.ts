import 'reflect-metadata';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Crypto } from '@peculiar/webcrypto';
import * as x509 from '@peculiar/x509';
import {
  generateKey,
  noAltNames,
  parseCertificate,
  parseRequest,
  verifyChain,
  createRequest,
} from '../../../src/pki/index.ts';
import { makeLeaf, makeRoot, now, workload } from './support/builders.ts';

/** Another X.509 library over another WebCrypto: made by people who do not know of our code. */
const crypto = new Crypto();
const algorithms = {
  'RSA 2048': {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
  },
  'ECDSA 256': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  'ECDSA 384': { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  'ECDSA 521': { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' },
};

for (const [name, algorithm] of Object.entries(algorithms)) {
  describe(`against @peculiar/x509 over @peculiar/webcrypto, ${name}`, () => {
    const spec =
      name === 'RSA 2048'
        ? ({ algorithm: 'RSA', size: 2048 } as const)
        : ({ algorithm: 'ECDSA', size: Number(name.slice(6)) as 256 } as const);
    const makeKeys = async () => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

    it('our requests are read and verified there', async () => {
      const pem = await createRequest(
        { ...workload, subject: { commonName: 'a', countries: ['DE'] } },
        await generateKey(spec),
      );
      const theirs = new x509.Pkcs10CertificateRequest(pem);
      assert.ok(await theirs.verify(crypto));
      assert.equal(theirs.subject, 'C=DE, CN=a');
      const names = theirs.getExtension('2.5.29.17') as x509.SubjectAlternativeNameExtension | null;
      assert.deepEqual(names?.names.toJSON(), [{ type: 'url', value: workload.altNames.uris[0] }]);
      const usages = theirs.getExtension('2.5.29.15') as x509.KeyUsagesExtension | null;
      assert.equal(usages?.usages, x509.KeyUsageFlags.digitalSignature);
    });

    it('their requests are read and verified here', async () => {
      const keys = await makeKeys();
      const theirs = await x509.Pkcs10CertificateRequestGenerator.create(
        {
          name: 'C=DE, O=Müller, CN=a',
          keys,
          signingAlgorithm: algorithm,
          extensions: [
            new x509.SubjectAlternativeNameExtension([
              { type: 'dns', value: 'a.example' },
              { type: 'ip', value: '10.0.0.1' },
              { type: 'url', value: 'spiffe://td/a' },
              { type: 'email', value: 'a@b.example' },
            ]),
            new x509.KeyUsagesExtension(
              x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.decipherOnly,
              true,
            ),
            new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1', '1.2.3']),
          ],
        },
        crypto,
      );
      const ours = parseRequest(theirs.toString('pem'));
      assert.deepEqual(ours.altNames, {
        ...noAltNames,
        dnsNames: ['a.example'],
        ipAddresses: ['10.0.0.1'],
        uris: ['spiffe://td/a'],
        emailAddresses: ['a@b.example'],
      });
      assert.deepEqual(ours.usages, {
        keyUsages: ['digitalSignature', 'decipherOnly'],
        extendedKeyUsages: ['serverAuth'],
        otherExtendedKeyUsages: ['1.2.3'],
      });
      assert.deepEqual(ours.subject.organizations, ['Müller']);
    });

    it('our chain is built and verified there', async () => {
      const root = await makeRoot('root', { pathLength: 1 }, spec);
      const leaf = await makeLeaf(root);
      const theirs = new x509.X509Certificate(leaf.certificate.pem);
      const anchor = new x509.X509Certificate(root.certificate.pem);
      assert.ok(
        await theirs.verify({ publicKey: anchor.publicKey, date: new Date(now.getTime() + 1000) }, crypto),
      );
      const built = await new x509.X509ChainBuilder({ certificates: [anchor] }).build(theirs, crypto);
      assert.equal(built.length, 2);
      assert.equal(anchor.getExtension<x509.BasicConstraintsExtension>('2.5.29.19')?.pathLength, 1);
      const keyIdentifier = theirs.getExtension<x509.AuthorityKeyIdentifierExtension>('2.5.29.35')?.keyId;
      assert.equal(
        keyIdentifier,
        anchor.getExtension<x509.SubjectKeyIdentifierExtension>('2.5.29.14')?.keyId,
      );
    });

    it('their chain is verified here', async () => {
      const [rootKeys, leafKeys] = [await makeKeys(), await makeKeys()];
      const validity = {
        notBefore: new Date(now.getTime() - 1000),
        notAfter: new Date(now.getTime() + 1000),
      };
      const root = await x509.X509CertificateGenerator.createSelfSigned(
        {
          ...validity,
          name: 'CN=root',
          keys: rootKeys,
          signingAlgorithm: algorithm,
          extensions: [
            new x509.BasicConstraintsExtension(true, undefined, true),
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
            await x509.SubjectKeyIdentifierExtension.create(rootKeys.publicKey, false, crypto),
          ],
        },
        crypto,
      );
      const leaf = await x509.X509CertificateGenerator.create(
        {
          ...validity,
          subject: 'CN=leaf',
          issuer: root.subject,
          publicKey: leafKeys.publicKey,
          signingKey: rootKeys.privateKey,
          signingAlgorithm: algorithm,
          extensions: [await x509.AuthorityKeyIdentifierExtension.create(rootKeys.publicKey, false, crypto)],
        },
        crypto,
      );
      verifyChain([parseCertificate(leaf.toString('pem'))], [parseCertificate(root.toString('pem'))], now);
    });
  });
}
