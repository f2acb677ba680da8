import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { root } from '../../../tools/run-command.ts';

const page = readFileSync(join(root, 'docs/security.md'), 'utf8');

describe('the table of attacks', () => {
  const named = [...page.matchAll(/\]\(\.\.\/(test\/[^)]+)\): _([^_]+)_/g)].map(
    ([, file = '', title = '']) => ({
      file,
      title,
    }),
  );

  it('names tests that there are', () => {
    assert.ok(named.length > 60, String(named.length));
    const missing = named.filter(({ file, title }) => {
      const text = readFileSync(join(root, file), 'utf8').replaceAll("\\'", "'");
      return !["'", '"', '`'].some((mark) =>
        ['it', 'describe'].some((word) => text.includes(`${word}(${mark}${title}${mark}`)),
      );
    });
    assert.deepEqual(missing, []);
  });

  it('names a test of each file of the suite', () => {
    const files = globSync('test/security/*.test.ts', { cwd: root });
    assert.ok(files.length > 5);
    const absent = files.filter((file) => !named.some((one) => one.file === file));
    assert.deepEqual(absent, []);
  });
});
