import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { getCondition } from '../../src/api/condition.ts';
import { bundles } from '../../src/api/bundle.ts';
import { configMaps, secrets } from '../../src/api/core.ts';
import { issuers } from '../../src/api/issuer.ts';
import type { IssuerSpec } from '../../src/api/issuer.ts';
import { encodePrivateKey, noAltNames } from '../../src/pki/index.ts';
import { eventually } from '../support/eventually.ts';
import { mayUse } from '../support/may-use.ts';
import { fromBase64, newCa, newCsr, newKey } from '../unit/controller/builders.ts';
import type { TestCa } from '../unit/controller/builders.ts';
import { certificateRequestPolicies } from '../../src/api/certificate-request-policy.ts';
import { refusal, SecurityWorld } from './support/security-world.ts';
import type { Actor } from './support/security-world.ts';

const day = 24 * 60 * 60 * 1000;
const previousLabel = { 'certmount.io/previous-ca': 'true' };

let world: SecurityWorld;
/** Who has the role `edit` in `web`, and may make issuers and requests there, as cert-manager's own roles let such people. */
let editor: Actor;

before(async () => {
  world = await SecurityWorld.start({ controllerManager: true });
  await world.cluster.apply([...roles(), ...mayUse('of-the-editor', { kind: 'User', name: 'editor' })]);
  await world.admin.resource(certificateRequestPolicies).create({
    metadata: { name: 'of-the-editor' },
    spec: { selector: { issuerRef: { name: 'self' } }, allowed: { commonName: { value: '*' } } },
  });
  editor = await world.actor({ user: 'editor', groups: ['team'] });
  const key = { namespace: 'web', name: 'probe' };
  await eventually('the role edit to be made up of its parts', async () => {
    await editor.client.resource(configMaps).create({ metadata: key, data: {} });
    return true;
  });
});
after(() => world.stop());

describe('an issuer of whoever may edit a namespace', () => {
  it('reads no Secret of another namespace, however it is named', async () => {
    await world.putSecret({ namespace: 'store', name: 'only-there' }, pair(world.root));
    for (const [n, secretName] of [
      'mesh',
      'only-there',
      'certmount/mesh',
      '../certmount/mesh',
      '../../certmount/secrets/mesh',
      'certmount%2Fmesh',
      '%2e%2e%2fcertmount',
      'mesh,metadata.namespace=certmount',
      '..',
      '.',
    ].entries()) {
      const name = `foreign-${n}`;
      const made = createIssuer(name, { ca: { secretName } }).then(() => undefined, String);
      if ((await made) !== undefined) continue;
      const condition = await eventually(
        `a word on ${secretName}`,
        async () => {
          const { status } = await world.admin.resource(issuers).get({ namespace: 'web', name });
          return getCondition(status?.conditions, 'Ready');
        },
        10_000,
      ).catch(() => undefined);
      assert.notEqual(condition?.status, 'True', secretName);
    }
    await createIssuer('own', { ca: { secretName: 'ca' } });
    await whenReady('own');
  });

  it('signs with no key of another namespace that a request names', async () => {
    await createIssuer('self', { selfSigned: {} });
    await whenReady('self');
    const key = await newKey();
    const csr = await newCsr({ key, subject: { commonName: 'x' }, altNames: noAltNames });
    const text = { 'tls.key': encodePrivateKey(key, 'PKCS8') };
    await world.putSecret({ namespace: 'store', name: 'theirs' }, text);
    await world.putSecret({ namespace: 'web', name: 'mine' }, text);
    const ask = (name: string): ReturnType<SecurityWorld['forge']> =>
      world.forge(editor, {
        csr,
        issuerRef: { name: 'self' },
        annotations: { 'cert-manager.io/private-key-secret-name': name },
      });
    await world.assertIssued(await ask('mine'));
    for (const name of ['theirs', 'store/theirs', '../store/theirs', '../../store/secrets/theirs', '..']) {
      const request = await ask(name);
      const said = await eventually(
        'what became of it',
        async () => {
          const { conditions, certificate } = (await world.request(request)).status ?? {};
          assert.equal(certificate, undefined, name);
          return getCondition(conditions, 'Ready')?.message;
        },
        3_000,
      ).catch(() => 'nothing');
      assert.doesNotMatch(said, /BEGIN|PRIVATE/);
    }
  });

  it('says nothing of what is in a Secret that is no key pair', async () => {
    await world.putSecret({ namespace: 'web', name: 'odd' }, { 'tls.crt': 'hunter2', 'tls.key': 'hunter3' });
    await createIssuer('odd', { ca: { secretName: 'odd' } });
    const ready = await eventually('a word on it', async () => {
      const { status } = await world.admin.resource(issuers).get({ namespace: 'web', name: 'odd' });
      return getCondition(status?.conditions, 'Ready');
    });
    assert.equal(ready.status, 'False');
    assert.doesNotMatch(JSON.stringify([ready, world.controller.log]), /hunter/);
  });

  it('is not that of another namespace, and approves nobody', async () => {
    const said = await refusal(world.forge(editor, { namespace: 'store' }));
    assert.match(said, /cannot create resource "certificaterequests" .* in the namespace "store"/);
    // Not for a pod, and no policy that the editor may use: nobody's to decide.
    const pod = await world.pod();
    const asDriver = await refusal(world.ask(editor, pod));
    assert.match(asDriver, /labels of csi\.certmount\.io are for the driver/);
    await world.assertLeft(await world.ask(editor, pod, { labels: {} }));
    await world.assertLeft(await world.forge(editor));
  });
});

