import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { certificateSigningRequests } from '../../../src/api/certificate-signing-request.ts';
import type {
  CertificateSigningRequest,
  CertificateSigningRequestSpec,
} from '../../../src/api/certificate-signing-request.ts';
import { events } from '../../../src/api/core.ts';
import { readListed } from '../../../src/controller/read-listed.ts';
import { KubeClient, systemClock } from '../../../src/kube/index.ts';
import type { ObjectMeta } from '../../../src/kube/index.ts';
import { encodePrivateKey, parseChain } from '../../../src/pki/index.ts';
import { controllerCredentials } from '../../support/controller-credentials.ts';
import { eventually } from '../../support/eventually.ts';
import { base64, fromBase64, newCa, newCsr, newKey } from '../../unit/controller/builders.ts';
import type { TestCa } from '../../unit/controller/builders.ts';
import { startController } from '../controller/support/controller.ts';
import type { RunningController } from '../controller/support/controller.ts';
import { World } from '../controller/support/world.ts';

const day = 86_400_000;
const duration = 'experimental.cert-manager.io/request-duration';

describe('CertificateSigningRequests to issuers', { timeout: 120_000 }, () => {
  let world: World;
  let controller: RunningController;
  let jane: KubeClient;
  let root: TestCa;
  let made = 0;
  const kubectl = (...args: string[]): Promise<string> => world.cluster.kubectl(args);

  before(async () => {
    const validity = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + 365 * day) };
    root = await newCa(validity);
    const intermediate = await newCa({ parent: root, ...validity });
    world = await World.start();
    for (const namespace of ['web', 'certmount']) {
      await world.putCa({ namespace, name: 'ca' }, intermediate, [root]);
    }
    await world.createIssuer('ca', { ca: { secretName: 'ca' } });
    await world.createClusterIssuer('ca', { ca: { secretName: 'ca' } });
    await world.createClusterIssuer('self', { selfSigned: {} });
    await kubectl('create', 'clusterrole', 'ask', '--verb=create,get', '--resource=csr');
    await kubectl('create', 'clusterrolebinding', 'ask', '--clusterrole=ask', '--user=jane');
    jane = new KubeClient(
      { connection: await world.cluster.connection({ user: 'jane', groups: [] }), userAgent: 'test' },
      { clock: systemClock, random: Math.random },
    );
    controller = await startController(world);
  });
  after(async () => {
    jane?.close();
    await controller?.stop();
    await world?.stop();
  });

  it('are signed once kubectl has approved them, and OpenSSL verifies what comes', async () => {
    const name = await ask({ expirationSeconds: 7200 });
    assert.ok(await event(name, 'WaitingApproval'));
    const before = await world.client.resource(certificateSigningRequests).get({ name });
    assert.equal(before.status?.certificate, undefined, 'nobody has approved it');
    await kubectl('certificate', 'approve', name);
    const { status } = await answered(name);
    assert.equal(status?.conditions?.[0]?.type, 'Approved');
    const text = verify(fromBase64(status.certificate));
    assert.match(text, /TLS Web Client Authentication/);
    assert.ok(await event(name, 'CertificateIssued'));
  });

  it('to an Issuer need the permission to reference it, which a role of its namespace gives', async () => {
    const signerName = 'issuers.cert-manager.io/web.ca';
    const refused = await ask({ signerName });
    await kubectl('certificate', 'approve', refused);
    const { status } = await answered(refused);
    const failed = status?.conditions?.find(({ type }) => type === 'Failed');
    assert.deepEqual(
      [failed?.reason, failed?.message],
      ['DeniedReference', 'Requester may not reference Namespaced Issuer web/ca'],
    );
    const rbac = 'rbac.authorization.k8s.io';
    const metadata = { namespace: 'web', name: 'reference' };
    await world.cluster.apply([
      {
        apiVersion: `${rbac}/v1`,
        kind: 'Role',
        metadata,
        rules: [
          {
            apiGroups: ['cert-manager.io'],
            resources: ['signers'],
            resourceNames: ['ca'],
            verbs: ['reference'],
          },
        ],
      },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: rbac, kind: 'Role', name: 'reference' },
        subjects: [{ apiGroup: rbac, kind: 'User', name: 'jane' }],
      },
    ]);
    const allowed = await ask({ signerName });
    await kubectl('certificate', 'approve', allowed);
    assert.ok((await answered(allowed)).status?.certificate);
  });

  it('fail for a lifetime below ten minutes, with the reason that cert-manager gives', async () => {
    const name = await ask({}, { [duration]: '5m' });
    await kubectl('certificate', 'approve', name);
    const failed = (await answered(name)).status?.conditions?.find(({ type }) => type === 'Failed');
    assert.deepEqual([failed?.reason, failed?.status], ['InvalidDuration', 'True']);
    assert.ok(await event(name, 'InvalidDuration'));
  });

  it('keep labels, annotations, finalizers and owners, issued or failed', async () => {
    const held = {
      labels: { team: 'web' },
      finalizers: ['example.com/held'],
      ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: 'u-1' }],
    };
    for (const [last, annotations] of [
      ['Approved', { 'example.com/note': 'kept' }],
      ['Failed', { 'example.com/note': 'kept', [duration]: '5m' }],
    ] as const) {
      const name = await ask({}, annotations, held);
      await kubectl('certificate', 'approve', name);
      const { metadata, status } = await answered(name);
      await kubectl('patch', 'csr', name, '--type=merge', '--patch={"metadata":{"finalizers":null}}');
      assert.equal(status?.conditions?.at(-1)?.type, last);
      const { labels, finalizers, ownerReferences } = metadata;
      assert.deepEqual({ labels, finalizers, ownerReferences }, held);
      assert.deepEqual(metadata.annotations, annotations);
    }
  });

  it('are left alone when they are denied', async () => {
    const name = await ask({});
    await kubectl('certificate', 'deny', name);
    const last = await ask({});
    await kubectl('certificate', 'approve', last);
    await answered(last);
    const { status } = await world.client.resource(certificateSigningRequests).get({ name });
    assert.deepEqual([status?.certificate, status?.conditions?.length], [undefined, 1]);
  });

  it('are signed with their own key by a SelfSigned issuer', async () => {
    const key = await newKey();
    await world.putSecret(
      { namespace: 'certmount', name: 'own-key' },
      { 'tls.key': encodePrivateKey(key, 'PKCS8') },
    );
    const request = base64(await newCsr({ key, subject: { commonName: 'own' } }));
    const name = await ask(
      { signerName: 'clusterissuers.cert-manager.io/self', request },
      { 'experimental.cert-manager.io/private-key-secret-name': 'own-key' },
    );
    await kubectl('certificate', 'approve', name);
    const pem = fromBase64((await answered(name)).status?.certificate);
    assert.match(verify(pem, pem), /Issuer: CN ?= ?own/);
  });

  it('wait for the Secret of their own key, and go on as soon as it is there and right', async () => {
    const key = await newKey();
    const name = await ask(
      {
        signerName: 'clusterissuers.cert-manager.io/self',
        request: base64(await newCsr({ key, subject: { commonName: 'late' } })),
      },
      { 'experimental.cert-manager.io/private-key-secret-name': 'late-key' },
    );
    await kubectl('certificate', 'approve', name);
    assert.equal(await event(name, 'SecretNotFound'), 'Referenced Secret certmount/late-key not found');
    const secret = { namespace: 'certmount', name: 'late-key' };
    await world.putSecret(secret, { 'tls.key': 'none' });
    await event(name, 'ErrorParsingKey');
    await world.putSecret(secret, { 'tls.key': encodePrivateKey(key, 'PKCS8') });
    assert.ok((await answered(name)).status?.certificate);
    assert.equal(await event(name, 'CertificateIssued'), 'Certificate self signed successfully');
  });

  it('are read again, after an answer that was lost, with the rights of the controller', async () => {
    const name = await ask({});
    const asked = await world.client.resource(certificateSigningRequests).get({ name });
    const connection = await world.cluster.connection(controllerCredentials);
    const client = new KubeClient(
      { connection, userAgent: 'test' },
      { clock: systemClock, random: Math.random },
    );
    const resource = client.resource(certificateSigningRequests);
    assert.equal((await readListed(resource, asked))?.metadata.name, name);
    const another = { ...asked, metadata: { ...asked.metadata, uid: 'another' } };
    assert.equal(await readListed(resource, another), undefined);
    client.close();
  });

  it('of any name that the API takes have Events, in any language', async () => {
    const name = await ask({}, { [duration]: 'ä'.repeat(2000) }, {}, 'Jane:2026');
    await kubectl('certificate', 'approve', name);
    assert.match(await event(name, 'ErrorParseDuration'), /ää/);
  });

  it('live as long as they ask for, and no second longer', async () => {
    const name = await ask({ expirationSeconds: 3333 });
    await kubectl('certificate', 'approve', name);
    const [leaf] = parseChain(fromBase64((await answered(name)).status?.certificate));
    assert.ok(leaf);
    assert.equal(leaf.notAfter.getTime() - leaf.notBefore.getTime(), 3_333_000);
  });

  it('that were approved while no controller led are signed by the next', async () => {
    await controller.stop();
    const name = await ask({});
    await kubectl('certificate', 'approve', name);
    controller = await startController(world);
    assert.ok((await answered(name)).status?.certificate);
  });

  async function ask(
    spec: Partial<CertificateSigningRequestSpec>,
    annotations: Record<string, string> = {},
    metadata: ObjectMeta = {},
    name = `csr-${++made}`,
  ): Promise<string> {
    await jane.resource(certificateSigningRequests).create({
      metadata: { ...metadata, name, annotations },
      spec: {
        request: base64(await newCsr()),
        signerName: 'clusterissuers.cert-manager.io/ca',
        usages: ['digital signature', 'client auth'],
        ...spec,
      },
    });
    return name;
  }

  function answered(name: string): Promise<CertificateSigningRequest> {
    return eventually(`an answer to ${name}`, async () => {
      const request = await world.client.resource(certificateSigningRequests).get({ name });
      const { certificate, conditions = [] } = request.status ?? {};
      return certificate !== undefined || conditions.some(({ type }) => type === 'Failed')
        ? request
        : undefined;
    });
  }

  function event(name: string, reason: string): Promise<string> {
    return eventually(`the Event ${reason} of ${name}`, async () => {
      const { items } = await world.client.resource(events).list({ namespace: 'default' });
      const found = items.find((one) => one.regarding?.name === name && one.reason === reason);
      return found?.regarding?.apiVersion === 'certificates.k8s.io/v1' ? found.note : undefined;
    });
  }

  /** @returns `openssl x509 -text` of the leaf */
  function verify(chain: string, anchors = root.pem): string {
    const folder = mkdtempSync(join(tmpdir(), 'certmount-openssl-'));
    try {
      const [ca, file] = [join(folder, 'ca.pem'), join(folder, 'chain.pem')];
      writeFileSync(ca, anchors);
      writeFileSync(file, chain);
      execFileSync('openssl', ['verify', '-CAfile', ca, '-untrusted', file, file], { stdio: 'pipe' });
      return execFileSync('openssl', ['x509', '-in', file, '-noout', '-text']).toString();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
});
