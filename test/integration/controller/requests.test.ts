import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { certificateRequestPolicies } from '../../../src/api/certificate-request-policy.ts';
import { certificateRequests } from '../../../src/api/certificate-request.ts';
import { getCondition, setCondition } from '../../../src/api/condition.ts';
import { events } from '../../../src/api/core.ts';
import type { ObjectKey } from '../../../src/kube/index.ts';
import { base64, newCa, newCsr } from '../../unit/controller/builders.ts';
import { startController } from './support/controller.ts';
import type { RunningController } from './support/controller.ts';
import { verifyIssued } from './support/openssl.ts';
import { eventually } from '../../support/eventually.ts';
import { World } from './support/world.ts';
import type { Asker } from './support/world.ts';

const day = 24 * 60 * 60 * 1000;
const root = await newCa({
  notBefore: new Date(Date.now() - day),
  notAfter: new Date(Date.now() + 365 * day),
});

let world: World;
let controller: RunningController;

before(async () => {
  world = await World.startWithCa(root);
  controller = await startController(world);
});
after(async () => {
  await controller.stop();
  await world.stop();
});

async function approve(key: ObjectKey, type: 'Approved' | 'Denied'): Promise<void> {
  const resource = world.client.resource(certificateRequests);
  const request = await resource.get(key);
  const condition = { type, status: 'True', reason: 'policy', message: 'by policy' } as const;
  const conditions = setCondition(request.status?.conditions, condition, Date.now());
  await resource.replaceStatus({ ...request, status: { ...request.status, conditions } });
}

async function resignedCsr(): Promise<string> {
  const der = Buffer.from((await newCsr()).replaceAll(/-----.*-----|\s/g, ''), 'base64');
  der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
  return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
}

/** Long enough for a controller that would act to have acted. */
async function settleController(): Promise<void> {
  await world.whenReady(await world.request());
  await new Promise((resolve) => setTimeout(resolve, 100));
}

describe('a request whose issuer is not there yet', () => {
  it('waits, says for what, and goes on by itself step by step', async () => {
    const request = await world.request({ issuerRef: { name: 'late' } });
    const message = async (text: string): Promise<void> => {
      await eventually(text, () =>
        Promise.resolve(getCondition(world.conditions(request), 'Ready')?.message === text || undefined),
      );
    };
    await message('Referenced "Issuer" not found: issuer.cert-manager.io "late" not found');
    assert.equal(getCondition(world.conditions(request), 'Approved')?.status, 'True');
    await world.createIssuer('late', { ca: { secretName: 'late' } });
    await message('Referenced issuer does not have a Ready status condition (ErrGetKeyPair)');
    await world.putCa({ namespace: 'web', name: 'late' }, root);
    await verifyIssued(await world.whenReady(request));
    assert.equal(world.conditions(request).length, 2);
  });

  it('waits for a type that is not served, which the issuer says too', async () => {
    const vault = {
      server: 'https://vault.example',
      path: 'pki/sign/a',
      auth: { tokenSecretRef: { name: 'token' } },
    };
    await world.createIssuer('vault', { vault });
    const ready = await world.whenIssuer(
      'Issuer',
      { namespace: 'web', name: 'vault' },
      'IssuerTypeNotSupported',
    );
    assert.equal(ready.status, 'False');
    const request = await world.whenReady(await world.request({ issuerRef: { name: 'vault' } }), 'Pending');
    assert.match(getCondition(request.status?.conditions, 'Ready')?.message ?? '', /is of type vault, which/);
  });
});

describe('a request that can never work', () => {
  /** Whoever approved it. */
  const fails = async (options: Parameters<World['request']>[0], expected: RegExp): Promise<void> => {
    const key = await world.request({ ...options, as: await world.somebody() });
    await approve(key, 'Approved');
    const { status } = await world.whenReady(key, 'Failed');
    assert.match(getCondition(status?.conditions, 'Ready')?.message ?? '', expected);
    assert.equal(getCondition(status?.conditions, 'InvalidRequest')?.status, 'True');
    assert.ok(status?.failureTime);
    assert.equal(status.certificate, undefined);
    const event = await eventually('an Event that says so', async () => {
      const { items } = await world.client.resource(events).list({ namespace: 'web' });
      return items.find(({ regarding }) => regarding?.name === key.name);
    });
    assert.equal(event.reason, 'InvalidRequest');
    assert.match(event.note ?? '', expected);
  };

  it('is garbage', () =>
    fails({ request: base64('garbage') }, /^spec\.request: not a usable certificate signing request/));

  it('is signed by another key', async () => {
    await fails({ request: base64(await resignedCsr()) }, /signature/);
  });

  it('is denied when a driver makes it', async () => {
    for (const csr of ['garbage', await resignedCsr()]) {
      const { status } = await world.whenReady(await world.request({ request: base64(csr) }), 'Denied');
      const denied = getCondition(status?.conditions, 'Denied');
      assert.equal(denied?.reason, 'certmount.io');
      assert.match(denied.message ?? '', /^spec\.request: not a usable certificate signing request: /);
      assert.equal(getCondition(status?.conditions, 'Approved'), undefined);
    }
  });

  it('encodes other usages than it asks for', async () => {
    const usages = { keyUsages: ['digitalSignature'], extendedKeyUsages: ['serverAuth'] } as const;
    await fails(
      { request: base64(await newCsr({ usages })), usages: ['digital signature', 'client auth'] },
      /^encoded CSR error: the ExtKeyUsages \['server auth'\] do not match the expected ExtKeyUsages \['client auth'\]$/,
    );
  });
});