describe('a Secret beside that of an issuer', () => {
  it('is not signed with, replaced or deleted when somebody planted it before a rotation', async () => {
    const [old, next, planted] = [await ca('Old'), await ca('Next'), await ca('Planted')];
    const beside = { namespace: 'web', name: 'moving-certmount-previous' };
    await world.putSecret(beside, pair(planted), editor.client);
    await world.putSecret({ namespace: 'web', name: 'moving' }, pair(old), editor.client);
    await createIssuer('moving', { ca: { secretName: 'moving' } });
    await whenReady('moving');
    const driver = await world.driver('node-a');
    const issuerOf = async (): Promise<string> => {
      const key = await world.ask(driver, await world.pod(), { issuerRef: { name: 'moving' } });
      const { status } = await world.assertIssued(key);
      return new X509Certificate(fromBase64(status?.certificate)).issuer;
    };
    assert.equal(await issuerOf(), 'CN=Old');
    await editor.client.resource(secrets).delete({ namespace: 'web', name: 'moving' });
    await world.putSecret({ namespace: 'web', name: 'moving' }, pair(next), editor.client);
    const key = { namespace: 'web', name: 'moving' };
    const signers = new Set<string>();
    await eventually(
      'the new CA to sign',
      async () => {
        signers.add(await issuerOf());
        return signers.has('CN=Next') || undefined;
      },
      60_000,
      500,
    );
    assert.ok(
      [...signers].every((name) => name === 'CN=Old' || name === 'CN=Next'),
      [...signers].join(),
    );
    const { data } = await world.admin.resource(secrets).get(beside);
    assert.equal(fromBase64(data?.['tls.crt']), planted.pem);
    await world.admin.resource(issuers).delete(key);
  });

  it('is nothing to the next leader when it is labelled as if it were the controller’s', async () => {
    const planted = await ca('Planted');
    const hostile: readonly Record<string, string>[] = [
      pair(planted),
      { 'tls.crt': planted.pem, 'tls.key': 'x' },
      { 'tls.crt': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'tls.key': 'x' },
      { 'tls.crt': '\0'.repeat(1000), 'tls.key': '-----BEGIN PRIVATE KEY-----\n' },
      {},
      { ...pair(planted), 'ca.crt': planted.pem.repeat(500) },
      { junk: 'x'.repeat(700_000) },
    ];
    for (const [n, texts] of hostile.entries()) {
      const name = n === 0 ? 'ca-certmount-previous' : `planted-${n}`;
      await world.putSecret({ namespace: 'web', name, labels: previousLabel }, texts, editor.client);
    }
    await world.restartController();
    const driver = await world.driver('node-a');
    const { status } = await world.assertIssued(await world.ask(driver, await world.pod()));
    const certificate = new X509Certificate(fromBase64(status?.certificate));
    assert.equal(certificate.issuer, 'CN=Root');
    assert.equal(fromBase64(status?.ca).trim(), world.root.pem.trim());
  });
});

