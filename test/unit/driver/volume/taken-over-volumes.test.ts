import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { KeyEncoding, KeySpec } from '../../../../src/pki/index.ts';
import type { VolumeSource } from '../../../../src/driver/volume/volumes.ts';
import { deniedStatus, issuedStatus } from '../support/authority.ts';
import { day, failure, hour, minute, sourceOf } from '../support/builders.ts';
import {
  leaveVolume,
  leftFiles,
  type LeftOptions,
  remainsInOtherTmpfs,
  serialIn,
} from '../support/left-volume.ts';
import { quiet, type TestDriver, TestNode } from '../support/test-node.ts';

const issuer = {
  'csi.cert-manager.io/issuer-name': 'ca',
  'csi.cert-manager.io/dns-names': 'api.example',
  'csi.cert-manager.io/duration': '24h',
  'csi.cert-manager.io/key-algorithm': 'ECDSA',
};

let node: TestNode;
let source: VolumeSource;

beforeEach(async () => {
  node = await TestNode.create();
  node.compatibility = 'cert-manager';
  source = attributes({});
});
afterEach(() => node[Symbol.dispose]());

function attributes(more: Readonly<Record<string, string>>): VolumeSource {
  const volume = sourceOf(node.target, { ...issuer, ...more });
  const { 'issuer-name': _, ...context } = volume.context as Record<string, string>;
  return { ...volume, context };
}

/** A pod runs with a volume of the other driver. Gives the serial number of its certificate. */
async function leave(options: LeftOptions = {}): Promise<string> {
  leaveVolume(node, node.target, await leftFiles(node, source, options));
  return serialIn(node.target, options.names?.[0], options.names?.[1]);
}

async function restart(driver: TestDriver): Promise<TestDriver> {
  driver.life.kill();
  await quiet();
  return node.start();
}

