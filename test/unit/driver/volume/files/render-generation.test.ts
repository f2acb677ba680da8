import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import {
  renderGeneration,
  type RenderContext,
} from '../../../../../src/driver/volume/files/render-generation.ts';
import type { KeystoresSpec, VolumeSpec } from '../../../../../src/driver/volume/volume-spec.ts';
import {
  type Certificate,
  type KeySpec,
  parseCertificate,
  parseChain,
} from '../../../../../src/pki/index.ts';
import { ecdsaWithSha1, forgeAuthority } from '../../../pki/support/forge.ts';
import { openssl } from '../../../pki/support/openssl.ts';
import { makeKey, makeRoot } from '../../../pki/support/builders.ts';
import { bundleLayout, fullLayout, type KeyAndMaterial, makeIssued, specWith } from '../../support/issued.ts';

const context: RenderContext = {
  generation: 7,
  renewAt: Date.UTC(2026, 10, 22, 12, 40, 0, 250),
  password: undefined,
};
const password = 'correct horse';
const rsa: KeySpec = { algorithm: 'RSA', size: 2048 };

let ec: KeyAndMaterial;
before(async () => {
  ec = await makeIssued();
});

function render(
  spec: VolumeSpec = specWith({}),
  issued: KeyAndMaterial = ec,
  changes: Partial<RenderContext> = {},
): ReadonlyMap<string, string | Uint8Array> {
  return renderGeneration(spec, issued.key, issued, { ...context, ...changes }).files;
}

const textOf = (files: ReadonlyMap<string, string | Uint8Array>, name: string): string => {
  const content = files.get(name);
  assert.ok(typeof content === 'string', `${name} is a text`);
  return content;
};
const octetsOf = (files: ReadonlyMap<string, string | Uint8Array>, name: string): Uint8Array => {
  const content = files.get(name);
  assert.ok(content instanceof Uint8Array, `${name} is binary`);
  return content;
};
const pemOf = (certificates: readonly { readonly pem: string }[]): string =>
  certificates.map(({ pem }) => pem).join('');
/** The public key that openssl finds in a key, PEM. */
const publicKeyIn = (key: string | Uint8Array, ...args: string[]): string =>
  openssl(['pkey', ...args, '-in', '@key', '-pubout'], { key });
const publicKeyOfLeaf = (issued: KeyAndMaterial): string =>
  openssl(['x509', '-in', '@leaf', '-noout', '-pubkey'], { leaf: issued.chain[0].pem });

