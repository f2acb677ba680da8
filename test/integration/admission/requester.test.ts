import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CertificateRequest, CertificateRequestSpec } from '../../../src/api/certificate-request.ts';
import { isKubeError, type KubeClient } from '../../../src/kube/index.ts';
import { labelValue } from '../../../src/driver/volume/issuance/labels.ts';
import { Requester } from '../../../src/driver/volume/issuance/requester.ts';
import { driverCredentials, type BoundServiceAccount } from '../../support/node-identity.ts';
import { driver } from '../../unit/controller/builders.ts';
import { AdmissionWorld, refusal } from './support/admission-world.ts';

type Identity = Pick<CertificateRequestSpec, 'username' | 'uid' | 'groups' | 'extra'>;

const claims = {
  credential: 'authentication.kubernetes.io/credential-id',
  node: 'authentication.kubernetes.io/node-name',
  nodeUid: 'authentication.kubernetes.io/node-uid',
  pod: 'authentication.kubernetes.io/pod-name',
  podUid: 'authentication.kubernetes.io/pod-uid',
} as const;

describe('who made a request', { timeout: 120_000 }, () => {
  let world: AdmissionWorld;
  let mallory: KubeClient;
  let driverOnA: KubeClient;
  let credentials: BoundServiceAccount;
  let ofMallory: Identity;
  let ofDriver: Identity;

  before(async () => {
    world = await AdmissionWorld.start();
    const rules = [{ apiGroups: ['cert-manager.io'], resources: ['certificaterequests'], verbs: ['create'] }];
    await world.grant('requester', ['mallory', 'impersonator'], rules);
    await world.grant(
      'impersonator',
      ['impersonator'],
      [{ apiGroups: [''], resources: ['serviceaccounts'], verbs: ['impersonate'] }],
    );
    credentials = await driverCredentials(world.admin, 'node-a');
    mallory = await world.client({ user: 'mallory', groups: ['developers'] });
    driverOnA = await world.client(credentials);
    ofMallory = await whoIs(mallory);
    ofDriver = await whoIs(driverOnA);
  });
  after(() => world?.stop());

  describe('where clients fill it in', () => {
    it('refuses the name of another, that of the driver above all', async () => {
      for (const username of [driver, 'system:admin', 'Mallory', 'mallory ', '']) {
        const expected = `spec.username is "${username}" and must be that of the requester, "mallory"`;
        await assertRefused(mallory, { ...ofMallory, username }, expected);
      }
    });

    it('refuses a uid that is not that of the requester, also when it is left out', async () => {
      await assertRefused(mallory, { ...ofMallory, uid: 'forged' }, 'spec.uid is "forged" and must be');
      const { uid, ...withoutUid } = ofDriver;
      assert.ok(uid !== undefined && uid !== '');
      await assertRefused(driverOnA, withoutUid, 'spec.uid is "" and must be');
      await assertRefused(driverOnA, { ...ofDriver, uid: 'another' }, `"another" and must be that of`);
    });

    it('refuses groups that are not those of the requester, also when they are left out', async () => {
      const { groups = [], ...withoutGroups } = ofMallory;
      const expected =
        'and must be those of the requester, [' + ['developers', 'system:authenticated'].join(', ');
      for (const forged of [
        { ...ofMallory, groups: [...groups, 'system:masters'] },
        { ...ofMallory, groups: groups.slice(1) },
        withoutGroups,
      ])
        await assertRefused(mallory, forged, expected);
    });

    it('refuses every claim of the credentials that is forged, added to or left out', async () => {
      const { extra = {}, ...rest } = ofDriver;
      assert.deepEqual(Object.keys(extra).toSorted(), Object.values(claims).toSorted());
      for (const claim of Object.values(claims)) {
        const values = extra[claim] ?? [];
        const { [claim]: _, ...without } = extra;
        for (const forged of [
          { ...extra, [claim]: ['another'] },
          { ...extra, [claim]: [...values, 'another'] },
          without,
        ])
          await assertRefused(driverOnA, { ...rest, extra: forged }, `and differs in [${claim}]`);
      }
      await assertRefused(driverOnA, { ...rest, extra: { ...extra, more: ['x'] } }, 'differs in [more]');
      await assertRefused(driverOnA, rest, 'spec.extra must be that of');
    });

    it('refuses a node or a pod that the credentials do not name', async () => {
      const { extra = {}, ...rest } = ofMallory;
      const forged = { ...extra, [claims.node]: ['node-a'] };
      await assertRefused(mallory, { ...rest, extra: forged }, `and differs in [${claims.node}]`);
    });

    it('refuses a request in nobody’s name that says something of somebody', async () => {
      const { extra = {} } = ofDriver;
      await assertRefused(mallory, { extra }, 'spec.username is "" and must be');
      await assertRefused(mallory, { groups: ['system:masters'] }, 'spec.username is "" and must be');
      await assertRefused(mallory, { uid: 'forged' }, 'spec.username is "" and must be');
    });

    it('does not take impersonation of the driver for its node', async () => {
      const asDriver = await world.client({ user: 'impersonator' }, driver);
      await assertRefused(asDriver, ofDriver, 'spec.uid is');
      const impersonated = await whoIs(asDriver);
      assert.equal(impersonated.username, driver);
      const { extra = {} } = ofDriver;
      await assertRefused(asDriver, { ...impersonated, extra }, 'spec.extra must be that of');
    });

    it('takes what the requester truly is', async () => {
      assert.equal(await refusal(world.request(mallory, ofMallory)), undefined);
      assert.equal(await refusal(world.request(driverOnA, ofDriver)), undefined);
    });

    it('takes what the driver says of itself, and what it says for a pod', async () => {
      const { token = () => Promise.resolve('') } = await world.cluster.connection(credentials);
      const own = new Requester({}, { client: driverOnA, token: () => token() });
      assert.equal(await refusal(world.request(driverOnA, await own.identity())), undefined);

      const pod = await driverCredentials(world.admin, 'node-a', { namespace: 'web', name: 'app' });
      await world.grant(
        'workload',
        ['web/app'],
        [{ apiGroups: ['cert-manager.io'], resources: ['certificaterequests'], verbs: ['create'] }],
      );
      const podToken = await (await world.cluster.connection(pod)).token?.();
      const ofPod = await own.identity(podToken);
      assert.equal(ofPod.username, 'system:serviceaccount:web:app');
      assert.equal(await refusal(world.request(driverOnA, { ...ofPod, token: podToken })), undefined);
      // The driver's own credentials are not the pod's.
      await assertRefused(driverOnA, ofPod, 'spec.username is "system:serviceaccount:web:app"');
    });

    it('takes a request of nobody, but from the driver', async () => {
      const { spec } = await world.request(mallory);
      assert.equal(spec.username, undefined);
      await assertRefused(driverOnA, {}, 'spec.username is "" and must be that of the requester');
      assert.equal(
        await refusal(world.request(mallory, { username: '', uid: '', groups: [], extra: {} })),
        undefined,
      );
    });
  });

  describe('with the labels by which drivers find their requests', () => {
    const labelsOf = (node: string): Record<string, string> => ({
      'csi.certmount.io/driver': 'csi.certmount.io',
      'csi.certmount.io/node': node,
    });
    const refused = 'labels of csi.certmount.io are for the driver';
    let pod: KubeClient;
    let ofPod: Identity;

    before(async () => {
      pod = await world.client(
        await driverCredentials(world.admin, 'node-a', { namespace: 'web', name: 'app' }),
      );
      const rules = [
        { apiGroups: ['cert-manager.io'], resources: ['certificaterequests'], verbs: ['create'] },
      ];
      await world.grant('labelled', ['web/app', 'web/elsewhere'], rules);
      ofPod = await whoIs(pod);
    });

    it('refuses those of people, whatever else they have', async () => {
      for (const labels of [labelsOf('node-a'), labelsOf(''), { 'csi.certmount.io/volume': 'csi-1' }])
        assert.match((await refusal(world.request(mallory, { labels }))) ?? '', new RegExp(refused));
      assert.equal(
        await refusal(world.request(mallory, { labels: { app: 'web', 'certmount.io/node': 'node-a' } })),
        undefined,
      );
    });

    it('takes those of a driver', async () => {
      assert.equal(
        await refusal(world.request(driverOnA, { ...ofDriver, labels: labelsOf('node-a') })),
        undefined,
      );
    });

    it('takes those of a pod on the node that they name, and on no other', async () => {
      assert.equal(await refusal(world.request(pod, { ...ofPod, labels: labelsOf('node-a') })), undefined);
      for (const node of ['node-b', 'node-a.x', ''])
        assert.match(
          (await refusal(world.request(pod, { ...ofPod, labels: labelsOf(node) }))) ?? '',
          new RegExp(refused),
        );
    });

    it('takes those of a pod on a node whose name is longer than a label', async () => {
      const node = `${'n.'.repeat(35)}one`;
      const elsewhere = await world.client(
        await driverCredentials(world.admin, node, { namespace: 'web', name: 'elsewhere' }),
      );
      const identity = await whoIs(elsewhere);
      const request = (label: string): Promise<CertificateRequest> =>
        world.request(elsewhere, { ...identity, labels: labelsOf(label) });
      assert.equal(await refusal(request(labelValue(node))), undefined);
      assert.match((await refusal(request('node-a'))) ?? '', new RegExp(refused));
    });
  });

  describe('where the API server fills it in', () => {
    before(() => world.fillIdentities());

    it('overwrites whatever was forged', async () => {
      for (const forged of [
        { username: driver },
        { ...ofDriver },
        { uid: 'forged' },
        { ...ofMallory, groups: ['system:masters'], extra: { [claims.node]: ['node-a'] } },
      ]) {
        const { spec } = await world.request(mallory, forged);
        assert.deepEqual(identityIn(spec), ofMallory);
      }
    });

    it('fills in what is left out, for people and for pods', async () => {
      assert.deepEqual(identityIn((await world.request(mallory)).spec), ofMallory);
      assert.deepEqual(identityIn((await world.request(driverOnA)).spec), ofDriver);
    });

    it('leaves a driver that fills it in itself as it is', async () => {
      assert.deepEqual(identityIn((await world.request(driverOnA, ofDriver)).spec), ofDriver);
    });

    it('still says what is wrong with a request that has no spec', async () => {
      const path = '/apis/cert-manager.io/v1/namespaces/web/certificaterequests';
      const body = {
        apiVersion: 'cert-manager.io/v1',
        kind: 'CertificateRequest',
        metadata: { name: 'empty' },
      };
      await assert.rejects(mallory.request({ method: 'POST', path, body }), (error) =>
        isKubeError(error, 'invalid'),
      );
    });
  });

  async function assertRefused(client: KubeClient, identity: Identity, expected: string): Promise<void> {
    const said = (await refusal(world.request(client, identity))) ?? 'nothing';
    assert.ok(said.includes(expected), `${JSON.stringify(identity)}: ${said}`);
  }
});

/** Absent fields are left out. */
function identityIn({ extra, groups, uid, username }: Identity): Identity {
  return {
    ...(username !== undefined && { username }),
    ...(uid !== undefined && { uid }),
    ...(groups !== undefined && { groups }),
    ...(extra !== undefined && { extra }),
  };
}

async function whoIs(client: KubeClient): Promise<Identity> {
  return new Requester({}, { client, token: () => Promise.resolve(undefined) }).identity();
}
