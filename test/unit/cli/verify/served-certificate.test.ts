import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer as createPlainServer, type AddressInfo, type Server } from 'node:net';
import { describe, it } from 'node:test';
import { createSecureContext, createServer, type TlsOptions } from 'node:tls';
import { servedCertificate } from '../../../../src/cli/verify/served-certificate.ts';
import { encode, sequence } from '../../../../src/pki/der/writer.ts';
import { describeCertificate, encodePrivateKey } from '../../../../src/pki/index.ts';
import { makeLeaf, makeRoot } from '../../pki/support/builders.ts';
import { forgeCertificate, forgeExtension } from '../../pki/support/forge.ts';

const root = await makeRoot('mesh');
const [leaf, other] = [await makeLeaf(root), await makeLeaf(root)];
const material = (of: typeof leaf): TlsOptions => ({
  key: encodePrivateKey(of.key, 'PKCS8'),
  cert: of.certificate.pem,
  ca: root.certificate.pem,
});

async function shown(server: Server, serverName?: string, timeoutMs = 5_000) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    return await servedCertificate(connect(port, '127.0.0.1'), {
      serverName,
      signal: AbortSignal.timeout(timeoutMs),
    });
  } finally {
    server.close();
  }
}

const tlsServer = (options: TlsOptions): Server => {
  const server = createServer({ ...material(leaf), ...options }, (socket) => socket.on('error', () => {}));
  return server.on('tlsClientError', () => {});
};

describe('the certificate that a port shows', () => {
  const strict = { requestCert: true, rejectUnauthorized: true };
  const expected = describeCertificate(leaf.certificate);

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`is seen with ${maxVersion}, also of a server that wants one itself`, async () => {
      assert.deepEqual(await shown(tlsServer({ maxVersion })), expected);
      assert.deepEqual(await shown(tlsServer({ maxVersion, ...strict })), expected);
    });
  }

  it('is the one of the name that is asked for', async () => {
    const SNICallback: TlsOptions['SNICallback'] = (name, done) =>
      done(null, name === 'other.web' ? createSecureContext(material(other)) : undefined);
    const served = await shown(tlsServer({ SNICallback }), 'other.web');
    assert.equal(served.fingerprint, describeCertificate(other.certificate).fingerprint);
  });

  it('is none where it cannot be read', async () => {
    const twice = forgeExtension('1.2.3', Buffer.of(5, 0));
    const cert = forgeCertificate(leaf.key, { extensions: encode(0xa3, sequence(twice, twice)) });
    await assert.rejects(
      shown(tlsServer({ cert })),
      /^ToolError: the port shows no certificate: .*more than once/,
    );
  });

  it('is none where there is no TLS, nothing, or silence', async () => {
    const plain = createPlainServer((socket) => socket.end('220 mail.example\r\n'));
    await assert.rejects(shown(plain), /^ToolError: the port shows no certificate: /);
    const closing = createPlainServer((socket) => socket.destroy());
    await assert.rejects(shown(closing), /shows no certificate/);
    const silent = createPlainServer((socket) => socket.on('error', () => {}));
    await assert.rejects(shown(silent, undefined, 20), /no answer in time/);
    const refused = connect(1, '127.0.0.1');
    await once(refused, 'error').catch(() => {});
    await assert.rejects(
      servedCertificate(refused, { serverName: undefined, signal: AbortSignal.timeout(100) }),
      /ECONNREFUSED/,
    );
  });
});
