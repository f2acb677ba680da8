import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ClusterTrustBundles } from '../../../src/controller/trust/cluster-trust-bundles/cluster-trust-bundles.ts';
import { TrustError } from '../../../src/controller/trust/trust-error.ts';
import { KubeClient, systemClock } from '../../../src/kube/index.ts';
import { newCa } from '../../unit/controller/builders.ts';
import type { TestCa } from '../../unit/controller/builders.ts';
import { startControlPlane } from '../../cluster/control-plane.ts';
import { PodCertificateWorld } from './support/pod-certificate-world.ts';
import { trustBundles, withoutClusterTrustBundles } from '../../support/pod-certificates.ts';
import { controllerCredentials } from '../../support/controller-credentials.ts';

const name = 'certmount.io:written:anchors';
const signerName = 'certmount.io/written';

describe('ClusterTrustBundles, written with the rights of the controller', { timeout: 120_000 }, () => {
  let world: PodCertificateWorld;
  let client: KubeClient;
  let bundles: ClusterTrustBundles;
  let one: TestCa;
  let other: TestCa;

  before(async () => {
    [one, other] = [await newCa(), await newCa()];
    world = await PodCertificateWorld.start();
    const connection = await world.cluster.connection(controllerCredentials);
    client = new KubeClient({ connection, userAgent: 'test' }, { clock: systemClock, random: Math.random });
    bundles = new ClusterTrustBundles(client);
  });
  after(async () => {
    client?.close();
    await world?.stop();
  });

  it('are written once, changed, and deleted, however often it is asked for', async () => {
    const anchors = one.pem + one.pem;
    assert.equal(await bundles.write({ name, signerName, anchors }), 'written');
    assert.equal(await bundles.write({ name, signerName, anchors }), 'unchanged');
    assert.equal(await bundles.write({ name, signerName, anchors: one.pem + other.pem }), 'written');
    const labels = { 'example.com/source': 'a' };
    assert.equal(await bundles.write({ name, signerName, anchors: one.pem + other.pem, labels }), 'written');
    const { metadata, spec } = await world.admin.resource(trustBundles).get({ name });
    assert.equal(spec.trustBundle, one.pem + other.pem);
    assert.equal(metadata.labels?.['example.com/source'], 'a');
    await bundles.delete(name);
    await bundles.delete(name);
    assert.deepEqual((await world.admin.resource(trustBundles).list()).items, []);
  });

  it('without a signer have any name', async () => {
    assert.equal(await bundles.write({ name: 'corp-roots', anchors: one.pem }), 'written');
    const { spec } = await world.admin.resource(trustBundles).get({ name: 'corp-roots' });
    assert.equal(spec.signerName, undefined);
    await bundles.delete('corp-roots');
  });

  it('of somebody else are neither changed nor deleted', async () => {
    await world.admin
      .resource(trustBundles)
      .create({ metadata: { name: 'theirs' }, spec: { trustBundle: one.pem } });
    await assert.rejects(bundles.write({ name: 'theirs', anchors: other.pem }), (error) => {
      assert.ok(error instanceof TrustError);
      assert.equal(error.reason, 'foreign');
      return true;
    });
    await bundles.delete('theirs');
    const { spec } = await world.admin.resource(trustBundles).get({ name: 'theirs' });
    assert.equal(spec.trustBundle, one.pem);
  });

  it('of other signers are beyond what the controller may attest', async () => {
    const foreign = { name: 'example.com:x:anchors', signerName: 'example.com/x', anchors: one.pem };
    await assert.rejects(bundles.write(foreign), /not permitted to attest for signerName "example.com\/x"/);
  });

  it('are not served by every cluster, and that is no error', async () => {
    await using plain = await startControlPlane({ controllerManager: false, ...withoutClusterTrustBundles });
    const connection = await plain.connection('admin');
    const admin = new KubeClient(
      { connection, userAgent: 'test' },
      { clock: systemClock, random: Math.random },
    );
    const none = new ClusterTrustBundles(admin);
    assert.equal(await none.write({ name, signerName, anchors: one.pem }), 'not-served');
    await none.delete(name);
    admin.close();
  });
});