describe('a volume of the driver in whose place this one is, published again for a pod that runs', () => {
  it('keeps its files as they are, asks for nothing, and is renewed at its time', async () => {
    const serial = await leave();
    const driver = await node.start();
    await driver.publish(source);
    await driver.publish(source);
    await node.pass(15 * hour);
    assert.equal(serialIn(node.target), serial);
    assert.equal(node.api.created.length, 0);
    await node.pass(hour);
    assert.notEqual(serialIn(node.target), serial);
    assert.deepEqual(driver.errors, []);
    assert.deepEqual(
      fs
        .readdirSync(node.target)
        .filter((name) => !name.startsWith('..'))
        .sort(),
      ['ca.crt', 'tls.crt', 'tls.key'],
    );
    assert.deepEqual(node.kernel.mountPoints, [node.target], 'in the same mount');
  });

  const keys: readonly (readonly [string, KeySpec, KeyEncoding])[] = [
    ['RSA in PKCS#1', { algorithm: 'RSA', size: 2048 }, 'PKCS1'],
    ['RSA in PKCS#8', { algorithm: 'RSA', size: 2048 }, 'PKCS8'],
    ['ECDSA in SEC 1', { algorithm: 'ECDSA', size: 256 }, 'SEC1'],
    ['Ed25519', { algorithm: 'Ed25519' }, 'PKCS8'],
  ];
  for (const [what, key, encoding] of keys) {
    it(`whatever its key is: ${what}`, async () => {
      source = attributes({ 'csi.cert-manager.io/key-algorithm': key.algorithm });
      await leave({ key, encoding });
      const driver = await node.start();
      await driver.publish(source);
      assert.equal(driver.volumes.get('csi-1')?.state, 'live');
      assert.equal(node.api.created.length, 0);
    });
  }

  it('has its files under the names that its attributes say', async () => {
    source = attributes({
      'csi.cert-manager.io/certificate-file': 'a.pem',
      'csi.cert-manager.io/privatekey-file': 'b.pem',
      'csi.cert-manager.io/ca-file': 'c.pem',
    });
    const serial = await leave({ names: ['a.pem', 'b.pem', 'c.pem'] });
    const driver = await node.start();
    await driver.publish(source);
    await node.pass(16 * hour);
    assert.notEqual(serialIn(node.target, 'a.pem', 'b.pem'), serial);
  });

  it('counts the time of renewal from when it was written, which the name of its generation says', async () => {
    const at = node.clock.now() - 12 * hour;
    const made = await leftFiles(node, source, { at });
    const suffixes = ['7', '123456789', '1234567890'];
    for (const suffix of suffixes)
      leaveVolume(node, node.targetOf(suffix), made, `..2025_12_31_12_00_00.${suffix}`);
    const driver = await node.start();
    for (const suffix of suffixes) {
      await driver.publish({ ...source, volumeId: suffix, targetPath: node.targetOf(suffix) });
      const volume = driver.volumes.get(suffix);
      assert.ok(volume?.state === 'live');
      assert.equal(volume.renewAt, at + 16 * hour);
    }
  });

  it("drops the other driver's generation with the second renewal, as it does its own", async () => {
    await leave();
    const driver = await node.start();
    await driver.publish(source);
    const generations = (): string[] => fs.readdirSync(node.target).filter((name) => /^\.\.\d/.test(name));
    const [old] = generations();
    await node.pass(16 * hour);
    assert.equal(generations().length, 2, 'the one before stays for readers that are under way');
    await node.pass(16 * hour);
    assert.equal(generations().length, 2);
    assert.ok(old !== undefined && !generations().includes(old));
  });

  it('is renewed at once when it has expired, and keeps its files until then', async () => {
    const serial = await leave();
    await node.pass(2 * day);
    node.api.goDown();
    const driver = await node.start();
    await driver.publish(source);
    await node.pass(minute);
    assert.equal(serialIn(node.target), serial);
    node.api.comeBack();
    await node.pass(10 * minute);
    assert.notEqual(serialIn(node.target), serial);
  });

  it('is renewed at once when its certificate is not what it asks for, also by a driver that was killed in between', async () => {
    const serial = await leave();
    source = attributes({ 'csi.cert-manager.io/dns-names': 'other.example' });
    node.api.answer = async () => undefined;
    const driver = await node.start();
    await driver.publish(source);
    await node.pass(0);
    assert.equal(node.api.created.length, 1);
    fs.rmSync(join(node.target, '..pending'));
    const next = await restart(driver);
    node.api.answer = (request) => node.authority.sign(request, node.clock.now());
    await node.pass(0);
    assert.notEqual(serialIn(node.target), serial);
    assert.deepEqual(next.errors, []);
  });

  it('keeps its files when it is renewed at once and that is refused', async () => {
    const serial = await leave();
    source = attributes({ 'csi.cert-manager.io/dns-names': 'other.example' });
    node.api.answer = async () => deniedStatus('no');
    const driver = await node.start();
    await driver.publish(source);
    await node.pass(minute);
    await driver.publish(source);
    assert.equal(serialIn(node.target), serial);
    assert.equal(driver.volumes.get('csi-1')?.state, 'live');
    assert.ok(driver.events.some(({ reason }) => reason === 'CertificateRenewalFailed'));
  });

  const incomplete: Record<string, (files: ReadonlyMap<string, string>) => ReadonlyMap<string, string>> = {
    'that is empty, as one of a pod that was not to wait': () => new Map(),
    'without a key': (files) => new Map([...files].filter(([name]) => name !== 'tls.key')),
    'with a key that is not that of its certificate': (files) => new Map([...files, ['tls.key', 'torn']]),
  };
  for (const [what, change] of Object.entries(incomplete)) {
    it(`gets its first certificate at once when it is one ${what}; the call does not wait for it`, async () => {
      leaveVolume(node, node.target, change(await leftFiles(node, source)));
      node.api.goDown();
      const driver = await node.start();
      await driver.publish(source);
      await node.pass(minute);
      const next = await restart(driver);
      node.api.comeBack();
      await node.pass(10 * minute);
      serialIn(node.target);
      assert.equal(next.volumes.get('csi-1')?.state, 'live');
    });
  }

  it('keeps the anchors that it has where the issuer names none', async () => {
    node.compatibility = 'csi-driver-spiffe';
    source = sourceOf(node.target);
    const serial = await leave();
    node.api.answer = async (request) => {
      const { certificate = '' } = await node.authority.sign(request, node.clock.now());
      return issuedStatus(Buffer.from(certificate, 'base64').toString(), '');
    };
    const driver = await node.start();
    await driver.publish(source);
    await node.pass(hour);
    assert.notEqual(serialIn(node.target), serial);
    assert.equal(fs.readFileSync(join(node.target, 'ca.crt'), 'utf8'), node.authority.certificate.pem);
  });

  it('is taken up by a restarted driver, for which the mount is read-only again', async () => {
    const serial = await leave();
    const driver = await node.start();
    await driver.publish(source);
    const next = await restart(driver);
    assert.equal(next.volumes.get('csi-1')?.state, 'live');
    assert.equal(serialIn(node.target), serial);
    await node.pass(16 * hour);
    assert.notEqual(serialIn(node.target), serial);
    assert.deepEqual(next.errors, []);
  });

  it('is taken over anew when the record is lost', async () => {
    await leave();
    const driver = await node.start();
    await driver.publish(source);
    await node.pass(16 * hour);
    const serial = serialIn(node.target);
    for (const name of fs.readdirSync(node.stateDirectory)) fs.rmSync(join(node.stateDirectory, name));
    const next = await restart(driver);
    await next.publish(source);
    assert.equal(serialIn(node.target), serial);
    await node.pass(16 * hour);
    assert.notEqual(serialIn(node.target), serial);
  });

  it('leaves nothing of a password in the record that is in the pod spec', async () => {
    source = attributes({
      'csi.cert-manager.io/pkcs12-enable': 'true',
      'csi.cert-manager.io/pkcs12-password': 'hunter2',
    });
    leaveVolume(
      node,
      node.target,
      new Map([...(await leftFiles(node, source)), ['keystore.p12', 'of the other driver']]),
    );
    const driver = await node.start();
    await driver.publish(source);
    assert.equal(driver.volumes.get('csi-1')?.state, 'live');
    const [record, ...more] = fs.readdirSync(node.stateDirectory);
    assert.ok(record !== undefined && more.length === 0);
    assert.ok(!fs.readFileSync(join(node.stateDirectory, record), 'utf8').includes('hunter2'));
    await restart(driver);
    await node.pass(16 * hour);
    const keystore = fs.readFileSync(join(node.target, 'keystore.p12'), 'latin1');
    assert.notEqual(keystore, 'of the other driver', 'and is renewed all the same');
  });
});

