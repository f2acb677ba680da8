import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { transform } from 'esbuild';
import { root } from '../../tools/run-command.ts';

const file = join(root, 'src/entry.ts');

/** The exit code, and what is said on standard error. */
function start(version: string): Promise<[code: unknown, err: string]> {
  const older = `for (const [name, value] of Object.entries({ version: 'v${version}', versions: { node: '${version}' } }))
    Object.defineProperty(process, name, { value });`;
  const imports = `--import=data:text/javascript,${encodeURIComponent(older)}`;
  return new Promise((resolve) =>
    execFile(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', imports, file, 'version'],
      (error, _out, err) => resolve([error === null ? 0 : error.code, err]),
    ),
  );
}

describe('the file that the bundle begins with', () => {
  it('says in one sentence which Node is needed', async () => {
    const sentence =
      'certmount needs Node 26 or newer, and this is v20.19.0; in its repository "npm run certmount --" brings it\n';
    assert.deepEqual(await start('20.19.0'), [3, sentence]);
    assert.deepEqual(await start('26.0.0'), [0, '']);
    assert.deepEqual(await start('100.0.0'), [0, '']);
  });

  it('can be read by the Node that npm scripts need, and loads nothing before it has looked', async () => {
    const source = readFileSync(file, 'utf8');
    assert.doesNotMatch(source, /^import /m);
    const [newest, oldest] = await Promise.all(
      ['esnext', 'node20'].map((target) => transform(source, { loader: 'ts', format: 'esm', target })),
    );
    assert.equal(oldest?.code, newest?.code, 'nothing had to be written another way');
  });
});