describe('the files of a generation', () => {
  it('are those that the layout names, and no other', () => {
    assert.deepEqual([...render().keys()].sort(), [
      'ca.crt',
      'certificate.json',
      'credential-bundle.pem',
      'generation',
      'key.der',
      'spiffe-bundle.json',
      'tls-combined.pem',
      'tls.crt',
      'tls.der',
      'tls.key',
    ]);
    assert.deepEqual([...render(specWith({ files: bundleLayout })).keys()], ['credential-bundle.pem']);
  });

  it('belong to the group of the volume', () => {
    assert.equal(renderGeneration(specWith({ group: 4711 }), ec.key, ec, context).group, 4711);
  });

  it('hold key, chain and anchors as openssl reads them', () => {
    const files = render();
    assert.equal(publicKeyIn(textOf(files, 'tls.key')), publicKeyOfLeaf(ec));
    assert.equal(textOf(files, 'tls.crt'), pemOf(ec.chain));
    assert.equal(textOf(files, 'ca.crt'), pemOf(ec.anchors));
    const verified = openssl(
      ['verify', '-no_check_time', '-CAfile', '@ca', '-untrusted', '@chain', '@chain'],
      {
        ca: textOf(files, 'ca.crt'),
        chain: textOf(files, 'tls.crt'),
      },
    );
    assert.match(verified, /OK/);
    assert.equal(textOf(files, 'generation'), '7\n');
  });

  it('hold the leaf and the key in DER', () => {
    const files = render();
    const leaf = openssl(['x509', '-inform', 'DER', '-in', '@der'], { der: octetsOf(files, 'tls.der') });
    assert.equal(leaf, ec.chain[0].pem);
    assert.equal(publicKeyIn(octetsOf(files, 'key.der'), '-inform', 'DER'), publicKeyOfLeaf(ec));
  });

  it('have the key in the encoding asked for, but the bundle always in PKCS#8', async () => {
    for (const [keySpec, encoding, label] of [
      [rsa, 'PKCS1', 'RSA PRIVATE KEY'],
      [{ algorithm: 'ECDSA', size: 384 }, 'SEC1', 'EC PRIVATE KEY'],
    ] as const) {
      const issued = await makeIssued(keySpec);
      const files = render(specWith({ key: { spec: keySpec, encoding, reuse: false } }), issued);
      const chain = pemOf(issued.chain);
      const key = textOf(files, 'tls.key');
      assert.ok(key.startsWith(`-----BEGIN ${label}-----\n`));
      assert.equal(textOf(files, 'tls-combined.pem'), key + chain);
      assert.ok(textOf(files, 'credential-bundle.pem').startsWith('-----BEGIN PRIVATE KEY-----\n'));
      assert.equal(publicKeyIn(textOf(files, 'credential-bundle.pem')), publicKeyOfLeaf(issued));
      const [, base64 = ''] = key.split(/-----[^-]+-----/);
      assert.deepEqual(Buffer.from(base64, 'base64'), octetsOf(files, 'key.der'));
    }
  });

  it('export the key once for each encoding', async () => {
    const issued = await makeIssued(rsa);
    const key = await makeKey(rsa);
    const made: string[] = [];
    const watched = new Proxy(key, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property, target);
        if (property !== 'export') return typeof value === 'function' ? value.bind(target) : value;
        return (options: { readonly type: string }): unknown => {
          made.push(options.type);
          return target.export(options as never);
        };
      },
    });
    const spec = specWith({ key: { spec: rsa, encoding: 'PKCS1', reuse: false } });
    renderGeneration(spec, watched, issued, context);
    assert.deepEqual(made.toSorted(), ['pkcs1', 'pkcs8']);
  });
});

describe('the credential bundle', () => {
  it('is the key, the leaf and its intermediates, and nothing else', async () => {
    const issued = await makeIssued(undefined, 3);
    const bundle = textOf(render(specWith({ files: bundleLayout }), issued), 'credential-bundle.pem');
    const [key = '', ...certificates] = bundle.split(/(?=-----BEGIN )/);
    assert.ok(key.startsWith('-----BEGIN PRIVATE KEY-----\n'));
    assert.deepEqual(
      certificates,
      issued.chain.map(({ pem }) => pem),
    );
  });

  it('leaves out a root that the issuer returns with the chain', () => {
    const withRoot: KeyAndMaterial = { ...ec, chain: [...ec.chain, ...ec.anchors] };
    const files = render(undefined, withRoot);
    assert.equal(textOf(files, 'tls.crt'), pemOf(withRoot.chain));
    assert.ok(
      textOf(files, 'credential-bundle.pem').endsWith(`-----END PRIVATE KEY-----\n${pemOf(ec.chain)}`),
    );
  });

  it('keeps the new key of a root, signed by the old one in the same name', async () => {
    const [old, renewed] = [await makeKey(), await makeKey()];
    const root = parseCertificate(forgeAuthority('root', old));
    const link = parseCertificate(forgeAuthority('root', renewed, { name: 'root', key: old }));
    const weak = parseCertificate(forgeAuthority('root', old, undefined, [], { algorithm: ecdsaWithSha1 }));
    for (const above of [root, weak]) {
      const files = render(undefined, { ...ec, chain: [...ec.chain, link, above] });
      assert.ok(textOf(files, 'credential-bundle.pem').endsWith(pemOf([...ec.chain, link])));
    }
  });

  it('keeps a leaf that has signed itself', () => {
    const [root] = ec.anchors;
    assert.ok(root);
    const files = render(undefined, { ...ec, chain: [root] });
    assert.ok(textOf(files, 'credential-bundle.pem').endsWith(root.pem));
  });
});

