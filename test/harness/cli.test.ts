import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { listClusters } from '../cluster/record/cluster-record.ts';
import { assertNothingLeft, temporaryRoot } from './support.ts';

describe('npm run cluster', () => {
  const { root: temporary, remove } = temporaryRoot();
  mkdirSync(join(temporary, 'tmp'));

  it('brings a cluster up once, shows it, runs kubectl in it and takes it down', async () => {
    try {
      const first = await cluster('up');
      assert.match(first.stdout, /^export KUBECONFIG=\/.*\/default\/kubeconfigs\/admin\n$/);
      const second = await cluster('up');
      assert.equal(second.stdout, first.stdout);
      assert.match(second.stderr, /runs already/);

      assert.match((await cluster('status')).stdout, /^default: https:.*\n {2}etcd +pid \d+\n/);
      assert.equal(
        (await cluster('kubectl', 'get', 'namespace', 'default', '--output=name')).stdout,
        'namespace/default\n',
      );
      await assert.rejects(cluster('kubectl', 'get', 'nonsense'), /resource type "nonsense"/);

      const [root = ''] = readdirSync(join(temporary, 'tmp'));
      const [record] = listClusters(join(temporary, 'tmp', root));
      assert.ok(record);
      await cluster('down');
      assertNothingLeft(record.dir, record.state, Object.values(record.state.processes));
    } finally {
      await cluster('down', '--all');
      remove();
    }
  });

  it('says what is wrong with a command line, and where the help is', async () => {
    await assert.rejects(cluster('up', '--nope'), /Unknown option '--nope'[^]*--help/);
    assert.match((await cluster('--help')).stdout, /Usage: npm run cluster -- COMMAND/);
  });

  async function cluster(...args: string[]): Promise<{ stdout: string; stderr: string }> {
    const cli = join(import.meta.dirname, '..', 'cluster', 'cli.ts');
    const env = { ...process.env, TMPDIR: join(temporary, 'tmp') };
    return await promisify(execFile)(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', cli, ...args],
      { env },
    );
  }
});
