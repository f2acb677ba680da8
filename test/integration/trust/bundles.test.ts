import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { rootCertificates } from 'node:tls';
import { bundleHashAnnotation, bundleLabel, bundles } from '../../../src/api/bundle.ts';
import { configMaps, events, namespaces } from '../../../src/api/core.ts';
import { clusterIssuers } from '../../../src/api/issuer.ts';
import { encodePrivateKey, fingerprint } from '../../../src/pki/index.ts';
import type { Certificate } from '../../../src/pki/index.ts';
import { eventually } from '../../support/eventually.ts';
import type { TestCa } from '../../unit/controller/builders.ts';
import { startController } from '../controller/support/controller.ts';
import type { RunningController } from '../controller/support/controller.ts';
import { BundleWorld, newRoot } from './support/bundle-world.ts';

const timeout = 180_000;
let world: BundleWorld;
let controller: RunningController;
let a: TestCa;
let b: TestCa;
let c: TestCa;

before(
  async () => {
    [a, b, c] = await Promise.all([newRoot('A'), newRoot('B'), newRoot('C')]);
    world = await BundleWorld.start();
    for (const name of ['web', 'shop']) await world.createNamespace(name, { team: name });
    controller = await startController(world, ['--secret-targets']);
  },
  { timeout },
);
after(async () => {
  await controller?.stop();
  await world?.stop();
});

/** As a target has them: by fingerprint. */
function pemOf(...cas: readonly { certificate: Certificate }[]): string {
  return cas
    .map(({ certificate }) => certificate)
    .toSorted((one, other) => (fingerprint(one.der) < fingerprint(other.der) ? -1 : 1))
    .map(({ pem }) => pem)
    .join('')
    .trimEnd();
}

const toConfigMaps = { configMap: { key: 'ca.crt' } };

