import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { secrets } from '../../../src/api/core.ts';
import { issuers } from '../../../src/api/issuer.ts';
import type { IssuerSpec } from '../../../src/api/issuer.ts';
import { encodePrivateKey, parseChain } from '../../../src/pki/index.ts';
import { base64, fromBase64, newCa, newCsr, newKey } from '../../unit/controller/builders.ts';
import { startController } from './support/controller.ts';
import type { RunningController } from './support/controller.ts';
import { verifyIssued } from './support/openssl.ts';
import { eventually } from '../../support/eventually.ts';
import { World } from './support/world.ts';

const day = 24 * 60 * 60 * 1000;
const lasting = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + 365 * day) };
const root = await newCa(lasting);
/** `resource`: of one object by its name. */
const secretWatches = (scope: 'resource' | 'namespace' | 'cluster'): RegExp =>
  new RegExp(`^apiserver_longrunning_requests\\{.*resource="secrets",scope="${scope}".*verb="WATCH"`);

let world: World;
let controller: RunningController;

before(async () => {
  world = await World.startWithCa(root);
  // No node trusts what is rotated here, and nobody else needs time to take it up.
  controller = await startController(world, ['--ca-rotation-settle', '0s']);
});
after(async () => {
  await controller.stop();
  await world.stop();
});