describe('a volume of another driver that cannot be taken over', () => {
  /** Files, mounts and records are as before, and the pod's owner is told. */
  async function staysAsItIs(reason: RegExp): Promise<void> {
    const before = fs.readdirSync(node.target).toSorted();
    const driver = await node.start();
    await driver.publish(source);
    await node.pass(day);
    await driver.publish(source);
    assert.deepEqual(fs.readdirSync(node.target).toSorted(), before);
    assert.deepEqual(node.kernel.mountPoints, [node.target]);
    assert.deepEqual(fs.readdirSync(node.stateDirectory), []);
    assert.equal(node.api.created.length, 0);
    assert.equal(driver.volumes.get('csi-1'), undefined);
    assert.ok(driver.errors.includes('a volume of another driver is not renewed'));
    const [event] = driver.events;
    assert.equal(event?.reason, 'VolumeNotRenewed');
    assert.match(event?.note ?? '', reason);
  }

  it('because it has files of other names, which the pod reads: stays as it is, and the pod is told', async () => {
    await leave({ names: ['svid.pem', 'tls.key', 'ca.crt'] });
    await staysAsItIs(/"svid.pem".*tls\.crt, tls\.key, ca\.crt/);
  });

  it('because its files are none that a generation could replace: stays as it is, and the pod is told', async () => {
    const folder = fs.mkdtempSync(join(node.directory, 'left-'));
    fs.writeFileSync(join(folder, 'tls.crt'), 'plain');
    node.kernel.bindReadOnly(folder, node.target);
    await staysAsItIs(/"tls.crt"/);
  });

  it('because the kernel refuses: stays as it is, and the pod is told', async () => {
    await leave();
    node.kernel.mountFailure = new Error('EPERM');
    await staysAsItIs(/cannot take over the volume: EPERM/);
  });

  it('for want of space: the kubelet calls again', async () => {
    const serial = await leave();
    const driver = await node.start();
    node.beforeRecord = async () => {
      throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    };
    await assert.rejects(driver.publish(source), failure('no-space'));
    assert.equal(serialIn(node.target), serial);
    assert.deepEqual(node.kernel.mountPoints, [node.target]);
    node.beforeRecord = undefined;
    await driver.publish(source);
    assert.equal(driver.volumes.get('csi-1')?.state, 'live');
  });

  it('because its attributes are not accepted: stays as it is', async () => {
    const serial = await leave();
    const driver = await node.start();
    await driver.publish(attributes({ 'csi.cert-manager.io/duration': '-1h' }));
    assert.equal(serialIn(node.target), serial);
    assert.deepEqual(node.kernel.mountPoints, [node.target]);
  });

  it("because this driver is in nobody's place: is an error, and the mount stays", async () => {
    node.compatibility = 'none';
    source = sourceOf(node.target);
    const serial = await leave();
    const driver = await node.start();
    for (let call = 0; call < 2; call++)
      await assert.rejects(driver.publish(source), failure('mount-failed', 'did not make'));
    assert.equal(serialIn(node.target), serial);
    assert.deepEqual(node.kernel.mountPoints, [node.target]);
    assert.deepEqual(fs.readdirSync(node.stateDirectory), []);
    assert.equal(node.api.created.length, 0);
  });
});

