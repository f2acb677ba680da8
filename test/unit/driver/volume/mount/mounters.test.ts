import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { describe, it } from 'node:test';
import { CommandMounter } from '../../../../../src/driver/volume/mount/command-mounter.ts';
import { MountError } from '../../../../../src/driver/volume/mount/mounter.ts';
import { SyscallMounter } from '../../../../../src/driver/volume/mount/syscall-mounter.ts';

const { EBUSY, EINVAL, EPERM } = constants.errno;
const label = 'system_u:object_r:container_file_t:s0:c15,c25';
const options = { source: 'csi.certmount.io', sizeBytes: 1_048_576, mode: 0o550 };

function syscalls(answers: { mount?: (data: string) => number; umount2?: (flags: number) => number }) {
  const calls: unknown[][] = [];
  const mounter = new SyscallMounter(
    {},
    {
      syscalls: {
        mount: (...args) => {
          calls.push(args);
          return answers.mount?.(args[4]) ?? 0;
        },
        umount2: (...args) => {
          calls.push(args);
          return answers.umount2?.(args[1]) ?? 0;
        },
      },
    },
  );
  return { calls, mounter };
}

describe('mounting by system call', () => {
  it('makes a tmpfs of the size, for nobody else, without programs, devices and swap', async () => {
    const { calls, mounter } = syscalls({});
    await mounter.mountTmpfs('/t', options);
    assert.deepEqual(calls, [['csi.certmount.io', '/t', 'tmpfs', 14n, 'size=1048576,mode=550,noswap']]);
  });

  it('labels the volume for SELinux, in quotes because categories are separated by commas', async () => {
    const { calls, mounter } = syscalls({});
    await mounter.mountTmpfs('/t', { ...options, seLinuxContext: label });
    assert.equal(calls[0]?.[4], `size=1048576,mode=550,noswap,context="${label}"`);
  });

  it('keeps the label where the kernel knows no noswap, and tells of a kernel that knows no label', async () => {
    const old = syscalls({ mount: (data) => (data.includes('noswap') ? EINVAL : 0) });
    await old.mounter.mountTmpfs('/t', { ...options, seLinuxContext: label });
    assert.equal(old.calls.at(-1)?.[4], `size=1048576,mode=550,context="${label}"`);
    const none = syscalls({ mount: (data) => (data.includes('context') ? EINVAL : 0) });
    await assert.rejects(none.mounter.mountTmpfs('/t', { ...options, seLinuxContext: label }), /EINVAL/);
    await none.mounter.mountTmpfs('/t', options);
    assert.match(String(none.calls.at(-1)?.[4]), /noswap$/);
  });

  it('does without noswap where the kernel does not know it, and remembers', async () => {
    const { calls, mounter } = syscalls({ mount: (data) => (data.includes('noswap') ? EINVAL : 0) });
    await mounter.mountTmpfs('/t', options);
    await mounter.mountTmpfs('/u', options);
    assert.deepEqual(
      calls.map(([, target, , , data]) => [target, data]),
      [
        ['/t', 'size=1048576,mode=550,noswap'],
        ['/t', 'size=1048576,mode=550'],
        ['/u', 'size=1048576,mode=550'],
      ],
    );
  });

  it('goes on with noswap when it was not the cause', async () => {
    let fails = true;
    const { calls, mounter } = syscalls({ mount: () => (fails ? EINVAL : 0) });
    await assert.rejects(mounter.mountTmpfs('/t', options), /cannot mount a tmpfs on \/t: EINVAL/);
    fails = false;
    await mounter.mountTmpfs('/t', options);
    assert.match(String(calls.at(-1)?.[4]), /noswap$/);
  });

  it('says which errno it was', async () => {
    const { mounter } = syscalls({ mount: () => EPERM, umount2: () => EPERM });
    await assert.rejects(
      mounter.mountTmpfs('/t', options),
      (error) => error instanceof MountError && error.code === 'EPERM',
    );
    await assert.rejects(mounter.unmount('/t'), /cannot unmount \/t: EPERM/);
    const odd = syscalls({ mount: () => 9999 });
    await assert.rejects(odd.mounter.mountTmpfs('/t', options), /errno 9999/);
  });

  it('makes a mount writable, with the flags of this mount alone, and still without programs and devices', async () => {
    const { calls, mounter } = syscalls({});
    await mounter.makeWritable('/t');
    // MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND
    assert.deepEqual(calls, [['none', '/t', '', 2n + 4n + 8n + 32n + 4096n, '']]);
    const refused = syscalls({ mount: () => EPERM });
    await assert.rejects(refused.mounter.makeWritable('/t'), /cannot write to the mount on \/t: EPERM/);
  });

  it('unmounts, never through a link, and what is busy when it is no longer', async () => {
    const { calls, mounter } = syscalls({ umount2: (flags) => (flags & 2 ? 0 : EBUSY) });
    await mounter.unmount('/t');
    assert.deepEqual(calls, [
      ['/t', 8],
      ['/t', 10],
    ]);
  });
});

function commands(answer: (args: readonly string[]) => { exitCode: number; stderr: string }) {
  const calls: string[] = [];
  const mounter = new CommandMounter(
    {},
    {
      run: async (file, args) => {
        calls.push([file, ...args].join(' '));
        return answer(args);
      },
    },
  );
  return { calls, mounter };
}
const fine = { exitCode: 0, stderr: '' };

describe('mounting by mount(8)', () => {
  it('asks for the same', async () => {
    const { calls, mounter } = commands(() => fine);
    await mounter.mountTmpfs('/t', options);
    await mounter.unmount('/t');
    assert.deepEqual(calls, [
      'mount -t tmpfs -o nosuid,nodev,noexec,size=1048576,mode=550,noswap csi.certmount.io /t',
      'umount -n /t',
    ]);
    await mounter.mountTmpfs('/t', { ...options, seLinuxContext: label });
    assert.equal(
      calls.at(-1),
      `mount -t tmpfs -o nosuid,nodev,noexec,size=1048576,mode=550,noswap,context="${label}" csi.certmount.io /t`,
    );
  });

  it('does without noswap where the kernel does not know it, and remembers', async () => {
    const { calls, mounter } = commands((args) =>
      args.join().includes('noswap') ? { exitCode: 32, stderr: 'wrong fs type' } : fine,
    );
    await mounter.mountTmpfs('/t', options);
    await mounter.mountTmpfs('/u', options);
    assert.equal(calls.length, 3);
    assert.doesNotMatch(calls[2] ?? '', /noswap/);
  });

  it('says what mount(8) says', async () => {
    const { mounter } = commands(() => ({ exitCode: 32, stderr: 'must be superuser\n' }));
    await assert.rejects(
      mounter.mountTmpfs('/t', options),
      /cannot mount a tmpfs on \/t: must be superuser$/,
    );
    await assert.rejects(mounter.unmount('/t'), /cannot unmount \/t: must be superuser$/);
    await assert.rejects(mounter.makeWritable('/t'), /cannot write to the mount on \/t: must be superuser$/);
  });

  it('makes a mount writable', async () => {
    const { calls, mounter } = commands(() => fine);
    await mounter.makeWritable('/t');
    assert.deepEqual(calls, ['mount -n -o remount,bind,rw,nosuid,nodev,noexec /t']);
  });

  it('unmounts what is busy when it is no longer', async () => {
    const { calls, mounter } = commands((args) =>
      args.includes('-l') ? fine : { exitCode: 32, stderr: 'busy' },
    );
    await mounter.unmount('/t');
    assert.deepEqual(calls, ['umount -n /t', 'umount -n -l /t']);
  });
});
