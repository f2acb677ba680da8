import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { MountError } from '../../../../../src/driver/volume/mount/mounter.ts';
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
  mounts = new VolumeMounts({ source, sizeBytes: 65_536 }, { mounter: kernel, fs: kernel.fs });
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
