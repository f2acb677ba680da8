import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openLibc } from '../../../src/driver/volume/mount/libc.ts';
import { SyscallMounter } from '../../../src/driver/volume/mount/syscall-mounter.ts';
import { VolumeMounts } from '../../../src/driver/volume/mount/volume-mounts.ts';
import { eventually } from '../../support/eventually.ts';
import { notRoot } from './support/driver-world.ts';

// linux/mount.h, linux/fcntl.h
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const OPEN_TREE_CLONE = 1;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MOUNT_ATTR_IDMAP = 0x00100000n;

/** The first id on the node of a pod with `hostUsers: false`; the kubelet gives each such pod 65536. */
const firstId = 100_000;
const group = 2000;

function obstacle(): string | false {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return notRoot || (major * 1000 + minor < 6003 ? 'tmpfs takes mappings of ids from Linux 6.3 on' : false);
}

/**
 * What a container runtime does with a volume of a pod with `hostUsers: false`: it mounts it once more, with the ids of the
 * pod's user namespace. (The containerd of Debian 12 is too old to do it for a kubelet.)
 */
describe('a volume in the user namespace of a pod', { skip: obstacle() }, () => {
  let directory: string;
  let pod: ChildProcess;
  let mounts: VolumeMounts;
  const volume = (): string => join(directory, 'volume');
  const mapped = (): string => join(directory, 'mapped');

  before(async () => {
    directory = fs.mkdtempSync(join(tmpdir(), 'certmount-idmapped-'));
    fs.chmodSync(directory, 0o755);
    const syscalls = (await openLibc()) ?? assert.fail('no foreign-function interface');
    mounts = new VolumeMounts(
      { source: 'csi.certmount.io', sizeBytes: 65_536, takesOver: false },
      { mounter: new SyscallMounter({}, { syscalls }), fs },
    );
    await mounts.ensure(volume());
    fs.writeFileSync(join(volume(), 'tls.key'), 'key', { mode: 0o440 });
    for (const path of [volume(), join(volume(), 'tls.key')]) fs.chownSync(path, 0, group);
    fs.mkdirSync(mapped());
    pod = await startUserNamespace();
    await mountMapped(volume(), mapped(), pod.pid ?? assert.fail());
  });
  after(async () => {
    pod?.kill('SIGKILL');
    if (fs.existsSync(mapped())) execFileSync('umount', ['--lazy', mapped()]);
    await mounts?.remove(volume());
    fs.rmSync(directory, { recursive: true, force: true });
  });

  it('is read through the group of the pod, whose number is that of the pod', () => {
    assert.equal(inPod(group, 'cat', join(mapped(), 'tls.key')), 'key');
    assert.equal(inPod(group, 'stat', '--format=%a %u:%g', join(mapped(), 'tls.key')), '440 0:2000\n');
  });

  it('is not read by others there, and not without the mapping', () => {
    assert.throws(() => inPod(group + 1, 'cat', join(mapped(), 'tls.key')), /Permission denied/);
    assert.throws(() => inPod(group, 'cat', join(volume(), 'tls.key')), /Permission denied/);
  });

  /** As a process of the pod that is not root. */
  function inPod(gid: number, ...command: string[]): string {
    const enter = [`--target=${pod.pid}`, '--user', '--setuid=1000', `--setgid=${gid}`, '--'];
    return execFileSync('nsenter', [...enter, ...command], { encoding: 'utf8', stdio: 'pipe' });
  }
});

async function startUserNamespace(): Promise<ChildProcess> {
  const pod = spawn('unshare', ['--user', 'sleep', '600'], { stdio: 'ignore' });
  const proc = `/proc/${pod.pid}`;
  const own = fs.readlinkSync('/proc/self/ns/user');
  await eventually('a user namespace', () => fs.readlinkSync(`${proc}/ns/user`) !== own || undefined);
  for (const map of ['uid_map', 'gid_map']) fs.writeFileSync(join(proc, map), `0 ${firstId} 65536\n`);
  return pod;
}

/** Mounts what is at `source` at `target` too, with its ids mapped as in the process's user namespace. */
async function mountMapped(source: string, target: string, pid: number): Promise<void> {
  const { dlopen } = await import('node:ffi');
  const { functions: libc } = dlopen('libc.so.6', {
    open_tree: { arguments: ['i32', 'string', 'u32'], return: 'i32' },
    mount_setattr: { arguments: ['i32', 'string', 'u32', 'buffer', 'u64'], return: 'i32' },
    move_mount: { arguments: ['i32', 'string', 'i32', 'string', 'u32'], return: 'i32' },
  });
  const namespace = fs.openSync(`/proc/${pid}/ns/user`, 'r');
  const tree = libc.open_tree(AT_FDCWD, source, OPEN_TREE_CLONE);
  assert.ok(tree >= 0, 'open_tree');
  // struct mount_attr: attr_set, attr_clr, propagation, userns_fd
  const attributes = Buffer.from(new BigUint64Array([MOUNT_ATTR_IDMAP, 0n, 0n, BigInt(namespace)]).buffer);
  const size = BigInt(attributes.byteLength);
  assert.equal(libc.mount_setattr(tree, '', AT_EMPTY_PATH, attributes, size), 0, 'mount_setattr');
  assert.equal(libc.move_mount(tree, '', AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH), 0, 'move_mount');
  fs.closeSync(tree);
  fs.closeSync(namespace);
}