describe('the anchors of an issuer that names none', () => {
  it('have no file, or an empty one where cert-manager is imitated', () => {
    const none: KeyAndMaterial = { ...ec, anchors: [] };
    assert.ok(!render(undefined, none).has('ca.crt'));
    const files = render(specWith({ files: { ...fullLayout, emptyCa: true } }), none);
    assert.equal(textOf(files, 'ca.crt'), '');
    assert.ok(!render(specWith({ files: { ...bundleLayout, emptyCa: true } }), none).has('ca.crt'));
  });
});

describe('certificate.json', () => {
  const infoOf = (files: ReadonlyMap<string, string | Uint8Array>): Record<string, unknown> =>
    JSON.parse(textOf(files, 'certificate.json')) as Record<string, unknown>;
  const ask = (certificate: { readonly pem: string }, ...args: string[]): string =>
    openssl(['x509', '-in', '@in', '-noout', ...args], { in: certificate.pem }).trim();

  it('says of a certificate what openssl says of it', async () => {
    const issued = await makeIssued(undefined, 2, {
      subject: { commonName: 'api, of "web"', organizations: ['Example'] },
      altNames: {
        dnsNames: ['api.web.svc', '*.web.svc'],
        ipAddresses: ['10.0.0.1', '2001:db8::1'],
        uris: ['spiffe://cluster.local/ns/web/sa/api'],
        emailAddresses: ['api@web.example'],
      },
    });
    const [leaf] = issued.chain;
    const [anchor] = issued.anchors;
    assert.ok(anchor);
    const hash = (certificate: { readonly pem: string }): string =>
      ask(certificate, '-fingerprint', '-sha256')
        .replace(/^.*=|:/g, '')
        .toLowerCase();
    const subject = ask(leaf, '-subject', '-nameopt', 'RFC2253').replace('subject=', '');
    const issuer = ask(leaf, '-issuer', '-nameopt', 'RFC2253').replace('issuer=', '');
    assert.deepEqual(infoOf(render(undefined, issued)), {
      version: 1,
      generation: 7,
      serialNumber: ask(leaf, '-serial').replace('serial=', ''),
      subject,
      names: {
        dnsNames: ['api.web.svc', '*.web.svc'],
        ipAddresses: ['10.0.0.1', '2001:db8::1'],
        uris: ['spiffe://cluster.local/ns/web/sa/api'],
        emailAddresses: ['api@web.example'],
      },
      spiffeId: 'spiffe://cluster.local/ns/web/sa/api',
      notBefore: '2026-11-22T12:00:00Z',
      notAfter: '2026-11-22T13:00:00Z',
      renewAt: '2026-11-22T12:40:00Z',
      issuer,
      issuerRef: { name: 'ca', kind: 'Issuer', group: 'cert-manager.io' },
      fingerprint: hash(leaf),
      anchors: [
        {
          subject: 'CN=root of the tests',
          fingerprint: hash(anchor),
          notAfter: anchor.notAfter.toISOString().replace('.000Z', 'Z'),
        },
      ],
    });
  });

  it('has no SPIFFE ID where the certificate is no SVID, and no anchors where none are known', async () => {
    for (const uris of [[], ['https://api.example'], ['spiffe://a.example/x', 'spiffe://b.example/x']]) {
      const altNames = { dnsNames: ['api.web.svc'], ipAddresses: [], uris, emailAddresses: [] };
      const issued = await makeIssued(undefined, 1, { altNames });
      const { anchors, spiffeId } = infoOf(render(undefined, { ...issued, anchors: [] }));
      assert.equal(spiffeId, null);
      assert.deepEqual(anchors, []);
    }
  });
});

