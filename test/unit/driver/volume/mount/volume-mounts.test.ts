import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  MountError,
  type Mounter,
  type TmpfsOptions,
} from '../../../../../src/driver/volume/mount/mounter.ts';
import { VolumeMounts } from '../../../../../src/driver/volume/mount/volume-mounts.ts';
import { failure } from '../../support/builders.ts';
import { FakeKernel } from '../../support/fake-kernel.ts';

const source = 'csi.certmount.io';
let directory: string;
let target: string;
let kernel: FakeKernel;
let mounts: VolumeMounts;

beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'certmount mounts-'));
  target = join(directory, 'mount');
  kernel = new FakeKernel();
  mounts = new VolumeMounts(
    { source, sizeBytes: 65_536, takesOver: false },
    { mounter: kernel, fs: kernel.fs },
  );
});
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

describe('the mount of a volume', () => {
  it('is made once, on a target path that is made too', async () => {
    assert.equal(mounts.isMounted(target), false);
    await mounts.ensure(target);
    await mounts.ensure(target);
    assert.equal(mounts.isMounted(target), true);
    assert.deepEqual(kernel.mountPoints, [target]);
    assert.deepEqual([...mounts.list()], [target]);
  });

  it('is made on a target path that is there', async () => {
    fs.mkdirSync(target);
    await mounts.ensure(target);
    assert.equal(mounts.isMounted(target), true);
  });

  it('has the SELinux label that the kubelet asks for, and none without', async () => {
    const mounted: TmpfsOptions[] = [];
    const mounter: Mounter = {
      mountTmpfs: (path, options) => {
        mounted.push(options);
        return kernel.mountTmpfs(path, options);
      },
      makeWritable: (path) => kernel.makeWritable(path),
      unmount: (path) => kernel.unmount(path),
    };
    const labelled = new VolumeMounts(
      { source, sizeBytes: 65_536, takesOver: false },
      { mounter, fs: kernel.fs },
    );
    await labelled.ensure(target, 'system_u:object_r:container_file_t:s0:c1,c2');
    await labelled.ensure(join(directory, 'plain'));
    assert.deepEqual(
      mounted.map(({ seLinuxContext }) => seLinuxContext),
      ['system_u:object_r:container_file_t:s0:c1,c2', undefined],
    );
  });

  it("is not made on somebody else's mount, nor beside the kubelet's folder", async () => {
    fs.mkdirSync(target);
    await kernel.mountTmpfs(target, { source: 'other', sizeBytes: 1, mode: 0o700 });
    await assert.rejects(mounts.ensure(target), failure('mount-failed', 'did not make'));
    await assert.rejects(mounts.ensure(join(directory, 'no', 'mount')), failure('mount-failed', 'ENOENT'));
  });

  it('is not made on a file or a link', async () => {
    fs.writeFileSync(target, '');
    await assert.rejects(mounts.ensure(target), failure('mount-failed', 'not a directory'));
    fs.rmSync(target);
    fs.symlinkSync(directory, target);
    await assert.rejects(mounts.ensure(target), failure('mount-failed', 'not a directory'));
  });

  it('is listed among the mounts, others are not', async () => {
    await mounts.ensure(target);
    const other = join(directory, 'other');
    fs.mkdirSync(other);
    await kernel.mountTmpfs(other, { source: 'other', sizeBytes: 1, mode: 0o700 });
    assert.deepEqual([...mounts.list()], [target]);
  });

  it('fails by lack of room or of rights, and says which', async () => {
    kernel.mountFailure = new MountError('cannot mount', 'ENOSPC');
    await assert.rejects(mounts.ensure(target), failure('no-space'));
    kernel.mountFailure = new MountError('cannot mount: EPERM', 'EPERM');
    await assert.rejects(mounts.ensure(target), failure('mount-failed', 'EPERM'));
  });
});

describe('a mount of another driver', () => {
  const inPlaceOf = (takesOver: boolean): VolumeMounts =>
    new VolumeMounts({ source, sizeBytes: 65_536, takesOver }, { mounter: kernel, fs: kernel.fs });
  const leave = (): void => {
    fs.mkdirSync(join(directory, 'left'));
    kernel.bindReadOnly(join(directory, 'left'), target);
  };

  it('is told from none and from those of this driver', async () => {
    const taking = inPlaceOf(true);
    for (const what of ['nothing', 'a folder', 'a mount of ours']) {
      if (what === 'a folder') fs.mkdirSync(target);
      if (what === 'a mount of ours') await taking.ensure(target);
      assert.equal(taking.isForeign(target), false, what);
      assert.equal(taking.isLeftByOther(target), false, what);
    }
    await taking.remove(target);
    leave();
    assert.equal(taking.isForeign(target), true);
    assert.equal(taking.isLeftByOther(target), true);
    assert.deepEqual([...taking.list()], []);
  });

  it("is not to be taken over by a driver that is in nobody's place", () => {
    leave();
    assert.equal(mounts.isForeign(target), true);
    assert.equal(mounts.isLeftByOther(target), false);
    assert.equal(inPlaceOf(false).isLeftByOther(target), false);
  });

  it('is not to be taken over when it is no tmpfs', () => {
    leave();
    const disk = kernel.mountinfo().replace('- tmpfs tmpfs', '- ext4 /dev/sda1');
    const readFileSync = (() => disk) as unknown as typeof fs.readFileSync;
    const taking = new VolumeMounts(
      { source, sizeBytes: 65_536, takesOver: true },
      { mounter: kernel, fs: { ...kernel.fs, readFileSync } },
    );
    assert.equal(taking.isForeign(target), true);
    assert.equal(taking.isLeftByOther(target), false);
  });

  it('counts as what lies topmost', async () => {
    leave();
    await kernel.mountTmpfs(target, { source, sizeBytes: 1, mode: 0o550 });
    assert.equal(inPlaceOf(true).isForeign(target), false);
  });

  it('is made writable, or says why not', async () => {
    leave();
    const taking = inPlaceOf(true);
    const write = (): void => kernel.guarded(fs).writeFileSync(join(target, 'file'), '');
    assert.throws(write, /EROFS/);
    kernel.mountFailure = new MountError('cannot write: EPERM', 'EPERM');
    await assert.rejects(taking.takeOver(target), failure('mount-failed', 'cannot take over', 'EPERM'));
    kernel.mountFailure = undefined;
    await taking.takeOver(target);
    write();
  });
});

describe('removing a mount', () => {
  it('takes all of them and the target path, and is fine with nothing', async () => {
    await mounts.remove(target);
    await mounts.ensure(target);
    await kernel.mountTmpfs(target, { source, sizeBytes: 1, mode: 0o550 });
    await mounts.remove(target);
    assert.deepEqual(kernel.mountPoints, []);
    assert.ok(!fs.existsSync(target));
    await mounts.remove(join(directory, 'no', 'such', 'path'));
  });

  it('takes no files that it does not know', async () => {
    fs.mkdirSync(target);
    fs.writeFileSync(join(target, 'precious'), '');
    await assert.rejects(mounts.remove(target), failure('mount-failed', 'ENOTEMPTY'));
    assert.ok(fs.existsSync(join(target, 'precious')));
  });
});
