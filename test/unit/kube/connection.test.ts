import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { fileToken, inClusterConnection } from '../../../src/kube/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let directory: string;
let tokenPath: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'certmount-kube-'));
  tokenPath = join(directory, 'token');
  await writeFile(join(directory, 'ca.crt'), 'CA');
});
beforeEach(() => writeFile(tokenPath, 'one\n'));
after(() => rm(directory, { recursive: true }));

describe('the connection of a pod', () => {
  it('is that of its environment and its service account', async () => {
    const environment = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
    const connection = await inClusterConnection({ environment, directory });
    assert.equal(connection.server.href, 'https://10.0.0.1/');
    assert.equal(connection.ca, 'CA');
    assert.equal(await connection.token?.(), 'one');
  });

  it('may have an IPv6 address', async () => {
    const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' };
    const connection = await inClusterConnection({ environment, directory });
    assert.equal(connection.server.href, 'https://[fd00::1]:6443/');
  });

  it('does not exist outside a cluster', async () => {
    await assert.rejects(inClusterConnection({ environment: {}, directory }), /not in a cluster/);
  });
});

describe('a token in a file', () => {
  it('is read again after a minute', async () => {
    const clock = new FakeClock();
    const token = fileToken(tokenPath, { clock });
    assert.equal(await token(), 'one');
    await writeFile(tokenPath, 'two');
    await clock.advance(59_999);
    assert.equal(await token(), 'one');
    await clock.advance(1);
    assert.equal(await token(), 'two');
  });

  it('is read at once when the server refused it', async () => {
    const token = fileToken(tokenPath, { clock: new FakeClock() });
    await token();
    await writeFile(tokenPath, 'two');
    assert.equal(await token({ fresh: true }), 'two');
  });

  it('is read again when the clock was set back', async () => {
    const clock = new FakeClock();
    const token = fileToken(tokenPath, { clock });
    await token();
    await writeFile(tokenPath, 'two');
    clock.setWall(clock.now() - 86_400_000);
    assert.equal(await token(), 'two');
  });

  it('is used on while the file cannot be read', async () => {
    const clock = new FakeClock();
    const token = fileToken(tokenPath, { clock });
    await token();
    await rm(tokenPath);
    await clock.advance(120_000);
    assert.equal(await token(), 'one');
  });

  it('is an error when there never was one', async () => {
    await rm(tokenPath);
    await assert.rejects(fileToken(tokenPath, { clock: new FakeClock() })(), /ENOENT/);
    await writeFile(tokenPath, ' \n');
    await assert.rejects(fileToken(tokenPath, { clock: new FakeClock() })(), /is empty/);
  });
});
