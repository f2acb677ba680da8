import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { certificateRequests } from '../../src/api/certificate-request.ts';
import type { Pod } from '../../src/api/core.ts';
import { toUsages } from '../../src/api/usages.ts';
import { requestObject } from '../../src/driver/volume/issuance/request-object.ts';
import type { VolumeSpec } from '../../src/driver/volume/volume-spec.ts';
import type { ObjectKey } from '../../src/kube/index.ts';
import { createRequest } from '../../src/pki/index.ts';
import { eventually } from '../support/eventually.ts';
import { boundTo, deletePod, setPodStatus } from '../support/node-identity.ts';
import { newKey } from '../unit/controller/builders.ts';
import { parseSource, sourceOf } from '../unit/driver/support/builders.ts';
import { csrFor, ownerOf, refusal, SecurityWorld, spiffeIdOf } from './support/security-world.ts';
import type { Actor } from './support/security-world.ts';

let world: SecurityWorld;
let driver: Actor;

before(async () => {
  world = await SecurityWorld.start({ controllerFlags: ['--approve-pods'] });
  driver = await world.driver('node-a');
});
after(() => world.stop());

describe("a workload's own token", () => {
  it('makes no requests where nobody has let it', async () => {
    const pod = await world.pod();
    const said = await refusal(world.ask(await world.actor(boundTo(pod)), pod));
    assert.match(said, /cannot create resource "certificaterequests"/);
    await world.assertIssued(await world.ask(driver, pod));
  });

  it('gets what its pod may have, and nothing of another pod, account or namespace', async () => {
    await letWorkloadsAsk('web');
    const [pod, sibling] = [await world.pod(), await world.pod()];
    const other = await world.pod({ serviceAccount: 'back' });
    const actor = await world.actor(boundTo(pod));
    await eventually('the role to be in force', async () => (await world.ask(actor, pod), true));
    await world.assertIssued(await world.ask(actor, pod));
    for (const csr of [
      await csrFor({ uris: [spiffeIdOf(other)] }),
      await csrFor({ dnsNames: [`${sibling.metadata.name}.web`] }),
      await csrFor({ uris: ['spiffe://cluster.local/ns/store/sa/app'] }),
    ])
      await world.assertDenied(await world.ask(actor, pod, { csr }), /must be/);
    for (const owners of [[ownerOf(sibling)], [ownerOf(other)], [], [ownerOf(pod), ownerOf(sibling)]])
      await world.assertDenied(
        await world.ask(actor, pod, { owners }),
        /to which the requester's credentials are bound/,
      );
    assert.match(await refusal(world.ask(actor, pod, { namespace: 'store' })), /in the namespace "store"/);
  });

  it('forges no claims: those of another pod, of its node’s driver, or none', async () => {
    const [pod, other] = [await world.pod(), await world.pod({ serviceAccount: 'back' })];
    const actor = await world.actor(boundTo(pod));
    const theirs = await world.actor(boundTo(other));
    for (const forged of [theirs.identity, driver.identity, { extra: {} }, { uid: 'x' }, { groups: [] }])
      assert.match(
        await refusal(world.ask(actor, pod, { ...forged })),
        /must be (that|those) of the requester/,
      );
    await world.assertIssued(await world.ask(actor, pod));
  });

  it('is nobody’s to approve without the driver’s mark, whatever it asks for', async () => {
    const pod = await world.pod();
    const actor = await world.actor(boundTo(pod));
    await world.assertLeft(await world.ask(actor, pod, { labels: {} }));
    const unbound = await world.actor({ serviceAccount: { namespace: 'web', name: 'app' } });
    await world.assertLeft(await world.ask(unbound, pod, { labels: {} }));
    assert.match(await refusal(world.ask(unbound, pod)), /labels of csi\.certmount\.io are for the driver/);
  });

  it('changes and deletes no requests, its own neither', async () => {
    const pod = await world.pod();
    const actor = await world.actor(boundTo(pod));
    const key = await world.ask(actor, pod);
    const resource = actor.client.resource(certificateRequests);
    assert.match(await refusal(resource.delete(key)), /cannot delete/);
    assert.match(await refusal(resource.patch(key, { metadata: { labels: {} } })), /cannot patch/);
    assert.match(await refusal(resource.list({ namespace: 'web' })), /cannot list/);
  });

  it('makes requests that only the driver of its node deletes', async () => {
    const pod = await world.pod();
    const key = await world.ask(await world.actor(boundTo(pod)), pod);
    const other = (await world.driver('node-b')).client.resource(certificateRequests);
    assert.match(await refusal(other.delete(key)), /may delete the requests of its own node alone/);
    await driver.client.resource(certificateRequests).delete(key);
  });

  it('ends with its pod', async () => {
    const pod = await world.pod();
    const actor = await world.actor(boundTo(pod));
    await world.assertIssued(await world.ask(actor, pod));
    await setPodStatus(world.admin, pod, { phase: 'Succeeded' });
    await world.assertDenied(await world.ask(actor, pod), /has ended/);
    await deletePod(world.admin, pod);
    await world.pod({ name: pod.metadata.name ?? '' });
    // The API server remembers for ten seconds that a token was good; the controller reads the pod.
    const asked = world.ask(actor, pod).then(
      (key) => world.assertDenied(key, /has uid .*, expected/),
      (error: unknown) => assert.match(String(error), /401/),
    );
    await asked;
  });
});

