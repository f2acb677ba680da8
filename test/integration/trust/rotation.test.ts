import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { getCondition } from '../../../src/api/condition.ts';
import { fromBase64 } from '../../unit/controller/builders.ts';
import type { TestCa } from '../../unit/controller/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { currentCa, RotationWorld } from './support/rotation-world.ts';

const [first, second, third, fourth, fifth] = (await Promise.all(
  ['First', 'Second', 'Third', 'Fourth', 'Fifth'].map((name) => currentCa(name)),
)) as [TestCa, TestCa, TestCa, TestCa, TestCa];

let world: RotationWorld;

before(async () => {
  world = await RotationWorld.start(first);
  await world.startController();
  await world.whenPublished([first]);
  for (const node of ['node-1', 'node-2']) await world.apply(node);
});
after(() => world.stop());

/** Waits until a certificate is issued by this CA; all before it must be trusted on every node. */
async function untilSignedBy(ca: TestCa, others: readonly TestCa[], timeoutMs = 25_000): Promise<void> {
  await eventually(
    'the new CA to sign',
    async () => {
      const issued = await world.issue();
      await world.checkTrusted(issued);
      return (await world.signerOf(issued, [ca, ...others])) === ca || undefined;
    },
    timeoutMs,
    500,
  );
}

describe('a new root in the Secret of a CA issuer', () => {
  it('is published at once, and signs when every node has it', async () => {
    const before = await world.issue();
    assert.equal(await world.signerOf(before, [first, second]), first);
    await world.replaceCa(second);
    const { spec } = await world.whenPublished([first, second]);

    const during = await world.issue();
    assert.equal(await world.signerOf(during, [first, second]), first);
    await world.checkTrusted(during);
    for (const { pem } of [first, second]) {
      assert.ok(fromBase64(during.status?.ca).includes(pem.trim()), 'status.ca has both roots');
    }
    assert.match((await world.whenRotation('Spreading')).message ?? '', /trusted on 0 of 2 nodes/);
    assert.ok(fromBase64((await world.previousSecret())?.data?.['tls.crt']).includes(first.pem.trim()));

    await world.apply('node-1');
    await eventually('one node to be counted', async () => {
      const { status } = await world.anchorSet();
      const { nodes, covered, missing } = status?.coverage ?? {};
      return (nodes === 2 && covered === 1 && missing?.join() === 'node-2') || undefined;
    });
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    assert.equal(await world.signerOf(await world.issue(), [first, second]), first);

    await world.apply('node-2');
    await untilSignedBy(second, [first]);
    await world.whenRotation('Draining');
    const after = await world.whenPublished([first, second]);
    assert.equal(after.spec.anchors, spec.anchors, 'nothing changes for volumes when another CA signs');
    assert.equal(after.spec.sequence, spec.sequence);
    assert.equal(getCondition(after.status?.conditions, 'Rotating')?.status, 'True');
    await eventually('the old key to be removed', async () => {
      return (await world.previousSecret()) === undefined || undefined;
    });
  });

  it('shows in kubectl', async () => {
    // While a CA changes the status is written every other second.
    const sets = await eventually('both nodes to be counted', async () => {
      const text = await world.world.cluster.kubectl(['get', 'anchorsets']);
      return /^issuer\.web\.ca +Issuer\/web\/ca +\d+ +2 +2 +True +\S+$/m.test(text) ? text : undefined;
    });
    assert.match(sets, /^NAME +SOURCE +SEQUENCE +NODES +COVERED +ROTATING +AGE$/m);
    const nodes = await world.world.cluster.kubectl(['get', 'nodetrusts']);
    assert.match(nodes, /^node-1\.csi\.certmount\.io +node-1 +csi\.certmount\.io +issuer\.web\.ca/m);
  });
});

describe('another CA under a root that is trusted', () => {
  it('signs at once', async () => {
    const intermediate = await currentCa('Intermediate', second);
    const { spec } = await world.anchorSet();
    await world.replaceCa(intermediate, [second]);
    await eventually(
      'the intermediate to sign',
      async () => {
        const issued = await world.issue();
        await world.checkTrusted(issued);
        return fromBase64(issued.status?.certificate).includes(intermediate.pem.trim()) || undefined;
      },
      5_000,
    );
    assert.equal((await world.anchorSet()).spec.sequence, spec.sequence);
    assert.equal(await world.previousSecret(), undefined);
  });
});

describe('a gate', () => {
  it('holds a CA back that every node trusts, until it is lifted', async () => {
    await world.annotate({ 'certmount.io/ca-rotation': 'hold' });
    await world.replaceCa(third);
    await world.whenPublished([first, second, third]);
    for (const node of ['node-1', 'node-2']) await world.apply(node);
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    assert.equal(await world.signerOf(await world.issue(), [second, third]), second);
    assert.match((await world.whenRotation('Held')).message ?? '', /trusted on 2 of 2 nodes/);
    await world.annotate({
      'certmount.io/ca-rotation': null,
      'certmount.io/ca-rotation-reissue': '10m',
    });
    await untilSignedBy(third, [second], 10_000);
    const { reissueBefore, reissueSeconds } = (await world.anchorSet()).spec;
    assert.ok(Math.abs(Date.parse(reissueBefore ?? '') - Date.now()) < 30_000);
    assert.equal(reissueSeconds, 600);
    await world.annotate({ 'certmount.io/ca-rotation-reissue': null });
  });

  it('lets a CA sign at once that no node trusts yet', async () => {
    await world.replaceCa(fourth);
    await world.whenPublished([first, second, third, fourth]);
    assert.equal(await world.signerOf(await world.issue(), [third, fourth]), third);
    await world.annotate({ 'certmount.io/ca-rotation': 'force' });
    await eventually(
      'the new CA to sign',
      async () => (await world.signerOf(await world.issue(), [third, fourth])) === fourth || undefined,
      5_000,
    );
    for (const node of ['node-1', 'node-2']) await world.apply(node);
  });

  it('takes the trust from all older CAs', async () => {
    await world.annotate({ 'certmount.io/ca-rotation': 'drop' });
    await world.whenPublished([fourth]);
    await world.annotate({ 'certmount.io/ca-rotation': null });
    await world.whenRotation('Steady');
    for (const node of ['node-1', 'node-2']) await world.apply(node);
  });

  it('that is not understood holds, and says so', async () => {
    await world.annotate({ 'certmount.io/ca-rotation': 'hodl' });
    await eventually('the issuer to say what is wrong', async () => {
      const { message } = await world.whenRotation('Steady');
      return message?.includes('"hodl" must be one of "hold", "force", "drop"') || undefined;
    });
    await world.annotate({ 'certmount.io/ca-rotation': null });
  });
});

describe('a root that was replaced while no controller ran', () => {
  it('is published first while requests wait, also for the next leader, and signs when every node has it', async () => {
    await world.issue();
    await world.kill();
    await world.replaceCa(fifth);
    await world.startController();
    await world.whenPublished([fourth, fifth]);
    const request = await world.request();
    const pending = await world.world.whenReady(request, 'Pending');
    const { message = '' } = getCondition(pending.status?.conditions, 'Ready') ?? {};
    assert.match(message, /new CA is trusted on 0 of 2 nodes/);
    await world.kill();
    await world.startController();
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    await world.world.whenReady(request, 'Pending');
    for (const node of ['node-1', 'node-2']) await world.apply(node);
    const issued = await world.world.whenReady(request, 'Issued', 20_000);
    assert.equal(await world.signerOf(issued, [fourth, fifth]), fifth);
    await world.checkTrusted(issued);
  });
});
