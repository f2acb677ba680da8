import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { VolumeFiles } from '../../../src/driver/volume/files/volume-files.ts';
import { CommandMounter, runCommand } from '../../../src/driver/volume/mount/command-mounter.ts';
import { openLibc } from '../../../src/driver/volume/mount/libc.ts';
import type { Mounter } from '../../../src/driver/volume/mount/mounter.ts';
import { SyscallMounter } from '../../../src/driver/volume/mount/syscall-mounter.ts';
import { VolumeMounts } from '../../../src/driver/volume/mount/volume-mounts.ts';
import { CsiClient, type VolumeOfPod } from '../../support/csi-client.ts';
import { eventually } from '../../support/eventually.ts';
import { ProgramProcess } from '../../support/program-process.ts';
import { DriverWorld, notRoot } from './support/driver-world.ts';
import { MountContainer } from './support/mount-container.ts';
import { OtherDriver } from './support/other-driver.ts';

const source = 'csi.cert-manager.io';

async function mounters(): Promise<Record<string, Mounter>> {
  const syscalls = await openLibc();
  const commands = new CommandMounter({}, { run: runCommand });
  return {
    'mount(8)': commands,
    ...(syscalls !== undefined && { 'system calls': new SyscallMounter({}, { syscalls }) }),
  };
}

function optionsOf(mountPoint: string): string | undefined {
  const lines = fs.readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.map((line) => line.split(' ')).findLast((fields) => fields[4] === mountPoint)?.[5];
}

for (const [how, mounter] of Object.entries(await mounters())) {
  describe(`a mount of another driver, by ${how}`, { skip: notRoot }, () => {
    let directory: string;
    let target: string;
    let other: OtherDriver;

    beforeEach(() => {
      directory = fs.mkdtempSync(join(tmpdir(), 'certmount-left-'));
      other = new OtherDriver(directory);
      target = join(directory, 'pods', 'mount');
      other.publish('csi-1', target, new Map([['tls.crt', 'of the other driver']]));
    });
    afterEach(() => {
      other[Symbol.dispose]();
      fs.rmSync(directory, { recursive: true });
    });

    const mountsWith = (takesOver: boolean): VolumeMounts =>
      new VolumeMounts({ source, sizeBytes: 65_536, takesOver }, { mounter, fs });

    it('is written to once it is taken over, which containers see that run, and cannot do themselves', async () => {
      using container = await MountContainer.start(target, directory);
      const read = (): string => container.run('cat "$1/tls.crt"');
      assert.equal(read(), 'of the other driver');
      const mounts = mountsWith(true);
      assert.equal(mounts.isLeftByOther(target), true);
      const files = new VolumeFiles({}, { fs, now: () => new Date() });
      const next = { files: new Map([['tls.crt', 'of this driver']]), group: undefined };
      assert.throws(() => files.write(target, next), /EROFS/);
      await mounts.takeOver(target);
      await mounts.takeOver(target);
      files.write(target, next);
      assert.equal(read(), 'of this driver');
      assert.throws(() => container.run('echo mine >"$1/tls.crt"'), /Read-only file system/);
      assert.throws(() => container.run('touch "$1/new"'), /Read-only file system/);
      const options = optionsOf(target)?.split(',') ?? [];
      for (const option of ['rw', 'nosuid', 'nodev', 'noexec']) assert.ok(options.includes(option), option);
      files.empty(target);
      assert.deepEqual(other.remainsOf('csi-1'), []);
    });

    it('is taken off by an unpublish, with its target path, and whatever is open in it', async () => {
      const mounts = mountsWith(true);
      const open = fs.openSync(join(target, 'tls.crt'), 'r');
      await mounts.remove(target);
      assert.equal(fs.existsSync(target), false);
      assert.equal(fs.readFileSync(open, 'utf8'), 'of the other driver');
      fs.closeSync(open);
      await mounts.remove(target);
    });

    it("is not mounted over nor written to by a driver that is in nobody's place", async () => {
      const mounts = mountsWith(false);
      await assert.rejects(mounts.ensure(target), /is a mount that this driver did not make/);
      assert.equal(mounts.isLeftByOther(target), false);
      assert.deepEqual([...mounts.list()].includes(target), false);
      assert.match(optionsOf(target) ?? '', /^ro,/);
    });
  });
}

