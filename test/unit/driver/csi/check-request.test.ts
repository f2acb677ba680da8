import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  checkPublishRequest,
  checkUnpublishRequest,
  checkVolumeId,
} from '../../../../src/driver/csi/check-request.ts';
import type { NodePublishVolumeRequest__Output } from '../../../../src/driver/csi/generated/csi/v1/NodePublishVolumeRequest.ts';
import { contextOf, failure } from '../support/builders.ts';

const kubeletDir = '/var/lib/kubelet';
type Request = NodePublishVolumeRequest__Output;
type Capability = NonNullable<Request['volume_capability']>;

function request(changes: Partial<Request> = {}): Request {
  return {
    volume_id: 'csi-1',
    target_path: `${kubeletDir}/pods/1/volumes/kubernetes.io~csi/tls/mount`,
    publish_context: {},
    staging_target_path: '',
    volume_capability: capability(),
    readonly: true,
    secrets: {},
    volume_context: contextOf(),
    ...changes,
  };
}

function capability(mount: Partial<NonNullable<Capability['mount']>> = {}): Capability {
  return {
    mount: { fs_type: '', mount_flags: [], volume_mount_group: '', ...mount },
    access_mode: { mode: 'SINGLE_NODE_WRITER' },
    access_type: 'mount',
  };
}

const check = (changes: Partial<Request>) => checkPublishRequest(request(changes), kubeletDir);

describe('a publish request as the kubelet sends it', () => {
  it('is taken', () => {
    assert.deepEqual(check({ volume_capability: capability({ volume_mount_group: '2000' }) }), {
      volumeId: 'csi-1',
      targetPath: `${kubeletDir}/pods/1/volumes/kubernetes.io~csi/tls/mount`,
      context: contextOf(),
      mountGroup: 2000,
      seLinuxContext: undefined,
      secrets: {},
    });
    assert.equal(check({}).mountGroup, undefined);
    assert.equal(check({ volume_capability: capability({ volume_mount_group: '0' }) }).mountGroup, 0);
    assert.ok(check({ volume_capability: capability({ fs_type: 'tmpfs' }) }));
  });

  it('is taken with the label that the whole volume is to have under SELinux', () => {
    for (const label of [
      'system_u:object_r:container_file_t:s0:c15,c25',
      'system_u:object_r:container_file_t:s0',
      'system_u:object_r:container_file_t',
      'system_u:object_r:svirt_sandbox_file_t:s0-s0:c0.c1023',
    ]) {
      const flags = [`context="${label}"`];
      assert.equal(check({ volume_capability: capability({ mount_flags: flags }) }).seLinuxContext, label);
    }
    assert.equal(check({}).seLinuxContext, undefined);
  });
});

/** In the order in which they are asked: each row is wrong in its own point and in all that follow. */
const rows: [string, Partial<Request>, string][] = [
  ['no volume id', { volume_id: '' }, 'volume_id: must be set'],
  ['a volume id that leads elsewhere', { volume_id: '../x' }, 'volume_id: must be at most 128'],
  ['no target path', { target_path: '' }, 'target_path: must be set'],
  [
    'a target path that is relative',
    { target_path: 'pods/1' },
    'target_path: "pods/1" must be an absolute path',
  ],
  ['a target path that climbs', { target_path: `${kubeletDir}/../x` }, 'without "." and ".."'],
  ['a target path elsewhere', { target_path: '/etc' }, `must be under the kubelet's directory ${kubeletDir}`],
  ['no capability', { volume_capability: null }, 'volume_capability: must be set'],
  [
    'a block volume',
    { volume_capability: { block: {}, access_mode: null, access_type: 'block' } },
    'volume_capability.access_type: must be mount',
  ],
  [
    'a file system',
    { volume_capability: capability({ fs_type: 'ext4' }) },
    'volume_capability.mount.fs_type: "ext4"',
  ],
  [
    'mount flags',
    { volume_capability: capability({ mount_flags: ['exec'] }) },
    'volume_capability.mount.mount_flags: ["exec"] is not served: only one flag context=',
  ],
  [
    'no inline volume',
    { volume_context: {} },
    'volume_context["csi.storage.k8s.io/ephemeral"]: must be "true"',
  ],
  ['a volume to write to', { readonly: false }, 'readonly: must be true'],
  [
    'a group that is none',
    { volume_capability: capability({ volume_mount_group: 'wheel' }) },
    'volume_mount_group: "wheel" must be a group id',
  ],
];