describe('approval', () => {
  it("leaves others' requests alone until another approver has approved them", async () => {
    const key = await world.request({ as: await world.somebody() });
    await settleController();
    assert.deepEqual(world.conditions(key), []);
    await approve(key, 'Approved');
    const request = await world.whenReady(key);
    assert.equal(getCondition(request.status?.conditions, 'Approved')?.reason, 'policy');
  });

  it('marks what another approver denied', async () => {
    const key = await world.request({ as: await world.somebody() });
    await approve(key, 'Denied');
    const { status } = await world.whenReady(key, 'Denied');
    assert.equal(
      getCondition(status?.conditions, 'Ready')?.message,
      'The CertificateRequest was denied by an approval controller',
    );
    assert.ok(status?.failureTime);
  });

  it('denies a driver what it asks for another node', async () => {
    const key = await world.request({ labels: { 'csi.certmount.io/node': 'node-b' } });
    const { status } = await world.whenReady(key, 'Denied');
    assert.match(getCondition(status?.conditions, 'Denied')?.message ?? '', /bound to node "node-a"/);
  });

  it("decides on requests to another group's issuers where RBAC lets it, and leaves all else to their controller", async () => {
    const issuerRef = { name: 'ca', kind: 'OtherIssuer', group: 'other.example' };
    const early = await world.request({ issuerRef });
    await settleController();
    assert.deepEqual(world.conditions(early), [], 'without the right');
    const rbac = 'rbac.authorization.k8s.io';
    const metadata = { name: 'approve-other' };
    const [apiGroups, resources, verbs] = [['cert-manager.io'], ['signers'], ['approve']];
    const rule = { apiGroups, resources, verbs, resourceNames: ['otherissuers.other.example/*'] };
    const account = { kind: 'ServiceAccount', namespace: 'certmount', name: 'certmount-controller' };
    const roleRef = { apiGroup: rbac, kind: 'ClusterRole', ...metadata };
    await world.cluster.apply([
      { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata, rules: [rule] },
      { apiVersion: `${rbac}/v1`, kind: 'ClusterRoleBinding', metadata, roleRef, subjects: [account] },
    ]);
    const allowed = await world.request({ issuerRef });
    const denied = await world.request({ issuerRef, labels: { 'csi.certmount.io/node': 'node-b' } });
    for (const [key, decision] of [
      [allowed, 'Approved'],
      [denied, 'Denied'],
    ] as const) {
      await eventually(decision, () => world.conditions(key).length > 0 || undefined);
      assert.deepEqual(
        world.conditions(key).map(({ type, status }) => [type, status]),
        [[decision, 'True']],
      );
    }
  });

  it("never touches what another group's issuer was let sign, nor what is final", async () => {
    const other = await world.request({ issuerRef: { name: 'ca', group: 'other.example' } });
    await approve(other, 'Approved');
    const failed = await world.request({ as: await world.somebody() });
    const resource = world.client.resource(certificateRequests);
    const request = await resource.get(failed);
    const ready = { type: 'Ready', status: 'False', reason: 'Failed', message: 'by hand' } as const;
    await resource.replaceStatus({ ...request, status: { conditions: setCondition([], ready, Date.now()) } });
    await approve(failed, 'Approved');
    await settleController();
    assert.equal(world.conditions(other).length, 1);
    assert.deepEqual(
      world.conditions(failed).map(({ reason }) => reason),
      ['Failed', 'policy'],
    );
  });
});

describe('requests that somebody else writes to at the same time', () => {
  it('are all issued, without a word about the conflicts', async () => {
    const resource = world.client.resource(certificateRequests);
    const keys = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const key = await world.request();
        for (let n = 0; n < 3; n++) await resource.patch(key, { metadata: { labels: { n: String(n) } } });
        return key;
      }),
    );
    await Promise.all(keys.map((key) => world.whenReady(key)));
    assert.deepEqual(controller.troubles(), []);
    assert.equal(
      await controller.metric('certmount_controller_sync_errors_total{controller="certificaterequests"}'),
      0,
    );
  });
});

// The last one: from here on everybody is approved.
describe('with --approve-all', () => {
  before(async () => {
    await controller.stop();
    controller = await startController(world, ['--approve-all', '--leader-elect=false']);
  });

  it("approves everybody's with cert-manager's words", async () => {
    const { status } = await world.whenReady(await world.request({ as: await world.somebody() }));
    const approved = getCondition(status?.conditions, 'Approved');
    assert.equal(approved?.reason, 'cert-manager.io');
    assert.equal(approved.message, 'Certificate request has been approved by cert-manager.io');
  });

  it('approves nobody where policies say who may have what', async () => {
    const nobody = { client: world.client, identity: {} as Asker['identity'] };
    await world.whenReady(await world.request({ as: nobody }));
    const spec = { selector: { issuerRef: {} }, allowed: { dnsNames: { values: ['a'] } } };
    await world.client.resource(certificateRequestPolicies).create({ metadata: { name: 'narrow' }, spec });
    await settleController();
    const key = await world.request({ as: nobody });
    await settleController();
    assert.deepEqual(world.conditions(key), []);
  });
});
