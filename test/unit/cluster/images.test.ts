import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { archiveImage, buildImage, type ImageSpec } from '../../cluster/images.ts';
import { tar } from '../../cluster/images/tar.ts';

const spec: ImageSpec = {
  name: 'certmount.io/test/example:1',
  base: [{ to: '/etc/passwd', content: 'root:x:0:0\n' }],
  files: [
    { to: '/deep/in/it/file', content: 'hello', mode: 0o755 },
    { to: '/link', link: 'deep/in/it/file' },
    { to: '/tmp', directory: true, mode: 0o1777 },
  ],
  entrypoint: ['/link'],
  env: { A: 'b' },
};

describe('an image built from files', () => {
  it('is the same for the same files', async () => {
    assert.deepEqual(archiveImage(await buildImage(spec)), archiveImage(await buildImage(spec)));
  });

  it('has each blob under its digest', async () => {
    const { blobs } = await buildImage(spec);
    for (const [digest, blob] of blobs) {
      assert.equal(digest, `sha256:${createHash('sha256').update(blob).digest('hex')}`);
    }
  });

  it('shares the layer of a common base, which can be left out of the archive', async () => {
    const first = await buildImage(spec);
    const second = await buildImage({
      ...spec,
      name: 'certmount.io/test/other:1',
      files: [{ to: '/x', content: 'x' }],
    });
    const common = [...second.blobs.keys()].filter((digest) => first.blobs.has(digest));
    assert.equal(common.length, 1);
    const archive = archiveImage(second, new Set(first.blobs.keys())).toString('latin1');
    assert.ok(!archive.includes('root:x:0:0'));
  });
});

describe('a tar archive', () => {
  const long = `${'folder/'.repeat(20)}file`;

  it('is what tar(1) understands: files, modes, links, folders, long paths', () => {
    const folder = mkdtempSync(join(tmpdir(), 'certmount-tar-'));
    try {
      const archive = tar([
        { type: 'directory', path: 'd', mode: 0o1777 },
        { type: 'file', path: 'd/f', mode: 0o750, content: Buffer.alloc(1000, 'x') },
        { type: 'link', path: 'l', target: 'd/f' },
        { type: 'file', path: long, mode: 0o644, content: Buffer.from('deep') },
      ]);
      execFileSync('tar', ['-xpf', '-', '-C', folder], { input: archive });
      assert.equal(readFileSync(join(folder, 'l'), 'utf8'), 'x'.repeat(1000));
      assert.equal(statSync(join(folder, 'd')).mode & 0o7777, 0o1777);
      assert.equal(statSync(join(folder, 'd/f')).mode & 0o7777, 0o750);
      assert.equal(readFileSync(join(folder, long), 'utf8'), 'deep');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('refuses a name that does not fit', () => {
    assert.throws(() => tar([{ type: 'link', path: 'l', target: 'x'.repeat(101) }]), /too long/);
  });
});