describe('a publish request', () => {
  for (const [what, changes, message] of rows) {
    it(`with ${what} is refused: ${message}`, () => {
      assert.throws(() => check(changes), failure('invalid-request', message));
    });
  }

  it('with several faults is refused for the first', () => {
    const all = Object.assign({}, ...rows.map(([, changes]) => changes).toReversed()) as Partial<Request>;
    assert.throws(() => check(all), failure('invalid-request', 'volume_id: must be set'));
    const later = { ...all, volume_id: 'csi-1', target_path: `${kubeletDir}/x` };
    assert.throws(() => check(later), failure('invalid-request', 'volume_capability: must be set'));
  });

  it('is refused for any path that is not plainly under the folder', () => {
    for (const path of [
      kubeletDir,
      `${kubeletDir}/`,
      `${kubeletDir}x/y`,
      `${kubeletDir}//x`,
      `${kubeletDir}/./x`,
      `${kubeletDir}/x/`,
      `${kubeletDir}/x\0`,
      `//var/lib/kubelet/x`,
    ]) {
      assert.throws(() => check({ target_path: path }), failure('invalid-request', 'target_path'), path);
    }
  });

  it('is refused for every flag but one label, and for a label that holds more than a label', () => {
    const label = 'system_u:object_r:container_file_t:s0:c15,c25';
    for (const flags of [
      [`context="${label}"`, 'exec'],
      [`context="${label}"`, `context="${label}"`],
      [`context=${label}`],
      [`rootcontext="${label}"`],
      [`fscontext="${label}"`],
      [`context="${label}",size=1g`],
      [`context="${label}",suid,context="${label}"`],
      [`context="${label}" `],
      ['context=""'],
      ['context="a:b"'],
      ['context="a:b:c d"'],
      ['context="a:b:c\\"'],
      ['context="a:b:c\n"'],
      [`context="${label}"\n`],
      [''],
    ]) {
      assert.throws(
        () => check({ volume_capability: capability({ mount_flags: flags }) }),
        failure('invalid-request', 'mount_flags'),
        JSON.stringify(flags),
      );
    }
  });

  it('is refused for groups that the kernel does not have', () => {
    for (const group of ['-1', '4294967295', '1e3', ' 1', '99999999999']) {
      assert.throws(
        () => check({ volume_capability: capability({ volume_mount_group: group }) }),
        failure('invalid-request'),
      );
    }
  });
});

describe('an unpublish request', () => {
  it('is checked for id and path alike', () => {
    const checkUnpublish = (volume_id: string, target_path: string): void =>
      checkUnpublishRequest({ volume_id, target_path }, kubeletDir);
    checkUnpublish('csi-1', `${kubeletDir}/x`);
    assert.throws(() => checkUnpublish('', `${kubeletDir}/x`), failure('invalid-request', 'volume_id'));
    assert.throws(() => checkUnpublish('csi-1', ''), failure('invalid-request', 'target_path'));
    assert.throws(() => checkUnpublish('csi-1', '/etc'), failure('invalid-request', 'target_path'));
  });
});

describe('a volume id', () => {
  it('is at most 128 characters that make a file name', () => {
    checkVolumeId('x'.repeat(128));
    for (const id of ['x'.repeat(129), '.', '..', '.x', 'a b', 'ä', 'a/b', 'a\n']) {
      assert.throws(() => checkVolumeId(id), failure('invalid-request', 'volume_id'), id);
    }
  });
});
