import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { anchorSets } from '../../../src/api/anchor-set.ts';
import { issuers } from '../../../src/api/issuer.ts';
import { eventually } from '../../support/eventually.ts';
import type { TestCa } from '../../unit/controller/builders.ts';
import { currentCa, RotationWorld } from './support/rotation-world.ts';

const [first, second, third] = (await Promise.all(
  ['First', 'Second', 'Third'].map((name) => currentCa(name)),
)) as [TestCa, TestCa, TestCa];

let world: RotationWorld;

before(async () => {
  world = await RotationWorld.start(first);
});
after(() => world.stop());

async function untilSigning(ca: TestCa, others: readonly TestCa[]): Promise<void> {
  await eventually(
    'the new CA to sign',
    async () => (await world.signerOf(await world.issue(), [ca, ...others])) === ca || undefined,
    25_000,
    500,
  );
}

describe('the CA of an issuer of which nobody knows what it signed', { timeout: 180_000 }, () => {
  it('stays trusted when another controller has served the issuer so far', async () => {
    const resource = world.world.client.resource(issuers);
    const issuer = await resource.get({ namespace: 'web', name: 'ca' });
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: 'KeyPairVerified',
      message: 'Signing CA verified',
    };
    await resource.replaceStatus({ ...issuer, status: { conditions: [{ ...ready, status: 'True' }] } });
    await world.startController();
    await world.whenPublished([first]);
    await world.replaceCa(second);
    await untilSigning(second, [first]);
    const { message = '' } = await world.whenRotation('Draining');
    const until = Date.parse(/trusted until (\S+)$/.exec(message)?.[1] ?? '');
    const days = (until - Date.now()) / 86_400_000;
    assert.ok(days > 89 && days < 90.1, `${days} days`);
    await world.whenPublished([first, second]);
  });

  it('stays trusted when the AnchorSet was deleted while no controller ran', async () => {
    await world.kill();
    await world.world.client.resource(anchorSets).delete({ name: 'issuer.web.ca' });
    await world.startController();
    await world.whenPublished([second]);
    await world.replaceCa(third);
    await untilSigning(third, [second]);
    await world.whenPublished([second, third]);
  });
});
