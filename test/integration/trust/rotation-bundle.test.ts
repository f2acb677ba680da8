import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { bundles } from '../../../src/api/bundle.ts';
import { eventually } from '../../support/eventually.ts';
import type { TestCa } from '../../unit/controller/builders.ts';
import { currentCa, RotationWorld } from './support/rotation-world.ts';

const [first, second] = (await Promise.all(['First', 'Second'].map((name) => currentCa(name)))) as [
  TestCa,
  TestCa,
];
const mesh = 'bundle.mesh';

let world: RotationWorld;

before(async () => {
  world = await RotationWorld.start(first);
  await world.startController();
  await world.world.client.resource(bundles).create({
    metadata: { name: 'mesh' },
    spec: { sources: [{ issuer: { kind: 'Issuer', namespace: 'web', name: 'ca' } }] },
  });
  await world.whenPublished([first]);
  await world.whenPublished([first], mesh);
});
after(() => world.stop());

describe('a new root of an issuer whose anchors volumes have from a Bundle', { timeout: 120_000 }, () => {
  it('signs when the nodes of those volumes have it too', async () => {
    await world.apply('node-1');
    await world.apply('node-2', mesh);
    await world.issue();
    await world.replaceCa(second);
    await world.whenPublished([first, second]);
    await world.whenPublished([first, second], mesh);
    await world.apply('node-1');
    await eventually('both nodes to be counted', async () => {
      const { message } = await world.whenRotation('Spreading');
      return message?.startsWith('new CA is trusted on 1 of 2 nodes,') || undefined;
    });
    await new Promise((resolve) => setTimeout(resolve, 14_000));
    assert.equal(await world.signerOf(await world.issue(), [first, second]), first);
    await world.apply('node-2', mesh);
    await eventually(
      'the new CA to sign',
      async () => {
        const issued = await world.issue();
        await world.checkTrusted(issued);
        return (await world.signerOf(issued, [first, second])) === second || undefined;
      },
      15_000,
      500,
    );
  });
});