describe('a CA issuer', () => {
  it('is Ready, with the generation that was looked at', async () => {
    const ready = await world.whenIssuer('Issuer', { namespace: 'web', name: 'ca' }, 'KeyPairVerified');
    assert.equal(ready.status, 'True');
    assert.equal(ready.message, 'Signing CA verified');
    assert.equal(ready.observedGeneration, 1);
  });

  it("signs a driver's request so that OpenSSL verifies it", async () => {
    const key = await world.request({ usages: ['digital signature', 'server auth', 'client auth'] });
    const request = await world.whenReady(key);
    const text = await verifyIssued(request);
    assert.match(
      text,
      /X509v3 Subject Alternative Name: critical\s+URI:spiffe:\/\/cluster\.local\/ns\/web\/sa\/app/,
    );
    assert.match(text, /TLS Web Server Authentication, TLS Web Client Authentication/);
    assert.deepEqual(
      request.status?.conditions?.map(({ type, status, reason, message }) => [type, status, reason, message]),
      [
        [
          'Approved',
          'True',
          'policy.cert-manager.io',
          'Approved by CertificateRequestPolicy: "certmount-default"',
        ],
        ['Ready', 'True', 'Issued', 'Certificate fetched from issuer successfully'],
      ],
    );
    assert.equal(fromBase64(request.status.ca), root.certificate.pem);
  });

  it('takes two API writes a certificate: the create and one status update', async () => {
    const writes =
      /^apiserver_request_total\{.*resource="certificaterequests".*verb="(APPLY|DELETE|PATCH|POST|PUT)"/;
    const events = /^apiserver_request_total\{.*resource="events".*verb="(PATCH|POST|PUT)"/;
    const [before, eventsBefore] = [await world.apiMetric(writes), await world.apiMetric(events)];
    const keys = await Promise.all(Array.from({ length: 25 }, () => world.request()));
    await Promise.all(keys.map((key) => world.whenReady(key)));
    assert.equal((await world.apiMetric(writes)) - before, 2 * keys.length);
    assert.equal((await world.apiMetric(events)) - eventsBefore, 0);
  });

  it('signs with an intermediate and sends it along; only the root is to be trusted', async () => {
    const intermediate = await newCa({ ...lasting, parent: root });
    await world.putCa({ namespace: 'web', name: 'intermediate' }, intermediate, [root]);
    await world.createIssuer('intermediate', { ca: { secretName: 'intermediate' } });
    const request = await world.whenReady(await world.request({ issuerRef: { name: 'intermediate' } }));
    await verifyIssued(request);
    assert.equal(parseChain(fromBase64(request.status?.certificate)).length, 2);
    assert.equal(fromBase64(request.status?.ca), root.certificate.pem);
  });

  it('cuts the lifetime to its own', async () => {
    const short = await newCa({
      ...lasting,
      notAfter: new Date(Math.floor(Date.now() / 1000) * 1000 + 600_000),
    });
    await world.putCa({ namespace: 'web', name: 'short' }, short);
    await world.createIssuer('short', { ca: { secretName: 'short' } });
    const request = await world.whenReady(await world.request({ issuerRef: { name: 'short' } }));
    await verifyIssued(request);
    const [leaf] = parseChain(fromBase64(request.status?.certificate));
    assert.equal(leaf?.notAfter.getTime(), short.certificate.notAfter.getTime());
  });

  it('of the cluster takes its Secret from the cluster resource namespace', async () => {
    await world.createClusterIssuer('cluster-ca', { ca: { secretName: 'cluster-ca' } });
    const name = { name: 'cluster-ca' };
    const missing = await world.whenIssuer('ClusterIssuer', name, 'ErrGetKeyPair');
    assert.equal(missing.message, 'Error getting keypair for CA issuer: secrets "cluster-ca" not found');
    await world.putCa({ namespace: 'certmount', name: 'cluster-ca' }, root);
    await world.whenIssuer('ClusterIssuer', name, 'KeyPairVerified');
    const issuerRef = { name: 'cluster-ca', kind: 'ClusterIssuer', group: 'cert-manager.io' };
    await verifyIssued(await world.whenReady(await world.request({ issuerRef })));
  });

  it('uses a new CA without a restart, as soon as all who verify know it', async () => {
    const [first, second] = [
      await newCa(lasting),
      await newCa({ ...lasting, subject: { commonName: 'Second' } }),
    ];
    const secret = { namespace: 'web', name: 'rotating' };
    await world.putCa(secret, first);
    await world.createIssuer('rotating', { ca: { secretName: 'rotating' } });
    const issuerRef = { name: 'rotating' };
    const before = await world.whenReady(await world.request({ issuerRef }));
    assert.equal(fromBase64(before.status?.ca), first.certificate.pem);
    await world.putCa(secret, second);
    // The watch of the Secret and that of the requests are two connections: the order between them is the network's.
    const after = await eventually('the new CA to sign', async () => {
      const request = await world.whenReady(await world.request({ issuerRef }));
      return /Issuer: CN ?= ?Second/.test(await verifyIssued(request)) ? request : undefined;
    });
    assert.ok(fromBase64(after.status?.ca).includes(second.certificate.pem));
  });
});

describe('a SelfSigned issuer', () => {
  before(async () => {
    await world.createIssuer('self', { selfSigned: {} });
    await world.allow('self-signed', {
      selector: { issuerRef: { name: 'self' } },
      allowed: {
        commonName: { value: '*' },
        uris: { values: ['*'] },
        isCA: true,
        usages: ['digital signature', 'key encipherment'],
      },
    });
  });

  it('is Ready at once', async () => {
    const ready = await world.whenIssuer('Issuer', { namespace: 'web', name: 'self' }, 'IsReady');
    assert.equal(ready.status, 'True');
  });

  it('signs with the key that the request names', async () => {
    const key = await newKey();
    await world.putSecret(
      { namespace: 'web', name: 'self-key' },
      { 'tls.key': encodePrivateKey(key, 'SEC1') },
    );
    const request = await world.whenReady(
      await world.request({
        issuerRef: { name: 'self' },
        isCA: true,
        request: base64(await newCsr({ key, subject: { commonName: 'Self' } })),
        annotations: { 'cert-manager.io/private-key-secret-name': 'self-key' },
      }),
    );
    assert.match(await verifyIssued(request), /CA:TRUE/);
    assert.equal(request.status?.ca, request.status?.certificate);
  });

  it('waits for the key, and signs when it is there', async () => {
    const key = await newKey();
    const request = await world.request({
      issuerRef: { name: 'self' },
      request: base64(await newCsr({ key, subject: { commonName: 'Later' } })),
      annotations: { 'cert-manager.io/private-key-secret-name': 'later-key' },
    });
    const pending = await world.whenReady(request, 'Pending');
    assert.equal(
      pending.status?.conditions?.at(-1)?.message,
      'Referenced secret web/later-key not found: secrets "later-key" not found',
    );
    await world.putSecret(
      { namespace: 'web', name: 'later-key' },
      { 'tls.key': encodePrivateKey(key, 'PKCS8') },
    );
    await world.whenReady(request);
  });
});

describe('the Secrets that the controller reads', () => {
  it('are those that issuers name, each by a watch of its name, and let go with the issuer', async () => {
    const watches = (): Promise<number> => world.apiMetric(secretWatches('resource'));
    const whenWatched = (count: number): Promise<true> =>
      eventually(`${count} watches of Secrets`, async () => (await watches()) === count || undefined);
    const before = await named();
    await whenWatched(before);
    const spec: IssuerSpec = { ca: { secretName: 'shared' } };
    await world.createIssuer('one', spec);
    await world.createIssuer('two', spec);
    await whenWatched(before + 1);
    for (const name of ['one', 'two'])
      await world.client.resource(issuers).delete({ namespace: 'web', name });
    await whenWatched(before);
    assert.equal(await world.apiMetric(secretWatches('namespace')), 0);
    // The API server's own.
    assert.ok((await world.apiMetric(secretWatches('cluster'))) <= 1);
  });

  async function named(): Promise<number> {
    const { items } = await world.client.resource(issuers).list();
    const names = items.flatMap(({ spec }) => (spec.ca ? [spec.ca.secretName] : []));
    // And the ClusterIssuer's.
    return new Set(names).size + 1;
  }

  it('may go away under an issuer, which says so', async () => {
    const secret = { namespace: 'web', name: 'vanishing' };
    await world.putCa(secret, root);
    await world.createIssuer('vanishing', { ca: { secretName: 'vanishing' } });
    await world.whenIssuer('Issuer', secret, 'KeyPairVerified');
    await world.client.resource(secrets).delete(secret);
    const ready = await world.whenIssuer('Issuer', secret, 'ErrGetKeyPair');
    assert.equal(ready.status, 'False');
  });
});

describe('a controller that works', () => {
  it('is ready, counts what it did, and logged no trouble', async () => {
    assert.equal(await controller.ready(), true);
    assert.ok((await controller.metric('certmount_controller_requests_total{outcome="issued"}')) >= 30);
    assert.equal(
      await controller.metric('certmount_controller_sync_errors_total{controller="certificaterequests"}'),
      0,
    );
    assert.equal(await controller.metric('certmount_controller_open_requests'), 0);
    assert.equal(await controller.metric('certmount_controller_leader'), 1);
    assert.deepEqual(controller.troubles(), []);
    assert.deepEqual(
      controller.log.filter((line) => line.includes('an Event was not written')),
      [],
    );
  });
});