describe('the unpublish of a volume of another driver', () => {
  it('takes it off the node, with the keys in the tmpfs of that driver', async () => {
    await leave();
    const driver = await node.start();
    await driver.publish(source);
    await node.pass(16 * hour);
    await driver.unpublish(source);
    await quiet();
    assert.deepEqual(node.kernel.mountPoints, []);
    assert.equal(fs.existsSync(node.target), false);
    assert.deepEqual(remainsInOtherTmpfs(node), []);
    assert.deepEqual(fs.readdirSync(node.stateDirectory), []);
    assert.deepEqual(node.api.names, []);
  });

  it('does so also when it was never taken over', async () => {
    await leave();
    const driver = await node.start();
    await driver.unpublish(source);
    assert.deepEqual(node.kernel.mountPoints, []);
    assert.equal(fs.existsSync(node.target), false);
    assert.deepEqual(remainsInOtherTmpfs(node), []);
  });

  it('takes it off the node also when the files cannot be removed', async () => {
    await leave();
    const driver = await node.start();
    node.kernel.mountFailure = new Error('EPERM');
    await driver.unpublish(source);
    assert.deepEqual(node.kernel.mountPoints, []);
    assert.equal(fs.existsSync(node.target), false);
    assert.deepEqual(driver.errors, ['files of another driver stay in its tmpfs']);
  });

  it("touches no files where this driver is in nobody's place", async () => {
    node.compatibility = 'none';
    source = sourceOf(node.target);
    await leave();
    const driver = await node.start();
    await driver.unpublish(source);
    assert.deepEqual(node.kernel.mountPoints, []);
    assert.ok(remainsInOtherTmpfs(node).includes('tls.key'));
  });
});
