import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Bundle } from '../../../../../../src/api/bundle.ts';
import { ClusterTrustBundleTarget } from '../../../../../../src/controller/trust/bundles/targets/cluster-trust-bundle-target.ts';

function bundle(name: string, signerName?: string): Bundle {
  return {
    metadata: { name },
    spec: {
      sources: [{ inLine: 'x' }],
      target: { clusterTrustBundle: { ...(signerName !== undefined && { signerName }) } },
    },
  };
}

function target(written: string[]): ClusterTrustBundleTarget {
  return new ClusterTrustBundleTarget({
    present: { list: () => [] },
    writer: {
      write: async ({ name }) => {
        written.push(name);
        return 'written';
      },
      delete: async () => {},
    },
  });
}

describe('the ClusterTrustBundle of a Bundle', () => {
  it('is named like the Bundle, and like its signer where it has one', async () => {
    const written: string[] = [];
    await target(written).publish(bundle('mesh'), 'PEM');
    await target(written).publish(bundle('mesh', 'certmount.io/gateway'), 'PEM');
    await target(written).publish(bundle('anchors', 'example.org/gateway'), 'PEM');
    assert.deepEqual(written, ['mesh', 'certmount.io:gateway:mesh', 'example.org:gateway:anchors']);
  });

  it('is not the one in which a ClusterIssuer has its anchors: two writers would never end', async () => {
    const written: string[] = [];
    await assert.rejects(
      target(written).publish(bundle('anchors', 'certmount.io/gateway'), 'PEM'),
      /certmount\.io:gateway:anchors" is that of ClusterIssuer gateway/,
    );
    assert.deepEqual(written, []);
  });
});
