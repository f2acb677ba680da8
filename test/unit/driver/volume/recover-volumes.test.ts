import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { VolumeRecords } from '../../../../src/driver/volume/state/volume-records.ts';
import { VolumeError } from '../../../../src/driver/volume/volume-error.ts';
import { deniedStatus } from '../support/authority.ts';
import { failure, hour, minute, sourceOf } from '../support/builders.ts';
import { assertWhole, quiet, type TestDriver, TestNode } from '../support/test-node.ts';

let node: TestNode;
let driver: TestDriver;

beforeEach(async () => {
  node = await TestNode.create();
  driver = await node.start();
});
afterEach(() => node[Symbol.dispose]());

const recordFile = (volumeId: string): string => join(node.stateDirectory, `${volumeId}.json`);

async function restart(): Promise<TestDriver> {
  driver.life.kill();
  await quiet();
  driver = await node.start();
  return driver;
}

/** Volumes that are left as they are, with the end of their certificates. */
function unrenewed(): string[] {
  return [...driver.volumes.unrenewed()].map(
    ({ notAfter, volumeId }) =>
      `${volumeId} ${notAfter === undefined ? '' : new Date(notAfter).toISOString()}`,
  );
}

describe('a restarted driver', () => {
  it('keeps live volumes as they are and renews them at their time', async () => {
    await driver.publish(sourceOf(node.target));
    const serial = assertWhole(node.target);
    await node.pass(15 * hour);
    await restart();
    assert.equal(assertWhole(node.target), serial);
    await driver.publish(sourceOf(node.target));
    assert.equal(node.api.created.length, 1);
    await node.pass(hour);
    assert.notEqual(assertWhole(node.target), serial);
    assert.equal(node.api.requests.length, 1);
  });

  it('tells of a live volume whose attributes it does not accept any more, and does so again and again', async () => {
    const source = sourceOf(node.target);
    await driver.publish(source);
    const serial = assertWhole(node.target);
    driver.life.kill();
    // As with a --default-issuer-name that was taken away.
    const { 'issuer-name': _, ...context } = source.context;
    const record = JSON.parse(fs.readFileSync(recordFile('csi-1'), 'utf8')) as object;
    fs.writeFileSync(recordFile('csi-1'), JSON.stringify({ ...record, context }));
    driver = await node.start();
    const reasons = (): string[] => driver.events.map(({ reason }) => reason);
    assert.deepEqual(reasons(), ['VolumeNotRenewed'], 'at the start');
    assert.match(driver.events[0]?.note ?? '', /issuer-name.*replace it before 2026-01-02T00:00:00\.000Z/);
    assert.deepEqual(unrenewed(), ['csi-1 2026-01-02T00:00:00.000Z']);

    await driver.publish({ ...source, context });
    assert.deepEqual(
      reasons(),
      ['VolumeNotRenewed', 'VolumeNotRenewed'],
      'and with each call of the kubelet',
    );
    assert.equal(assertWhole(node.target), serial);
    await driver.publish(source);
    assert.deepEqual(unrenewed(), [], 'until it is accepted again');
    assert.equal(driver.volumes.get('csi-1')?.state, 'live');
  });

  it('forgets a volume that it does not accept when that is unpublished', async () => {
    await driver.publish(sourceOf(node.target));
    const refused = sourceOf(node.target, { duration: 'no duration' });
    driver.life.kill();
    fs.rmSync(recordFile('csi-1'));
    driver = await node.start();
    await driver.publish(refused);
    assert.equal(unrenewed().length, 1);
    await driver.unpublish(refused);
    assert.deepEqual(unrenewed(), []);
    assert.deepEqual(node.kernel.mountPoints, []);
  });

  it('keeps them while the API server is away', async () => {
    await driver.publish(sourceOf(node.target));
    const serial = assertWhole(node.target);
    node.api.goDown();
    await restart();
    await driver.publish(sourceOf(node.target));
    assert.equal(assertWhole(node.target), serial);
  });

  it('forgets volumes whose mounts are gone, as after a reboot, and deletes their requests', async () => {
    await driver.publish(sourceOf(node.target));
    driver.life.kill();
    node.kernel.unmountAll();
    await restart();
    assert.deepEqual([...driver.volumes.all()], []);
    assert.ok(!fs.existsSync(node.target));
    assert.deepEqual(fs.readdirSync(node.stateDirectory), []);
    assert.deepEqual(node.api.names, []);
    await driver.publish(sourceOf(node.target));
    assertWhole(node.target);
  });

  it('keeps its volumes where the kubelet directory is a link', async () => {
    fs.symlinkSync(join(node.directory, 'pods'), join(node.directory, 'link'));
    const source = sourceOf(join(node.directory, 'link', 'csi-1'));
    await driver.publish(source);
    const serial = assertWhole(source.targetPath);
    await restart();
    assert.equal(assertWhole(source.targetPath), serial);
    await driver.publish(source);
    await node.pass(16 * hour);
    assert.notEqual(assertWhole(source.targetPath), serial);
    fs.rmSync(recordFile('csi-1'));
    await restart();
    await driver.publish(source);
    assertWhole(source.targetPath);
    await driver.unpublish(source);
    assert.deepEqual(node.kernel.mountPoints, []);
  });

  it('deletes requests of this node that no volume needs', async () => {
    await driver.publish(sourceOf(node.target));
    const [request] = node.api.requests;
    assert.ok(request);
    driver.life.kill();
    await node.api.create({ ...request, metadata: { ...request.metadata, name: 'superseded' } });
    await restart();
    assert.deepEqual(node.api.names, ['api-0-h1']);
  });

  it('leaves requests alone that no volume made', async () => {
    node.api.answer = async () => undefined;
    await node.api.create({
      metadata: { name: 'by-hand', namespace: 'web' },
      spec: { request: '', issuerRef: { name: 'ca' } },
    });
    await restart();
    assert.deepEqual(node.api.names, ['by-hand']);
  });
});

