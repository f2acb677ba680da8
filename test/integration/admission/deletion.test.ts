import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { certificateRequests } from '../../../src/api/certificate-request.ts';
import type { CertificateRequest } from '../../../src/api/certificate-request.ts';
import { requestLabels } from '../../../src/api/driver-requests.ts';
import { keyOf } from '../../../src/kube/index.ts';
import type { KubeClient } from '../../../src/kube/index.ts';
import { Requester } from '../../../src/driver/volume/issuance/requester.ts';
import { driverCredentials } from '../../support/node-identity.ts';
import { AdmissionWorld, refusal } from './support/admission-world.ts';

const said = /a driver may delete the requests of its own node alone/;

describe('the deletion of a request', { timeout: 120_000 }, () => {
  let world: AdmissionWorld;
  let driver: KubeClient;
  let otherDriver: KubeClient;
  let editor: KubeClient;

  before(async () => {
    world = await AdmissionWorld.start();
    driver = await world.client(await driverCredentials(world.admin, 'node-a'));
    otherDriver = await world.client(await driverCredentials(world.admin, 'node-b'));
    const verbs = ['create', 'get', 'patch', 'delete'];
    const resources = ['certificaterequests'];
    await world.grant('editor', ['editor'], [{ apiGroups: ['cert-manager.io'], resources, verbs }]);
    editor = await world.client({ user: 'editor' });
  });
  after(() => world?.stop());

  /** As the driver makes one, with its label. */
  async function requestOf(client: KubeClient, node: string): Promise<CertificateRequest> {
    const requester = new Requester({}, { client, token: () => Promise.resolve(undefined) });
    const labels = { [requestLabels.node]: node };
    return world.request(client, { ...(await requester.identity()), labels });
  }

  const deletion = async (client: KubeClient, request: CertificateRequest): Promise<string> =>
    (await refusal(client.resource(certificateRequests).delete(keyOf(request)))) ?? 'done';
  const deletes = (client: KubeClient, request: CertificateRequest): Promise<void> =>
    client.resource(certificateRequests).delete(keyOf(request));

  it('by a driver is of what its own node has asked for', async () => {
    await deletes(driver, await requestOf(driver, 'node-a'));
    const foreign = await requestOf(otherDriver, 'node-b');
    assert.match(await deletion(driver, foreign), said);
    await deletes(otherDriver, foreign);
  });

  it('by a driver is not of what nobody has marked, and what is marked stays so', async () => {
    const unmarked = await world.request(editor);
    assert.match(await deletion(driver, unmarked), said);
    const foreign = await requestOf(otherDriver, 'node-b');
    for (const node of [null, 'node-a']) {
      const change = { metadata: { labels: { [requestLabels.node]: node } } };
      for (const client of [editor, world.admin])
        assert.match(
          (await refusal(world.patch(client, foreign, change))) ?? '',
          /cannot change label of csi\.certmount\.io/,
        );
    }
    assert.match(await deletion(driver, foreign), said);
  });

  it('by people and the garbage collector is as RBAC has it', async () => {
    await deletes(editor, await world.request(editor));
    await deletes(editor, await requestOf(driver, 'node-a'));
    const user = 'system:serviceaccount:kube-system:generic-garbage-collector';
    const collector = await world.client({ user, groups: ['system:masters'] });
    await deletes(collector, await requestOf(driver, 'node-a'));
  });
});
