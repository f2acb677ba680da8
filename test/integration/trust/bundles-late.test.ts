import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startController } from '../controller/support/controller.ts';
import { BundleWorld, newRoot } from './support/bundle-world.ts';

describe('a cluster without the CRD of Bundles', { timeout: 180_000 }, () => {
  it('has a controller that is ready and quiet, and serves Bundles when it gets the CRD', async () => {
    const root = await newRoot('A');
    const world = await BundleWorld.start();
    try {
      await world.cluster.kubectl(['delete', 'crd', 'bundles.trust.cert-manager.io']);
      const controller = await startController(world);
      try {
        const troubles = controller.troubles().filter((line) => line.includes('bundles'));
        assert.ok(troubles.length <= 1, troubles.join(''));
        await world.installCrds();
        await world.createBundle('late', {
          sources: [{ inLine: root.pem }],
          target: { configMap: { key: 'ca.crt' } },
        });
        await world.whenPem('certmount', 'late', root.pem.trimEnd());
        await world.whenSynced('late', 'Synced');
        assert.equal(
          controller.troubles().filter((line) => line.includes('bundles')).length,
          troubles.length,
        );
      } finally {
        await controller.stop();
      }
    } finally {
      await world.stop();
    }
  });
});