describe('state that is lost or corrupt', () => {
  it('of one volume harms no other', async () => {
    const other = sourceOf(node.targetOf('csi-2'), {}, 'csi-2');
    await driver.publish(sourceOf(node.target));
    await driver.publish(other);
    fs.writeFileSync(recordFile('csi-1'), '{"version":1,"volu');
    await restart();
    assert.equal(driver.volumes.get('csi-1'), undefined);
    assert.equal(driver.volumes.get('csi-2')?.state, 'live');
    assertWhole(node.target);
    const serial = assertWhole(other.targetPath);
    await node.pass(16 * hour);
    assert.notEqual(assertWhole(other.targetPath), serial);
  });

  for (const [what, text] of Object.entries({
    'an empty file': '',
    'another version': '{"version":2}',
    'a record of another volume': JSON.stringify({
      version: 1,
      volumeId: 'csi-9',
      targetPath: '/',
      context: {},
      request: 'r',
    }),
    'a context that is none': JSON.stringify({
      version: 1,
      volumeId: 'csi-1',
      targetPath: '/',
      context: [1],
      request: 'r',
    }),
    null: 'null',
  })) {
    it(`${what}: is set aside and stops no start`, async () => {
      await driver.publish(sourceOf(node.target));
      const serial = assertWhole(node.target);
      fs.writeFileSync(recordFile('csi-1'), text);
      await restart();
      assert.deepEqual(fs.readdirSync(node.stateDirectory), ['csi-1.json.corrupt']);
      await driver.publish(sourceOf(node.target));
      assert.equal(assertWhole(node.target), serial, 'taken over by the republish');
      assert.equal(node.api.created.length, 1);
      await node.pass(16 * hour);
      assert.notEqual(assertWhole(node.target), serial, 'and renewed');
      await driver.unpublish(sourceOf(node.target));
      assert.deepEqual(fs.readdirSync(node.stateDirectory), [], 'nothing stays when the volume goes');
    });
  }

  it('a record that is a folder, or half-written leftovers, stop no start', async () => {
    fs.mkdirSync(recordFile('csi-3'));
    fs.mkdirSync(`${recordFile('csi-4')}.tmp`);
    fs.writeFileSync(`${recordFile('csi-5')}.tmp`, '{');
    await restart();
    assert.deepEqual(fs.readdirSync(node.stateDirectory), ['csi-3.json.corrupt']);
  });

  it('attributes that are no longer accepted leave the volume as it is', async () => {
    await driver.publish(sourceOf(node.target));
    const records = new VolumeRecords({ directory: node.stateDirectory }, { fs, fsPromises: fs.promises });
    await records.update('csi-1', { context: { ...sourceOf('').context, duration: 'x' } });
    await restart();
    assertWhole(node.target);
    assert.deepEqual(driver.errors, ['cannot recover a volume; it is left as it is']);
    // The kubelet would take the files from the pod after an error (kubernetes#121271).
    await driver.publish(sourceOf(node.target, { duration: 'x' }));
    assertWhole(node.target);
    await driver.unpublish(sourceOf(node.target));
    assert.deepEqual(node.kernel.mountPoints, []);
  });

  it('files without a record are only taken over by the volume that they are of', async () => {
    await driver.publish(sourceOf(node.target, { 'common-name': 'somebody else' }));
    const serial = assertWhole(node.target);
    fs.rmSync(recordFile('csi-1'));
    await restart();
    await driver.publish(sourceOf(node.target));
    assert.notEqual(assertWhole(node.target), serial);
    assert.equal(node.api.created.length, 2);
  });

  it('files of an expired certificate are taken over and renewed, for a pod that may run', async () => {
    await driver.publish(sourceOf(node.target));
    const serial = assertWhole(node.target);
    fs.rmSync(recordFile('csi-1'));
    driver.life.kill();
    await node.pass(48 * hour);
    node.api.goDown();
    await restart();
    await driver.publish(sourceOf(node.target));
    assert.equal(assertWhole(node.target), serial);
    node.api.comeBack();
    await node.pass(minute);
    assert.notEqual(assertWhole(node.target), serial);
  });

  it('a key and a certificate that do not match are not taken over', async () => {
    await driver.publish(sourceOf(node.target));
    fs.rmSync(recordFile('csi-1'));
    const data = join(node.target, fs.readlinkSync(join(node.target, '..data')));
    fs.chmodSync(join(data, 'tls.key'), 0o600);
    fs.writeFileSync(join(data, 'tls.key'), 'torn');
    await restart();
    await driver.publish(sourceOf(node.target));
    assertWhole(node.target);
    assert.equal(node.api.created.length, 2);
  });

  describe('of a volume that a pod may be using', () => {
    beforeEach(async () => {
      await driver.publish(sourceOf(node.target));
      fs.rmSync(recordFile('csi-1'));
    });

    it('keeps its files when the certificate that it asks for now is denied, however often', async () => {
      const serial = assertWhole(node.target);
      node.api.answer = async () => deniedStatus('not today');
      await restart();
      for (let call = 0; call < 2; call++) {
        await assert.rejects(
          driver.publish(sourceOf(node.target, { 'dns-names': 'other' })),
          failure('not-issued-yet', 'was denied: not today'),
        );
        await quiet();
        assert.equal(assertWhole(node.target), serial);
      }
      await driver.unpublish(sourceOf(node.target));
      await quiet();
      assert.deepEqual([node.kernel.mountPoints, node.api.names], [[], []]);
    });

    it('keeps its files when it waited for the certificate that it asks for now, and that is denied', async () => {
      const serial = assertWhole(node.target);
      const source = sourceOf(node.target, { 'dns-names': 'other' });
      node.api.answer = async () => undefined;
      await restart();
      const patience = new AbortController();
      const first = driver.publish(source, patience.signal);
      await quiet();
      patience.abort(new VolumeError('not-issued-yet', 'time is up'));
      await assert.rejects(first, failure('not-issued-yet', 'has not been approved yet'));
      for (const name of node.api.names) await node.api.delete({ namespace: 'web', name });
      node.api.answer = async () => deniedStatus('not today');
      await node.pass(minute);
      await assert.rejects(driver.publish(source), failure('not-issued-yet', 'was denied: not today'));
      assert.equal(assertWhole(node.target), serial);
    });

    it('keeps its files when the Workload API cannot be served, and is taken over when it can', async () => {
      const serial = assertWhole(node.target);
      let broken = true;
      node.workloadApis = {
        update: async () => {
          if (broken) throw new VolumeError('mount-failed', 'cannot serve it');
        },
        close: async () => {},
        serves: () => !broken,
      };
      await restart();
      await assert.rejects(
        driver.publish(sourceOf(node.target)),
        failure('not-issued-yet', 'cannot serve it'),
      );
      assert.equal(assertWhole(node.target), serial);
      broken = false;
      await driver.publish(sourceOf(node.target));
      assert.equal(driver.volumes.get('csi-1')?.state, 'live');
      assert.equal(assertWhole(node.target), serial);
    });
  });
});
