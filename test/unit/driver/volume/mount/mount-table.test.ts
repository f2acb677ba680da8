import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseMountTable } from '../../../../../src/driver/volume/mount/mount-table.ts';

describe('the mount table', () => {
  it('is read with any number of optional fields', () => {
    const text = [
      '22 1 0:20 / /proc rw,nosuid - proc proc rw',
      '36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 propagate_from:3 - ext3 /dev/root rw,errors=continue',
      '90 22 0:90 / /var/lib/kubelet/pods/1/mount rw,nosuid,nodev,noexec,relatime shared:7 - tmpfs csi.certmount.io rw,size=1024k',
      '',
    ].join('\n');
    assert.deepEqual(parseMountTable(text), [
      { mountPoint: '/proc', type: 'proc', source: 'proc' },
      { mountPoint: '/mnt2', type: 'ext3', source: '/dev/root' },
      { mountPoint: '/var/lib/kubelet/pods/1/mount', type: 'tmpfs', source: 'csi.certmount.io' },
    ]);
  });

  it('passes over lines that do not follow proc(5)', () => {
    assert.deepEqual(parseMountTable('\n-\na b c\n1 2 3 4 /x rw -\n1 2 3 4 /x rw - tmpfs\n'), []);
  });

  it('gives back any path as it was, whatever characters are in it', () => {
    const escape = (path: string): string =>
      path.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
    const path = fc.string({
      unit: fc.constantFrom(' ', '\t', '\n', '\\', '0', '4', '-', 'a', 'ä', '日', '😀'),
      minLength: 1,
    });
    fc.assert(
      fc.property(path, path, (mountPoint, source) => {
        const [mount] = parseMountTable(
          `1 2 0:3 / /${escape(mountPoint)} rw shared:1 - tmpfs ${escape(source)} rw\n`,
        );
        assert.deepEqual(mount, { mountPoint: `/${mountPoint}`, type: 'tmpfs', source });
      }),
    );
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => Array.isArray(parseMountTable(text))));
  });
});