describe('a driver in the place of another', { skip: notRoot, timeout: 120_000 }, () => {
  let world: DriverWorld;
  let other: OtherDriver;
  let kubeconfig: string;
  let driver: ProgramProcess | undefined;
  let csi: CsiClient;

  before(async () => {
    world = await DriverWorld.start();
    // As on a node: what is mounted here by one is seen by the others.
    execFileSync('mount', ['--bind', world.kubeletDir, world.kubeletDir]);
    execFileSync('mount', ['--make-shared', world.kubeletDir]);
    other = new OtherDriver(world.directory);
    kubeconfig = await world.driverKubeconfig();
  });
  beforeEach(() => startDriver());
  afterEach(() => endDriver());
  after(async () => {
    other?.[Symbol.dispose]();
    await world?.stop();
  });

  /** In a mount namespace of its own, as its container has one. */
  async function startDriver(): Promise<void> {
    const socket = join(world.directory, 'taking.sock');
    driver = new ProgramProcess({
      program: 'driver',
      wrapper: ['unshare', '--mount', '--propagation=unchanged'],
      flags: Object.entries({
        '--compatibility': 'cert-manager',
        '--kubeconfig': kubeconfig,
        '--node-id': 'node-1',
        '--endpoint': `unix://${socket}`,
        '--state-dir': join(world.directory, 'taking'),
        '--kubelet-dir': world.kubeletDir,
        '--log-level': 'debug',
      }).flat(),
    });
    await driver.saying('serving');
    csi = new CsiClient(socket);
  }

  async function endDriver(): Promise<void> {
    csi?.close();
    await driver?.end('SIGKILL');
    driver = undefined;
  }

  /** A volume that is the other driver's, with files of the same issuer, for a pod that runs. */
  async function leave(attributes: Readonly<Record<string, string>>): Promise<VolumeOfPod> {
    const volume = await world.newVolume({ 'dns-names': 'api.web.svc.cluster.local', ...attributes });
    await csi.publish(volume);
    const files = new Map(
      ['tls.crt', 'tls.key', 'ca.crt'].map((name) => [name, fs.readFileSync(join(volume.targetPath, name))]),
    );
    await csi.unpublish(volume);
    other.publish(volume.volumeId, volume.targetPath, files);
    return volume;
  }

  function serialIn(folder: string): string {
    const data = fs.readlinkSync(join(folder, '..data'));
    const certificate = new X509Certificate(fs.readFileSync(join(folder, data, 'tls.crt')));
    assert.ok(certificate.checkPrivateKey(createPrivateKey(fs.readFileSync(join(folder, data, 'tls.key')))));
    return certificate.serialNumber;
  }

  const renewed = (folder: string, serial: string): Promise<string> =>
    eventually('the renewal', () => {
      const now = serialIn(folder);
      return now === serial ? undefined : now;
    });

  const requestsGone = (volume: VolumeOfPod): Promise<true> =>
    eventually('its requests to go', async () => (await world.requestsOf(volume)).length === 0 || undefined);

  it('renews a volume of that one for containers that run, across a restart, and leaves no key behind', async () => {
    const volume = await leave({ duration: '1m', 'renew-before': '51s' });
    const { targetPath, volumeId } = volume;
    using container = await MountContainer.start(targetPath, world.directory);
    const first = serialIn(container.path);
    assert.match(container.run('cat "$1/tls.key"'), /BEGIN RSA PRIVATE KEY/);
    await csi.publish(volume);
    const second = await renewed(container.path, first);
    assert.match(container.run('cat "$1/tls.key"'), /BEGIN RSA PRIVATE KEY/);
    assert.throws(() => container.run('echo mine >"$1/tls.crt"'), /Read-only file system/);
    assert.match(
      optionsOf(targetPath) ?? '',
      /^ro,/,
      'the mount of the node, of which new containers are made',
    );

    await endDriver();
    await startDriver();
    await renewed(container.path, await renewed(container.path, second));
    await csi.publish(volume);

    await csi.unpublish(volume);
    assert.equal(fs.existsSync(targetPath), false);
    assert.deepEqual(other.remainsOf(volumeId), []);
    assert.deepEqual(fs.readdirSync(container.path), []);
    assert.deepEqual(fs.readdirSync(join(world.directory, 'taking')), []);
    await requestsGone(volume);
  });

  it('keeps what lies there and asks for nothing, as long as that is whole and lives', async () => {
    const volume = await leave({});
    const before = fs.readdirSync(volume.targetPath).sort();
    await requestsGone(volume);
    await csi.publish(volume);
    await csi.publish(volume);
    assert.deepEqual(fs.readdirSync(volume.targetPath).sort(), before);
    assert.equal((await world.requestsOf(volume)).length, 0);
    assert.deepEqual(fs.readdirSync(join(world.directory, 'taking')), [`${volume.volumeId}.json`]);
    await csi.unpublish(volume);
  });
});