describe('key stores', () => {
  const keystores: KeystoresSpec = {
    password: { from: 'file', file: 'password' },
    pkcs12: { keystore: 'keystore.p12', truststore: 'truststore.p12', profile: 'Modern2023' },
    jks: { keystore: 'keystore.jks', truststore: 'truststore.jks', alias: 'tomcat' },
  };
  const secret = { password: { pkcs12: password, jks: password } };

  it('hold key, chain and anchors as openssl reads them', () => {
    const files = render(specWith({ files: bundleLayout, keystores }), ec, secret);
    assert.deepEqual([...files.keys()].sort(), [
      'credential-bundle.pem',
      'keystore.jks',
      'keystore.p12',
      'password',
      'truststore.jks',
      'truststore.p12',
    ]);
    assert.equal(textOf(files, 'password'), password);
    const read = (name: string, ...args: string[]): string =>
      openssl(['pkcs12', '-in', '@p12', '-passin', `pass:${password}`, '-nodes', ...args], {
        p12: octetsOf(files, name),
      });
    assert.equal(publicKeyIn(read('keystore.p12', '-nocerts')), publicKeyOfLeaf(ec));
    const certificatesIn = (text: string): string[] =>
      parseChain((text.match(/-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/g) ?? []).join('\n'))
        .map(({ pem }) => pem)
        .sort();
    assert.deepEqual(certificatesIn(read('keystore.p12', '-nokeys')), ec.chain.map(({ pem }) => pem).sort());
    assert.deepEqual(
      certificatesIn(read('truststore.p12', '-nokeys')),
      ec.anchors.map(({ pem }) => pem),
    );
    for (const name of ['keystore.jks', 'truststore.jks'])
      assert.equal(Buffer.from(octetsOf(files, name)).readUInt32BE(), 0xfeedfeed, name);
  });

  it('have a password each where a Secret gives two, and no file of it', () => {
    const two = { password: { pkcs12: 'one', jks: 'two' } };
    const files = render(specWith({ keystores: { ...keystores, password: { from: 'secret' } } }), ec, two);
    assert.ok(!files.has('password'));
    const read = (pass: string): string =>
      openssl(['pkcs12', '-in', '@p12', '-passin', `pass:${pass}`, '-noout'], {
        p12: octetsOf(files, 'keystore.p12'),
      });
    assert.equal(read('one'), '');
    assert.throws(() => read('two'), /invalid password/);
  });

  it('are only those asked for', () => {
    const { pkcs12 } = keystores;
    assert.ok(pkcs12);
    const spec = specWith({
      files: bundleLayout,
      keystores: {
        password: { from: 'secret' },
        pkcs12: { ...pkcs12, truststore: undefined },
        jks: undefined,
      },
    });
    const files = render(spec, ec, { password: { pkcs12: password, jks: undefined } });
    assert.deepEqual([...files.keys()], ['credential-bundle.pem', 'keystore.p12']);
  });

  it('leave the trust stores out when the issuer names no anchors, also where an empty ca.crt is written', () => {
    const layout = { ...fullLayout, emptyCa: true };
    const files = render(specWith({ files: layout, keystores }), { ...ec, anchors: [] }, secret);
    assert.ok(files.has('keystore.p12') && files.has('keystore.jks'));
    assert.ok(!files.has('truststore.p12') && !files.has('truststore.jks'));
  });

  it('are never made without their password', () => {
    assert.throws(() => render(specWith({ keystores })), /without its password/);
  });
});

describe('two generations of the largest ordinary kind', () => {
  it('fit a volume of 1 MiB', async () => {
    // Everything that a volume can have, with RSA 4096 in the whole chain and ten such roots.
    const large: KeySpec = { algorithm: 'RSA', size: 4096 };
    const anchors: Certificate[] = [];
    for (let number = 1; number <= 10; number++)
      anchors.push((await makeRoot(`root ${number}`, {}, large)).certificate);
    const { chain, key } = await makeIssued(large, 1);
    const issued: KeyAndMaterial = { key, chain: [...chain, ...anchors.slice(0, 2)], anchors };
    const spec = specWith({
      keystores: {
        password: { from: 'file', file: 'password' },
        pkcs12: { keystore: 'keystore.p12', truststore: 'truststore.p12', profile: 'Modern2023' },
        jks: { keystore: 'keystore.jks', truststore: 'truststore.jks', alias: 'a' },
      },
    });
    const files = render(spec, issued, { password: { pkcs12: password, jks: password } });
    // A tmpfs gives out whole pages.
    const pages = [...files.values()].map((content) => Math.ceil(Buffer.byteLength(content) / 4096));
    const kib = pages.reduce((sum, count) => sum + count, 0) * 4;
    assert.equal(files.size, 15);
    assert.ok(2 * kib <= 341, `${2 * kib} KiB are more than a third of a volume`);
  });
});