describe('the author of a pod, by the attributes of its volume', () => {
  const attacks: readonly (readonly [string, Record<string, string>, RegExp])[] = [
    ['another SPIFFE ID', { 'uri-sans': 'spiffe://cluster.local/ns/store/sa/app' }, /uris/],
    [
      'another account by a variable',
      { 'uri-sans': 'spiffe://${TRUST_DOMAIN}/ns/store/sa/${SERVICE_ACCOUNT_NAME}' },
      /uris/,
    ],
    ['a name of another namespace', { 'dns-names': 'db.store.svc.cluster.local' }, /dnsNames/],
    [
      'a name that its own is a part of',
      { 'dns-names': '${POD_NAME}.${POD_NAMESPACE}.example.org' },
      /dnsNames/,
    ],
    ['a wildcard', { 'dns-names': '*.web.svc.cluster.local' }, /dnsNames/],
    ['another address', { 'ip-sans': '10.96.0.1' }, /ipAddresses/],
    ['a common name', { 'common-name': 'admin' }, /commonName/],
    ['an organization', { 'literal-subject': 'CN=x,O=system:masters' }, /organizations|commonName/],
    ['an authority', { 'is-ca': 'true', 'common-name': 'x' }, /isCA/],
    ['other usages', { 'key-usages': 'digital signature,code signing' }, /usages/],
    ['ten years', { duration: '87600h' }, /duration/],
  ];
  for (const [what, attributes, says] of attacks)
    it(`gets no certificate with ${what}`, async () => {
      await world.assertDenied(await asksByAttributes(attributes), says);
    });

  it('names no Secret by which a SelfSigned issuer would sign, and no other controller’s annotation', async () => {
    const pod = await world.pod();
    for (const name of ['cert-manager.io/private-key-secret-name', 'certmount.io/ca-rotation'])
      assert.throws(
        () => specOf(pod, { [name]: 'ca', 'issuer-group': 'cert-manager.io' }),
        /for controllers to set/,
      );
  });

  it('gets what a pod may have', async () => {
    await world.assertIssued(await asksByAttributes({}));
    await world.assertIssued(await asksByAttributes({ 'dns-names': '${POD_NAME}.${POD_NAMESPACE}' }));
  });

  function specOf(pod: Pod, attributes: Record<string, string>): VolumeSpec {
    const { name = '', namespace = '', uid = '' } = pod.metadata;
    const source = sourceOf('/target', {
      'csi.storage.k8s.io/pod.name': name,
      'csi.storage.k8s.io/pod.namespace': namespace,
      'csi.storage.k8s.io/pod.uid': uid,
      'csi.storage.k8s.io/serviceAccount.name': pod.spec.serviceAccountName ?? '',
      ...attributes,
    });
    return parseSource(source);
  }

  /** What the driver of the pod's node makes of them. */
  async function asksByAttributes(attributes: Record<string, string>): Promise<ObjectKey> {
    const pod = await world.pod();
    const spec = specOf(pod, attributes);
    const { dnsNames, emailAddresses, ipAddresses, isCA, subject, uris, usages } = spec.certificate;
    const altNames = { dnsNames, emailAddresses, ipAddresses, uris };
    const signingRequest = await createRequest(
      { subject, altNames, isCA, usages: toUsages(usages, isCA) },
      await newKey(),
    );
    const object = requestObject(spec, {
      driverName: 'csi.certmount.io',
      nodeName: 'node-a',
      name: `${pod.metadata.name}-volume`,
      signingRequest,
      requester: driver.identity,
    });
    await driver.client.resource(certificateRequests).create(object);
    return { namespace: 'web', name: object.metadata.name ?? '' };
  }
});

/** As docs/operations.md says it, of the component token-request. */
async function letWorkloadsAsk(namespace: string): Promise<void> {
  const apiGroup = 'rbac.authorization.k8s.io';
  const apiVersion = `${apiGroup}/v1`;
  const name = 'certmount-workload';
  const rule = { apiGroups: ['cert-manager.io'], resources: ['certificaterequests'], verbs: ['create'] };
  await world.cluster.apply([
    { apiVersion, kind: 'ClusterRole', metadata: { name }, rules: [rule] },
    {
      apiVersion,
      kind: 'RoleBinding',
      metadata: { namespace, name },
      roleRef: { apiGroup, kind: 'ClusterRole', name },
      subjects: [{ apiGroup, kind: 'Group', name: `system:serviceaccounts:${namespace}` }],
    },
  ]);
}