describe('a Bundle', { timeout }, () => {
  it('reaches every namespace, a new one too, and volumes', async () => {
    await world.putConfigMap('source-a', { pem: a.pem });
    await world.createBundle(
      'everywhere',
      { sources: [{ configMap: { name: 'source-a', key: 'pem' } }, { inLine: b.pem }], target: toConfigMaps },
      { 'certmount.io/trust-domain': 'other.example', 'certmount.io/refresh-hint': '2m' },
    );
    for (const namespace of ['web', 'shop', 'certmount', 'default']) {
      await world.whenPem(namespace, 'everywhere', pemOf(a, b));
    }
    await world.whenSynced('everywhere', 'Synced', 'all namespaces');
    await world.createNamespace('late');
    await world.whenPem('late', 'everywhere', pemOf(a, b));

    const set = await world.anchorSet('everywhere');
    assert.equal(set?.spec.anchors.trimEnd(), pemOf(a, b));
    assert.equal(set?.spec.trustDomain, 'other.example');
    assert.equal(set?.spec.refreshHintSeconds, 120);

    const target = await world.configMap('web', 'everywhere');
    const bundle = await world.client.resource(bundles).get({ name: 'everywhere' });
    assert.equal(target?.metadata.labels?.[bundleLabel], 'everywhere');
    assert.match(target?.metadata.annotations?.[bundleHashAnnotation] ?? '', /^[0-9a-f]{64}$/);
    // As trust-manager writes it, to the last field.
    assert.deepEqual(target?.metadata.ownerReferences, [
      {
        apiVersion: 'trust.cert-manager.io/v1alpha1',
        kind: 'Bundle',
        name: 'everywhere',
        uid: bundle.metadata.uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
  });

  it('follows its sources', async () => {
    const before = await world.anchorSet('everywhere');
    await world.putConfigMap('source-a', { pem: c.pem });
    for (const namespace of ['web', 'late']) await world.whenPem(namespace, 'everywhere', pemOf(b, c));
    const set = await eventually('the set', async () => {
      const found = await world.anchorSet('everywhere');
      return found?.spec.anchors.trimEnd() === pemOf(b, c) ? found : undefined;
    });
    assert.ok(set.spec.sequence > (before?.spec.sequence ?? 0));
  });

  it('keeps what a source gave while that is gone, and says so', async () => {
    await world.client.resource(configMaps).delete({ namespace: 'certmount', name: 'source-a' });
    const { message } = await world.whenSynced('everywhere', 'SourceNotFound', 'configMap "source-a"');
    assert.match(message ?? '', /1 certificates of before stay/);
    assert.equal((await world.configMap('web', 'everywhere'))?.data?.['ca.crt'], pemOf(b, c));
    await world.putConfigMap('source-a', { pem: a.pem });
    await world.whenPem('web', 'everywhere', pemOf(a, b));
    await world.whenSynced('everywhere', 'Synced');
  });

  it('puts right what somebody did to a target', async () => {
    const resource = world.client.resource(configMaps);
    const key = { namespace: 'web', name: 'everywhere' };
    await resource.patch(key, { data: { 'ca.crt': 'nothing', more: 'x' } });
    await eventually('the entries', async () => {
      const { data } = await resource.get(key);
      return (data?.['ca.crt'] === pemOf(a, b) && !('more' in data)) || undefined;
    });
    await resource.delete(key);
    await world.whenPem('web', 'everywhere', pemOf(a, b));
    await resource.patch(key, { metadata: { ownerReferences: null } });
    await eventually('the owner', async () => (await resource.get(key)).metadata.ownerReferences?.[0]?.uid);
  });

  it('goes to the namespaces that it selects, and leaves those that it no longer does', async () => {
    await world.createBundle('some', {
      sources: [{ inLine: a.pem }],
      target: { ...toConfigMaps, namespaceSelector: { matchLabels: { team: 'web' } } },
    });
    await world.whenPem('web', 'some', pemOf(a));
    await world.whenSynced('some', 'Synced', 'team=web');
    assert.equal(await world.configMap('shop', 'some'), undefined);
    await world.client
      .resource(namespaces)
      .patch({ name: 'shop' }, { metadata: { labels: { team: 'web' } } });
    await world.whenPem('shop', 'some', pemOf(a));
    await world.client
      .resource(namespaces)
      .patch({ name: 'web' }, { metadata: { labels: { team: 'none' } } });
    await world.whenPem('web', 'some', null);
    await world.patchBundle('some', { spec: { target: { configMap: null } } });
    await world.whenPem('shop', 'some', null);
    assert.ok(await world.anchorSet('some'), 'volumes have it all the same');
  });

  it('leaves a ConfigMap of the same name alone that is not its own', async () => {
    await world.putConfigMap('taken', { 'ca.crt': 'mine' }, 'web');
    await world.createBundle('taken', { sources: [{ inLine: a.pem }], target: toConfigMaps });
    const { message } = await world.whenSynced('taken', 'SyncTargetFailed');
    assert.match(message ?? '', /web: ConfigMap web\/taken exists and is not the Bundle's/);
    assert.doesNotMatch(message ?? '', /shop/);
    await world.whenPem('shop', 'taken', pemOf(a));
    assert.deepEqual((await world.configMap('web', 'taken'))?.data, { 'ca.crt': 'mine' });
    await world.deleteBundle('taken');
    await world.whenPem('shop', 'taken', null);
    assert.deepEqual((await world.configMap('web', 'taken'))?.data, { 'ca.crt': 'mine' });
  });

  it('tells of certificates that it leaves out, and drops one that expires', async () => {
    const soon = await newRoot('Soon', { notAfter: new Date(Date.now() + 6_000) });
    const old = await newRoot('Old', { notAfter: new Date(Date.now() - 1_000) });
    const leaf = await newRoot('Leaf', {
      isCA: false,
      usages: { keyUsages: ['digitalSignature'], extendedKeyUsages: [] },
    });
    await world.createBundle('filtered', {
      sources: [{ inLine: [a, a, soon, old, leaf].map(({ pem }) => pem).join('') }],
      target: toConfigMaps,
    });
    await world.whenPem('web', 'filtered', pemOf(a, soon));
    const { message } = await world.whenSynced('filtered', 'Synced');
    assert.match(
      message ?? '',
      /1 duplicate, 1 expired \(CN=Old of sources\[0\]\.inLine\), 1 not-ca \(CN=Leaf/,
    );
    await eventually('the Event', async () => {
      const { items } = await world.client.resource(events).list({ namespace: 'default' });
      return items.find(
        ({ reason, regarding }) =>
          reason === 'CertificatesLeftOut' && regarding?.apiVersion === 'trust.cert-manager.io/v1alpha1',
      );
    });
    await world.whenPem('web', 'filtered', pemOf(a));
    await world.whenSynced('filtered', 'Synced', '2 expired');
    assert.equal(
      await controller.metric('certmount_controller_bundle_certificates_left_out{reason="expired"}'),
      2,
    );
  });

  it('takes what selected Secrets and an issuer have', async () => {
    await world.putSecret('roots-1', { 'ca.crt': a.pem }, { roots: 'yes' });
    await world.putSecret('signing', { 'tls.crt': b.pem, 'tls.key': encodePrivateKey(b.key, 'PKCS8') });
    await world.client
      .resource(clusterIssuers)
      .create({ metadata: { name: 'signer' }, spec: { ca: { secretName: 'signing' } } });
    await world.createBundle('gathered', {
      sources: [
        { secret: { selector: { matchLabels: { roots: 'yes' } }, key: 'ca.crt' } },
        { issuer: { kind: 'ClusterIssuer', name: 'signer' } },
      ],
      target: toConfigMaps,
    });
    await world.whenPem('web', 'gathered', pemOf(a, b));
    await world.putSecret('roots-2', { 'ca.crt': c.pem }, { roots: 'yes' });
    await world.whenPem('web', 'gathered', pemOf(a, b, c));
  });

  it('never publishes what lies next to a key', async () => {
    await world.createBundle('careless', {
      sources: [{ secret: { name: 'signing', key: 'tls.key' } }, { inLine: a.pem }],
      target: toConfigMaps,
    });
    await world.whenSynced('careless', 'SourceInvalid', 'secret "signing", key "tls.key"');
    await world.whenPem('web', 'careless', pemOf(a));
  });

  it('brings the public roots, and says which', async () => {
    await world.createBundle('public', { sources: [{ useDefaultCAs: true }], target: toConfigMaps });
    await world.whenSynced('public', 'Synced');
    const { status } = await world.client.resource(bundles).get({ name: 'public' });
    assert.match(status?.defaultCAVersion ?? '', /^node-\d+\.\d+\.\d+-[0-9a-f]{16}$/);
    const count = (await world.configMap('web', 'public'))?.data?.['ca.crt']?.match(
      /BEGIN CERTIFICATE/g,
    )?.length;
    assert.ok((count ?? 0) > 100 && (count ?? 0) <= rootCertificates.length, `${count}`);
  });

  it('goes with all its targets, without a garbage collector too', async () => {
    await world.deleteBundle('everywhere');
    for (const namespace of ['web', 'shop', 'late']) await world.whenPem(namespace, 'everywhere', null);
  });
});

describe('a target', { timeout }, () => {
  it('may hold up the end of its Bundle, where the API server asks for that', async () => {
    // The admission plugin OwnerReferencesPermissionEnforcement does, with this question.
    const who = '--as=system:serviceaccount:certmount:certmount-controller';
    const question = ['update', 'bundles.trust.cert-manager.io', '--subresource=finalizers', who];
    assert.equal((await world.cluster.kubectl(['auth', 'can-i', ...question])).trim(), 'yes');
  });
});

describe('the formats of targets', { timeout }, () => {
  const file = (name: string, base64: string | undefined): string => {
    const path = join(world.cluster.dir, name);
    writeFileSync(path, Buffer.from(base64 ?? '', 'base64'));
    return path;
  };

  it('are opened by openssl and keytool', async () => {
    await world.createBundle('stores', {
      sources: [{ inLine: a.pem + b.pem }],
      target: {
        ...toConfigMaps,
        secret: { key: 'ca.crt', metadata: { labels: { app: 'x' }, annotations: { note: 'y' } } },
        additionalFormats: {
          jks: { key: 'trust.jks' },
          pkcs12: { key: 'trust.p12', password: 'secret', profile: 'Modern2023' },
        },
      },
    });
    await world.whenSynced('stores', 'Synced');
    const configMap = await world.configMap('web', 'stores');
    const secret = await world.secret('web', 'stores');
    assert.equal(Buffer.from(secret?.data?.['ca.crt'] ?? '', 'base64').toString(), pemOf(a, b));
    assert.equal(secret?.metadata.labels?.['app'], 'x');
    assert.equal(secret?.metadata.annotations?.['note'], 'y');
    assert.deepEqual(secret?.data?.['trust.p12'], configMap?.binaryData?.['trust.p12']);

    const p12 = file('trust.p12', configMap?.binaryData?.['trust.p12']);
    const read = execFileSync('openssl', ['pkcs12', '-in', p12, '-nokeys', '-passin', 'pass:secret'], {
      encoding: 'utf8',
    });
    assert.equal(read.match(/BEGIN CERTIFICATE/g)?.length, 2);
    const jks = file('trust.jks', configMap?.binaryData?.['trust.jks']);
    const listed = execFileSync('keytool', ['-list', '-keystore', jks, '-storepass', 'changeit'], {
      encoding: 'utf8',
    });
    assert.match(listed, /contains 2 entries/);
    assert.equal(listed.match(/trustedCertEntry/g)?.length, 2);
  });

  it('open without a password, which is the default of PKCS #12', async () => {
    await world.createBundle('open', {
      sources: [{ inLine: a.pem }],
      target: { ...toConfigMaps, additionalFormats: { pkcs12: { key: 'trust.p12' } } },
    });
    await world.whenSynced('open', 'Synced');
    const p12 = file('open.p12', (await world.configMap('web', 'open'))?.binaryData?.['trust.p12']);
    // keytool asks for a password, and takes the end of its input for none.
    const listed = execFileSync('keytool', ['-list', '-keystore', p12], { encoding: 'utf8', input: '' });
    assert.match(listed, /trustedCertEntry/);
  });

  it('lose labels that are no longer wanted, and keep those of others', async () => {
    await world.cluster.kubectl(['label', 'secret', 'stores', '-n', 'web', 'theirs=kept']);
    await world.patchBundle('stores', { spec: { target: { secret: { metadata: { labels: null } } } } });
    await eventually('the labels', async () => {
      const labels = (await world.secret('web', 'stores'))?.metadata.labels ?? {};
      return (!('app' in labels) && labels['theirs'] === 'kept') || undefined;
    });
  });
});

describe('a ClusterTrustBundle as a target', { timeout }, () => {
  const read = async (
    name: string,
  ): Promise<{ spec: { trustBundle: string; signerName?: string } } | undefined> => {
    const text = await world.cluster.kubectl([
      'get',
      'clustertrustbundle',
      name,
      '--ignore-not-found',
      '-o',
      'json',
    ]);
    return text === '' ? undefined : JSON.parse(text);
  };
  const when = (name: string, pem: string | null): Promise<unknown> =>
    eventually(`ClusterTrustBundle ${name}`, async () => {
      const found = await read(name);
      return pem === null
        ? found === undefined || undefined
        : found?.spec.trustBundle.trimEnd() === pem || undefined;
    });

  it('has the anchors, moves with its signer, and goes with the Bundle', async () => {
    await world.createBundle('pods', { sources: [{ inLine: a.pem }], target: { clusterTrustBundle: {} } });
    await when('pods', pemOf(a));
    await world.whenSynced('pods', 'Synced', 'a ClusterTrustBundle, volumes');
    await world.cluster.kubectl(['delete', 'clustertrustbundle', 'pods']);
    await when('pods', pemOf(a));
    await world.patchBundle('pods', {
      spec: { target: { clusterTrustBundle: { signerName: 'certmount.io/x' } } },
    });
    await when('certmount.io:x:pods', pemOf(a));
    await when('pods', null);
    assert.equal((await read('certmount.io:x:pods'))?.spec.signerName, 'certmount.io/x');
    await world.deleteBundle('pods');
    await when('certmount.io:x:pods', null);
  });

  it('says that a signer of others is not for it', async () => {
    await world.createBundle('others', {
      sources: [{ inLine: a.pem }],
      target: { clusterTrustBundle: { signerName: 'example.com/x' } },
    });
    await world.whenSynced('others', 'PublishFailed', 'attest');
  });
});

describe('a controller that comes back', { timeout }, () => {
  it('writes nothing that is there, and removes what Bundles left that went meanwhile', async () => {
    await controller.stop();
    const before = await world.configMap('web', 'stores');
    const status = (await world.client.resource(bundles).get({ name: 'stores' })).metadata.resourceVersion;
    await world.deleteBundle('filtered');
    controller = await startController(world, ['--secret-targets']);
    await world.whenPem('web', 'filtered', null);
    assert.equal(
      (await world.configMap('web', 'stores'))?.metadata.resourceVersion,
      before?.metadata.resourceVersion,
    );
    assert.equal(
      (await world.client.resource(bundles).get({ name: 'stores' })).metadata.resourceVersion,
      status,
    );
    assert.equal(
      await controller.metric('certmount_controller_bundle_target_writes_total{operation="created"}'),
      0,
    );
  });
});

describe('the CRD of Bundles', { timeout }, () => {
  const apply = (name: string, spec: object): Promise<string> => {
    const bundle = { apiVersion: 'trust.cert-manager.io/v1alpha1', kind: 'Bundle', metadata: { name }, spec };
    const path = join(world.cluster.dir, `${name}.json`);
    writeFileSync(path, JSON.stringify(bundle));
    return world.cluster.kubectl(['apply', '--validate=strict', '--dry-run=server', '-f', path]);
  };
  const configMap = { key: 'ca.crt' };
  const inLine = [{ inLine: 'x' }];

  it("takes what trust-manager's users have", async () => {
    const selector = {
      matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }],
      matchLabels: { c: 'd' },
    };
    await apply('full', {
      sources: [
        { useDefaultCAs: true },
        { configMap: { name: 'a', key: 'ca.crt' } },
        { configMap: { selector, includeAllKeys: true } },
        { secret: { name: 'a', key: 'ca.crt', includeAllKeys: false } },
        { secret: { selector: {}, key: 'ca.crt' } },
        ...inLine,
      ],
      target: {
        configMap: {
          key: 'a',
          metadata: { labels: { 'x.trust-manager.io/x': 'y' }, annotations: { 'trust-manager.io': 'y' } },
        },
        secret: { key: 'a' },
        additionalFormats: {
          jks: { key: 'b', password: 'x' },
          pkcs12: { key: 'c', password: '', profile: 'LegacyDES' },
        },
        namespaceSelector: selector,
      },
    });
    await apply('off', { sources: [{ useDefaultCAs: false }, ...inLine], target: { configMap } });
    await apply('many', { sources: Array.from({ length: 100 }, () => inLine[0]), target: { configMap } });
    await apply('volumes-only', { sources: inLine });
    await apply('nowhere', { sources: inLine, target: {} });
    await apply('additions', {
      sources: [
        { issuer: { kind: 'Issuer', name: 'a', namespace: 'b' } },
        { issuer: { kind: 'ClusterIssuer', name: 'a' } },
      ],
      target: { clusterTrustBundle: { signerName: 'certmount.io/x' } },
    });
  });

  const target = { configMap };
  const formats = (additionalFormats: object) => ({
    sources: inLine,
    target: { configMap, additionalFormats },
  });
  const refused: Record<string, [object, RegExp]> = {
    'no source': [{ sources: [], target }, /spec\.sources.*at least 1/],
    'the public roots twice': [
      { sources: [{ useDefaultCAs: true }, { useDefaultCAs: false }], target },
      /spec\.sources.*useDefaultCAs must be in one source at most/,
    ],
    'only what is turned off': [
      { sources: [{ useDefaultCAs: false }], target },
      /spec\.sources.*at least one source beside useDefaultCAs: false/,
    ],
    'no additional format': [formats({}), /additionalFormats.*one of jks and pkcs12 must be set/],
    'a hundred and one': [{ sources: Array.from({ length: 101 }, () => inLine[0]), target }, /at most 100/],
    'an empty source': [{ sources: [{}], target }, /sources\[0\].*found 0 defined types/],
    'two in one': [{ sources: [{ inLine: 'x', useDefaultCAs: true }], target }, /exactly one source type/],
    'name and selector': [
      { sources: [{ secret: { name: 'a', selector: {}, key: 'k' } }] },
      /only one of name and selector/,
    ],
    'neither of them': [{ sources: [{ secret: { key: 'k' } }] }, /one of name and selector must be set/],
    'no key': [{ sources: [{ configMap: { name: 'a' } }] }, /key or includeAllKeys: true must be set/],
    'a key and all': [
      { sources: [{ configMap: { name: 'a', key: 'k', includeAllKeys: true } }] },
      /key must not be set together with includeAllKeys/,
    ],
    'an Issuer without namespace': [
      { sources: [{ issuer: { kind: 'Issuer', name: 'a' } }] },
      /namespace.*must be set for an Issuer/,
    ],
    'a ClusterIssuer with one': [
      { sources: [{ issuer: { kind: 'ClusterIssuer', name: 'a', namespace: 'b' } }] },
      /only for one/,
    ],
    'a target without key': [{ sources: inLine, target: { configMap: {} } }, /target\.configMap\.key/],
    'one key for two formats': [
      formats({ jks: { key: 'ca.crt' } }),
      /jks\.key must not be the key of configMap/,
    ],
    'one key for both stores': [formats({ jks: { key: 'a' }, pkcs12: { key: 'a' } }), /different keys/],
    'an unknown profile': [formats({ pkcs12: { key: 'a', profile: 'Modern' } }), /profile/],
    ...Object.fromEntries(
      (['labels', 'annotations'] as const).flatMap((field) =>
        ['trust.cert-manager.io', 'trust-manager.io'].map((group): [string, [object, RegExp]] => [
          `${field} under ${group}`,
          [
            {
              sources: inLine,
              target: { configMap: { key: 'a', metadata: { [field]: { [`${group}/hash`]: 'x' } } } },
            },
            new RegExp(`metadata\\.${field}.*keys under ${group}/ are not allowed`),
          ],
        ]),
      ),
    ),
    'an unknown field': [{ sources: inLine, target: { volumes: true } }, /unknown field/],
  };
  for (const [what, [spec, message]] of Object.entries(refused)) {
    it(`refuses ${what}`, () => assert.rejects(apply('refused', spec), message));
  }
});
