import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type CertificateRequest, certificateRequests } from '../../../src/api/certificate-request.ts';
import { isKubeError, KubeClient, systemClock } from '../../../src/kube/index.ts';
import { type ControlPlane, type ClusterUser, startControlPlane } from '../../cluster/control-plane.ts';
import { root } from '../../../tools/run-command.ts';
import { base64, driver, newCsr } from '../../unit/controller/builders.ts';

const nodeName = 'authentication.kubernetes.io/node-name';
const podName = 'authentication.kubernetes.io/pod-name';
const podUid = 'authentication.kubernetes.io/pod-uid';
const mallory: ClusterUser = { user: 'mallory', groups: ['developers'] };

describe('the admission policy for requesters', { timeout: 120_000 }, () => {
  let cluster: ControlPlane;
  let driverPod: ClusterUser;
  let uid: string;
  let csr: string;
  let created = 0;

  before(async () => {
    cluster = await startControlPlane({ controllerManager: false });
    await cluster.applyPath(join(root, 'deploy/crds'));
    await cluster.applyPath(join(root, 'deploy/admission-policy.yaml'));
    await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    const rules = [{ apiGroups: ['cert-manager.io'], resources: ['certificaterequests'], verbs: ['create'] }];
    const subjects = [
      { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'mallory' },
      { kind: 'ServiceAccount', namespace: 'certmount', name: 'certmount-driver' },
    ];
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'requester' };
    const rbac = 'rbac.authorization.k8s.io/v1';
    await cluster.apply([
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'certmount' } },
      {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { namespace: 'certmount', name: 'certmount-driver' },
      },
      { apiVersion: rbac, kind: 'ClusterRole', metadata: { name: 'requester' }, rules },
      { apiVersion: rbac, kind: 'ClusterRoleBinding', metadata: { name: 'requester' }, roleRef, subjects },
      { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-a' } },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { namespace: 'certmount', name: 'driver' },
        spec: {
          nodeName: 'node-a',
          serviceAccountName: 'certmount-driver',
          containers: [{ name: 'driver', image: 'none' }],
        },
      },
    ]);
    const pod = ['get', 'pod', '-n', 'certmount', 'driver', '-o', 'jsonpath={.metadata.uid}'];
    uid = await cluster.kubectl(pod);
    const boundPod = { name: 'driver', uid };
    driverPod = { serviceAccount: { namespace: 'certmount', name: 'certmount-driver', boundPod } };
    csr = base64(await newCsr());
    // Policies take effect when the API server has compiled them.
    for (let tries = 0; tries < 100; tries++) {
      if ((await refusal(mallory, { username: driver })) !== undefined) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.fail('the policy never took effect');
  });
  after(() => cluster?.stop());

  it("refuses another's name, the driver's above all", async () => {
    for (const username of [driver, 'system:admin', 'Mallory', 'mallory ']) {
      assert.match(
        (await refusal(mallory, { username })) ?? '',
        /spec\.username must be that of the requester/,
      );
    }
  });

  it('takes the own name, and a request that names nobody', async () => {
    assert.equal(await refusal(mallory, { username: 'mallory' }), undefined);
    assert.equal(await refusal(mallory, {}), undefined);
  });

  it('refuses a node that is not that of the credentials, also when it is left out', async () => {
    const message = /node name in spec\.extra must be that of the requester's credentials/;
    for (const extra of [{ [nodeName]: ['node-b'] }, { [nodeName]: ['node-a', 'node-b'] }, {}]) {
      assert.match(
        (await refusal(driverPod, { username: driver, extra })) ?? '',
        message,
        JSON.stringify(extra),
      );
    }
    const forged = { username: 'mallory', extra: { [nodeName]: ['node-a'] } };
    assert.match((await refusal(mallory, forged)) ?? '', message);
  });

  it('refuses a pod that is not that of the credentials, also when it is left out', async () => {
    const message = /pod name and uid in spec\.extra must be those of the requester's credentials/;
    const node = { [nodeName]: ['node-a'] };
    for (const extra of [
      node,
      { ...node, [podName]: ['driver'] },
      { ...node, [podName]: ['driver'], [podUid]: ['another'] },
      { ...node, [podName]: ['another'], [podUid]: [uid] },
      { ...node, [podName]: ['driver', 'another'], [podUid]: [uid] },
    ]) {
      assert.match(
        (await refusal(driverPod, { username: driver, extra })) ?? '',
        message,
        JSON.stringify(extra),
      );
    }
    const forged = { username: 'mallory', extra: { [podName]: ['driver'], [podUid]: [uid] } };
    assert.match((await refusal(mallory, forged)) ?? '', message);
  });

  it('takes what a pod says truly of itself, and one that names nobody', async () => {
    const extra = { [nodeName]: ['node-a'], [podName]: ['driver'], [podUid]: [uid] };
    assert.equal(await refusal(driverPod, { username: driver, extra }), undefined);
    assert.equal(await refusal(driverPod, {}), undefined);
  });

  /** What the API server says against a request of this user; undefined when it takes it. */
  async function refusal(
    user: ClusterUser,
    spec: Partial<CertificateRequest['spec']>,
  ): Promise<string | undefined> {
    const connection = await cluster.connection(user);
    const client = new KubeClient(
      { connection, userAgent: 'certmount-test' },
      { clock: systemClock, random: Math.random },
    );
    try {
      await client.resource(certificateRequests).create({
        metadata: { namespace: 'certmount', name: `request-${++created}` },
        spec: { request: csr, issuerRef: { name: 'any' }, ...spec },
      });
      return undefined;
    } catch (error) {
      if (isKubeError(error, 'forbidden', 'invalid')) return error.message;
      throw error;
    } finally {
      client.close();
    }
  }
});