describe('a Bundle', () => {
  it('takes nothing from namespaces but the trust namespace, and publishes no key', async () => {
    await world.admin.resource(bundles).create({
      metadata: { name: 'curious' },
      spec: {
        sources: [
          { secret: { name: 'only-there', key: 'tls.crt' } },
          { secret: { name: 'mesh', key: 'tls.key' } },
          { inLine: world.root.pem },
        ],
        target: { configMap: { key: 'ca.crt' } },
      },
    });
    const { data = {} } = await eventually('the target', () =>
      world.admin.resource(configMaps).get({ namespace: 'web', name: 'curious' }),
    );
    assert.equal((data['ca.crt'] ?? '').split('BEGIN').length, 2);
    assert.doesNotMatch(JSON.stringify(data), /PRIVATE/);
  });
});

describe('a policy', () => {
  it('is not the editor’s to make, and a rule that no one may use gives nothing', async () => {
    const spec = { selector: { issuerRef: {} }, allowed: { dnsNames: { values: ['*'] } } };
    const open = { metadata: { name: 'open' }, spec };
    const said = await refusal(editor.client.resource(certificateRequestPolicies).create(open));
    assert.match(said, /cannot create resource "certificaterequestpolicies"/);
    await world.admin.resource(certificateRequestPolicies).create(open);
    await world.assertLeft(await world.forge(editor));
  });
});

function pair(of: TestCa): Record<string, string> {
  return { 'tls.crt': of.pem, 'tls.key': encodePrivateKey(of.key, 'PKCS8') };
}

function ca(commonName: string): Promise<TestCa> {
  const notBefore = new Date(Date.now() - day);
  return newCa({ subject: { commonName }, notBefore, notAfter: new Date(Date.now() + 365 * day) });
}

async function createIssuer(name: string, spec: IssuerSpec): Promise<void> {
  await editor.client.resource(issuers).create({ metadata: { namespace: 'web', name }, spec });
}

function whenReady(name: string): Promise<true> {
  return eventually(`the issuer ${name} to be ready`, async () => {
    const { status } = await world.admin.resource(issuers).get({ namespace: 'web', name });
    return getCondition(status?.conditions, 'Ready')?.status === 'True' || undefined;
  });
}

/** Of cert-manager's chart: cert-manager-edit, which it adds to the role `edit`. */
function roles(): object[] {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const apiGroup = 'rbac.authorization.k8s.io';
  const subjects = [{ kind: 'User', apiGroup, name: 'editor' }];
  const verbs = ['get', 'list', 'watch', 'create', 'delete', 'deletecollection', 'patch', 'update'];
  const rule = { apiGroups: ['cert-manager.io'], resources: ['certificaterequests', 'issuers'], verbs };
  const labels = { 'rbac.authorization.k8s.io/aggregate-to-edit': 'true' };
  return [
    { apiVersion, kind: 'ClusterRole', metadata: { name: 'cert-manager-edit', labels }, rules: [rule] },
    {
      apiVersion,
      kind: 'RoleBinding',
      metadata: { namespace: 'web', name: 'editor' },
      roleRef: { apiGroup, kind: 'ClusterRole', name: 'edit' },
      subjects,
    },
  ];
}
