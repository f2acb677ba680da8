import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseRequest } from '../../../../src/pki/index.ts';
import type { VolumeSource } from '../../../../src/driver/volume/volumes.ts';
import { deniedStatus } from '../support/authority.ts';
import { failure, hour, minute, pod, second, sourceOf } from '../support/builders.ts';
import { podObject } from '../support/fake-pods.ts';
import { assertWhole, quiet, TestNode } from '../support/test-node.ts';

const withAddress = { start: 'without-certificate', 'ip-sans': '${POD_IP}' };
const address = (...ips: string[]): ReturnType<typeof podObject> =>
  podObject({ status: { podIPs: ips.map((ip) => ({ ip })) } });

function ask(node: TestNode, attributes: Record<string, string>): VolumeSource {
  return sourceOf(node.target, attributes);
}

/** The addresses in the newest request. */
function addressesAskedFor(node: TestNode): readonly string[] {
  const request = node.api.created.at(-1);
  assert.ok(request);
  return parseRequest(Buffer.from(request.spec.request, 'base64').toString()).altNames.ipAddresses;
}

describe('a volume whose certificate names the address of its pod', () => {
  it('is mounted at once, says so, and gets its certificate when the pod has its address', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    node.pods.set(podObject());
    await driver.publish(ask(node, withAddress));
    await quiet();
    assert.equal(readFileSync(join(node.target, 'generation'), 'utf8'), '0\n');
    assert.deepEqual(
      readdirSync(node.target).filter((name) => !name.startsWith('..')),
      ['generation'],
    );
    assert.equal(node.api.created.length, 0, 'nothing is asked for before the address is known');
    assert.deepEqual(
      driver.events.map(({ reason }) => reason),
      ['CertificatePending'],
    );
    assert.match(driver.events[0]?.note ?? '', /when there is the pod's address/);

    node.pods.set(address('10.0.0.7'));
    await quiet();
    await node.pass(0);
    assertWhole(node.target);
    assert.deepEqual(addressesAskedFor(node), ['10.0.0.7']);
    assert.equal(readFileSync(join(node.target, 'generation'), 'utf8'), '1\n');
    assert.deepEqual(
      driver.events.map(({ reason }) => reason),
      ['CertificatePending', 'CertificateIssued'],
    );
  });

  it('gets its certificate as soon as a request is answered that waited for hours', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    node.pods.set(address('10.0.0.7'));
    const sign = node.api.answer;
    node.api.answer = async () => undefined;
    await driver.publish(ask(node, withAddress));
    await node.pass(2 * hour);
    const attempts = driver.renewals.length;
    while (driver.renewals.length === attempts) await node.pass(second);
    const [request] = node.api.requests;
    assert.ok(request);
    node.api.setStatus(request.metadata.name ?? '', (await sign(request)) ?? assert.fail());
    await quiet();
    await node.pass(0);
    assertWhole(node.target);
  });

  it('names every address of the pod with POD_IPS', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    node.pods.set(address('10.0.0.7', 'fd00::7'));
    await driver.publish(ask(node, { ...withAddress, 'ip-sans': '${POD_IPS}' }));
    await node.pass(second);
    assert.deepEqual(addressesAskedFor(node), ['10.0.0.7', 'fd00::7']);
  });

  it('names the new address when the pod has another one at the renewal', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    node.pods.set(address('10.0.0.7'));
    await driver.publish(ask(node, withAddress));
    await node.pass(second);
    node.pods.set(address('10.0.0.8'));
    await node.pass(16 * hour);
    assert.deepEqual(addressesAskedFor(node), ['10.0.0.8']);
  });

  it('gets another certificate at once when the pod gets another address', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    node.pods.set(address('10.0.0.7'));
    await driver.publish(ask(node, withAddress));
    await node.pass(0);
    // Without an address while its sandbox is made anew.
    node.pods.set(address());
    await node.pass(minute);
    assert.equal(node.api.created.length, 1);
    for (const ip of ['10.0.0.8', '10.0.0.9']) {
      node.pods.set(address(ip));
      await quiet();
      await node.pass(0);
      assertWhole(node.target);
      assert.deepEqual(addressesAskedFor(node), [ip]);
    }
    assert.equal(readFileSync(join(node.target, 'generation'), 'utf8'), '3\n');
    assert.equal(node.api.created.length, 3);
    assert.equal(node.api.requests.length, 1);
  });

  it('gets another certificate when the address changed while its last one was made', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    const sign = node.api.answer;
    node.api.answer = async (request) => {
      node.api.answer = sign;
      node.pods.set(address('10.0.0.8'));
      return sign(request);
    };
    node.pods.set(address('10.0.0.7'));
    await driver.publish(ask(node, withAddress));
    await node.pass(0);
    await node.pass(0);
    assert.deepEqual(addressesAskedFor(node), ['10.0.0.8']);
    assert.equal(readFileSync(join(node.target, 'generation'), 'utf8'), '2\n');
    assert.deepEqual(driver.renewals, ['renewed', 'renewed']);
  });

  it('gets another certificate when the address changed while no driver ran, and none when it did not', async () => {
    using node = await TestNode.create();
    const first = await node.start();
    node.pods.set(address('10.0.0.7'));
    await first.publish(ask(node, withAddress));
    await node.pass(0);
    first.life.kill();
    const unchanged = await node.start();
    await node.pass(minute);
    assert.equal(node.api.created.length, 1);
    unchanged.life.kill();
    node.pods.set(address('10.0.0.8'));
    const changed = await node.start();
    await node.pass(0);
    assert.deepEqual(addressesAskedFor(node), ['10.0.0.8']);
    assert.equal(readFileSync(join(node.target, 'generation'), 'utf8'), '2\n');
    node.pods.set(address('10.0.0.9'));
    await quiet();
    await node.pass(0);
    assert.deepEqual(addressesAskedFor(node), ['10.0.0.9']);
    assert.deepEqual(changed.renewals, ['renewed', 'renewed']);
  });

  it('goes on waiting in a restarted driver, also when the certificate is there and is renewed', async () => {
    using node = await TestNode.create();
    const first = await node.start();
    await first.publish(ask(node, withAddress));
    await quiet();
    first.life.kill();
    const second_ = await node.start();
    assert.equal(second_.volumes.get('csi-1')?.state, 'waiting');
    node.pods.set(address('10.0.0.7'));
    await quiet();
    await node.pass(0);
    const serial = assertWhole(node.target);
    second_.life.kill();
    const third = await node.start();
    await node.pass(16 * hour);
    assert.notEqual(assertWhole(node.target), serial);
    assert.deepEqual(addressesAskedFor(node), ['10.0.0.7']);
    assert.deepEqual(third.events, []);
  });

  it('is left as it is by every further publish', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    const source = ask(node, withAddress);
    await driver.publish(source);
    await driver.publish(source);
    await quiet();
    assert.equal(driver.events.length, 1);
    assert.equal(node.kernel.mountPoints.length, 1);
  });

  it('leaves nothing when it is unpublished while it waits', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    const source = ask(node, withAddress);
    await driver.publish(source);
    await quiet();
    await driver.unpublish(source);
    node.pods.set(address('10.0.0.7'));
    await quiet();
    await node.pass(hour);
    assert.equal(node.api.created.length, 0);
    assert.equal(node.kernel.mountPoints.length, 0);
    assert.deepEqual(readdirSync(node.stateDirectory), []);
  });
});

