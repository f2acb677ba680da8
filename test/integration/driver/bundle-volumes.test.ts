import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { VolumeOfPod } from '../../support/csi-client.ts';
import { eventually } from '../../support/eventually.ts';
import type { TestCa } from '../../unit/controller/builders.ts';
import { newRoot } from '../trust/support/bundle-world.ts';
import { DriverWorld, notRoot } from './support/driver-world.ts';
import { assertWhole, serialNumber } from './support/volume-files.ts';

describe('a Bundle in the volumes of a node', { skip: notRoot, timeout: 120_000 }, () => {
  let world: DriverWorld;
  let volume: VolumeOfPod;
  const [name, path] = ['mesh', 'ca.crt'];
  const roots: TestCa[] = [];

  /** The source of the Bundle, as people edit it. */
  const edit = (...cas: readonly TestCa[]): Promise<void> =>
    world.controlPlane.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'certmount', name },
      data: { [path]: cas.map(({ pem }) => pem).join('') },
    });
  /** Whether the volume has these and the root of its issuer. */
  const has = (...cas: readonly TestCa[]): boolean => {
    const text = readFileSync(join(volume.targetPath, path), 'utf8');
    return text.split('BEGIN').length === cas.length + 2 && cas.every(({ pem }) => text.includes(pem.trim()));
  };

  before(async () => {
    roots.push(await newRoot('One'), await newRoot('Two'), await newRoot('Three'));
    world = await DriverWorld.start();
    await edit(...roots.slice(0, 1));
    await world.controlPlane.apply({
      apiVersion: 'trust.cert-manager.io/v1alpha1',
      kind: 'Bundle',
      metadata: { name },
      spec: {
        sources: [{ configMap: { name, key: path } }, { issuer: { kind: 'ClusterIssuer', name: 'ca' } }],
      },
    });
    volume = await world.newVolume({ 'trust-bundle': name });
    await world.csi.publish(volume);
  });
  after(() => world?.stop());

  it('is what its source said when they were mounted', () => {
    assert.ok(has(...roots.slice(0, 1)));
    assertWhole(volume.targetPath);
  });

  it('follows its source within five seconds, both ways, with the certificate as it was', async (t) => {
    const serial = serialNumber(volume.targetPath);
    for (const cas of [roots.slice(0, 2), roots.slice(1)]) {
      await edit(...cas);
      const started = performance.now();
      await eventually('the anchors in the volume', () => has(...cas) || undefined, 5_000, 10);
      t.diagnostic(`${Math.round(performance.now() - started)} ms`);
      assertWhole(volume.targetPath);
    }
    assert.equal(serialNumber(volume.targetPath), serial);
  });

  it('stays when its source is deleted', async () => {
    await world.controlPlane.kubectl(['delete', 'configmap', '-n', 'certmount', name]);
    await world.controlPlane.kubectl([
      'wait',
      '--for=jsonpath={.status.conditions[0].reason}=SourceNotFound',
      `bundle/${name}`,
      '--timeout=20s',
    ]);
    assert.ok(has(...roots.slice(1)));
  });
});
