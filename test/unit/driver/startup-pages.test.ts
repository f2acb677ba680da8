import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { describe, it } from 'node:test';
import { dropStartupPages, unchangedFileMappings } from '../../../src/driver/startup-pages.ts';
import { openLibc } from '../../../src/driver/volume/mount/libc.ts';

const entry = (head: string, anonymousKb: number): string =>
  [head, 'Size: 100 kB', 'Rss: 80 kB', `Anonymous:          ${anonymousKb} kB`, 'VmFlags: rd ex'].join('\n');

describe('pages of program files', () => {
  it('are given back where the mapping is read-only and as the file has it, nowhere else', () => {
    const smaps = [
      entry('00400000-00800000 r-xp 00000000 08:01 12345      /usr/bin/node', 0),
      entry('00800000-00900000 r--p 00400000 08:01 12345      /usr/bin/node', 0),
      entry('00900000-00a00000 r--p 00500000 08:01 12345      /usr/lib/libc.so.6', 4),
      entry('00a00000-00b00000 rw-p 00600000 08:01 12345      /usr/bin/node', 0),
      entry('00b00000-00c00000 r--s 00000000 08:01 777        /usr/lib/locale.cache', 0),
      entry('00c00000-00d00000 r-xp 00000000 00:00 0 ', 0),
      entry('7ffd0000-7ffd1000 r-xp 00000000 00:00 0          [vdso]', 0),
      '',
    ].join('\n');
    assert.deepEqual(unchangedFileMappings(smaps), [
      { from: 0x400000n, to: 0x800000n },
      { from: 0x800000n, to: 0x900000n },
    ]);
  });

  it('come back when they are used: this process goes on after its own are dropped', async (test) => {
    const libc = await openLibc();
    if (libc === undefined) return test.skip('this Node has no foreign-function interface');
    const resident = (): number =>
      Number(/RssFile:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))?.[1]);
    const before = resident();
    dropStartupPages({ fs, madvise: libc.madvise });
    const after = resident();
    assert.ok(after < before / 2, `${before} kB, then ${after} kB`);
    assert.equal(JSON.stringify(structuredClone({ still: ['alive'] })), '{"still":["alive"]}');
  });
});