describe('a volume that starts without a certificate', () => {
  it('tries again, with another request, when the first one was denied', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    const sign = node.api.answer;
    node.api.answer = async () => deniedStatus('not today');
    await driver.publish(ask(node, { start: 'without-certificate' }));
    await node.pass(0);
    assert.equal(driver.volumes.get('csi-1')?.state, 'waiting');
    assert.match(driver.events.at(-1)?.note ?? '', /not today.*There is no certificate yet/);
    node.api.answer = sign;
    await node.pass(minute);
    assertWhole(node.target);
    assert.equal(node.api.created.length, 2);
    assert.equal(node.api.requests.length, 1, 'the denied one is gone');
  });

  it('goes on with its request when the driver is killed while it is under way', async () => {
    using node = await TestNode.create();
    const first = await node.start();
    node.api.answer = async () => undefined;
    await first.publish(ask(node, { start: 'without-certificate' }));
    await node.pass(0);
    assert.equal(node.api.created.length, 1);
    first.life.kill();
    const [open] = node.api.requests;
    assert.ok(open);
    node.api.setStatus(open.metadata.name ?? '', await node.authority.sign(open, node.clock.now()));
    await node.start();
    await node.pass(0);
    assertWhole(node.target);
    assert.equal(node.api.created.length, 1);
    assert.equal(node.keysMade, 1);
  });
});

describe('the renewal of a volume that waits for something of its pod', () => {
  const registered = podObject({ annotations: { 'example.com/name': 'x' } });
  const source = (node: TestNode): VolumeSource =>
    ask(node, { 'wait-for': 'pod-annotation:example.com/name' });

  it('does not say that it waits when a restarted driver has yet to hear of the pod', async () => {
    using node = await TestNode.create();
    const first = await node.start();
    node.pods.set(registered);
    await first.publish(source(node));
    first.life.kill();
    const driver = await node.start();
    await node.pass(16 * hour);
    assert.equal(node.api.created.length, 2);
    assert.deepEqual(driver.events, []);
  });

  it('says that it waits when the pod has lost it, and goes on when the pod has it again', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    node.pods.set(registered);
    await driver.publish(source(node));
    node.pods.set(podObject());
    await node.pass(16 * hour);
    assert.equal(node.api.created.length, 1);
    const [event] = driver.events;
    assert.equal(event?.reason, 'CertificateRenewalFailed');
    assert.match(
      event?.note ?? '',
      /waits for the pod's annotation example.com\/name. The present certificate lives/,
    );
    node.pods.set(registered);
    await quiet();
    await node.pass(0);
    assert.equal(node.api.created.length, 2);
  });
});

describe('a volume that waits for something of its pod before the container starts', () => {
  it('is published when the pod has it, and says until then what it waits for', async () => {
    using node = await TestNode.create();
    const driver = await node.start();
    node.pods.set(podObject());
    const source = ask(node, { 'wait-for': 'pod-annotation:example.com/name' });
    const patience = new AbortController();
    const early = driver.publish(source, patience.signal);
    await quiet();
    patience.abort(new Error('time is up'));
    await assert.rejects(early, failure('not-issued-yet', "waits for the pod's annotation example.com/name"));
    assert.equal(node.keysMade, 0);

    const late = driver.publish(source);
    await quiet();
    node.pods.set(podObject({ annotations: { 'example.com/name': 'x' } }));
    await late;
    assertWhole(node.target);
    assert.equal(driver.volumes.get('csi-1')?.spec.pod.uid, pod.uid);
  });
});
