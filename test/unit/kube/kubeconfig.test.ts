import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { kubeconfigConnection } from '../../../src/kube/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'certmount-kube-'));
});
after(() => rm(directory, { recursive: true }));

interface Parts {
  readonly cluster?: Record<string, unknown>;
  readonly user?: Record<string, unknown>;
}

async function kubeconfig({ cluster = {}, user = {} }: Parts): Promise<string> {
  const path = join(directory, 'config');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'a', cluster: { server: 'https://a.example:6443', ...cluster } },
      { name: 'b', cluster: { server: 'https://b.example' } },
    ],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'first', context: { cluster: 'a', user: 'u' } },
      { name: 'second', context: { cluster: 'b', user: 'u' } },
    ],
    'current-context': 'first',
  };
  // JSON is YAML.
  await writeFile(path, JSON.stringify(config));
  return path;
}

describe('the connection of a kubeconfig', () => {
  it('has the certificates that are in it or beside it', async () => {
    await writeFile(join(directory, 'client.key'), 'KEY');
    const path = await kubeconfig({
      cluster: {
        'certificate-authority-data': Buffer.from('CA').toString('base64'),
        'tls-server-name': 'kubernetes',
      },
      user: { 'client-certificate-data': Buffer.from('CERT').toString('base64'), 'client-key': 'client.key' },
    });
    const connection = await kubeconfigConnection(path);
    assert.equal(connection.server.href, 'https://a.example:6443/');
    assert.equal(connection.ca, 'CA');
    assert.equal(connection.tlsServerName, 'kubernetes');
    assert.deepEqual(connection.clientCert, { cert: 'CERT', key: 'KEY' });
    assert.equal(connection.token, undefined);
    assert.equal(connection.insecureSkipTlsVerify, undefined);
  });

  it('has the token and who to be', async () => {
    const connection = await kubeconfigConnection(await kubeconfig({ user: { token: 't', as: 'jane' } }));
    assert.equal(await connection.token?.(), 't');
    assert.deepEqual(connection.headers, { 'Impersonate-User': 'jane' });
  });

  it('has the token of a file, from where the kubeconfig is, and reads it again', async () => {
    await writeFile(join(directory, 'token'), 'one\n');
    const path = await kubeconfig({ user: { tokenFile: 'token', token: 'older' } });
    const clock = new FakeClock();
    const connection = await kubeconfigConnection(path, undefined, { clock });
    assert.equal(await connection.token?.(), 'one');
    await writeFile(join(directory, 'token'), 'two\n');
    await clock.advance(60_000);
    assert.equal(await connection.token?.(), 'two');
  });

  it('is an error when the file of its token is not there', async () => {
    const path = await kubeconfig({ user: { tokenFile: 'no-token' } });
    await assert.rejects(kubeconfigConnection(path), /ENOENT.*no-token/);
  });

  for (const field of ['as-uid', 'as-groups', 'as-user-extra']) {
    it(`refuses ${field} instead of being somebody with more rights`, async () => {
      const value = { 'as-uid': '1', 'as-groups': ['readers'], 'as-user-extra': { scopes: ['view'] } }[field];
      const path = await kubeconfig({ user: { token: 't', as: 'jane', [field]: value } });
      await assert.rejects(
        kubeconfigConnection(path),
        new RegExp(`context "first": ${field} is not supported`),
      );
    });
  }

  it('takes fields of impersonation that say nothing', async () => {
    const path = await kubeconfig({ user: { as: 'jane', 'as-groups': [], 'as-uid': '' } });
    assert.deepEqual((await kubeconfigConnection(path)).headers, { 'Impersonate-User': 'jane' });
  });

  it('is of the context asked for', async () => {
    const path = await kubeconfig({});
    assert.equal((await kubeconfigConnection(path, 'second')).server.href, 'https://b.example/');
    await assert.rejects(
      kubeconfigConnection(path, 'third'),
      /context "third".*known contexts: first, second/,
    );
  });

  it('may be a plain one', async () => {
    const connection = await kubeconfigConnection(
      await kubeconfig({ cluster: { server: 'http://127.0.0.1:8001/a' } }),
    );
    assert.equal(connection.server.href, 'http://127.0.0.1:8001/a');
  });

  it('refuses a proxy instead of going around it', async () => {
    const path = await kubeconfig({ cluster: { 'proxy-url': 'http://proxy.example' } });
    await assert.rejects(kubeconfigConnection(path), /proxy-url is not supported/);
  });
});

describe('a plugin that makes tokens', () => {
  async function plugin(expires: string): Promise<{ path: string; runs: () => Promise<number> }> {
    const script = join(directory, 'plugin.sh');
    const log = join(directory, 'runs');
    await writeFile(log, '');
    await writeFile(
      script,
      `#!/bin/sh
echo run >> ${log}
n=$(wc -l < ${log} | tr -d ' ')
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"token-'$n'","expirationTimestamp":"${expires}"}}'
`,
    );
    await chmod(script, 0o755);
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: script, interactiveMode: 'Never' };
    return {
      path: await kubeconfig({ user: { exec } }),
      runs: async () => (await readFile(log, 'utf8')).split('\n').length - 1,
    };
  }

  it('is asked once as long as its token lasts', async () => {
    const { path, runs } = await plugin('2099-01-01T00:00:00Z');
    const clock = new FakeClock();
    const connection = await kubeconfigConnection(path, undefined, { clock });
    assert.equal(await connection.token?.(), 'token-1');
    await clock.advance(3_600_000);
    assert.equal(await connection.token?.(), 'token-1');
    assert.equal(await runs(), 1);
  });

  it('is asked again when its token has run out', async () => {
    const { path } = await plugin('2000-01-01T00:00:00Z');
    const clock = new FakeClock();
    const connection = await kubeconfigConnection(path, undefined, { clock });
    assert.equal(await connection.token?.(), 'token-1');
    await clock.advance(60_000);
    assert.equal(await connection.token?.(), 'token-2');
  });

  it('is asked again when the server refuses its token', async () => {
    const { path } = await plugin('2099-01-01T00:00:00Z');
    const connection = await kubeconfigConnection(path, undefined, { clock: new FakeClock() });
    assert.equal(await connection.token?.({ fresh: true }), 'token-2');
    assert.equal(await connection.token?.(), 'token-2');
  });
});
