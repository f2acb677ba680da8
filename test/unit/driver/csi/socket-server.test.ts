import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type ServiceError, status } from '@grpc/grpc-js';
import type { NodeGetCapabilitiesResponse__Output } from '../../../../src/driver/csi/generated/csi/v1/NodeGetCapabilitiesResponse.ts';
import type { NodeGetVolumeStatsResponse__Output } from '../../../../src/driver/csi/generated/csi/v1/NodeGetVolumeStatsResponse.ts';
import { identityService } from '../../../../src/driver/csi/identity-service.ts';
import { nodeService } from '../../../../src/driver/csi/node-service.ts';
import { serviceDefinitions } from '../../../../src/driver/csi/service-definitions.ts';
import { SocketServer } from '../../../../src/driver/csi/socket-server.ts';
import { VolumeError } from '../../../../src/driver/volume/volume-error.ts';
import type { VolumeSource } from '../../../../src/driver/volume/volumes.ts';
import { systemClock } from '../../../../src/kube/index.ts';
import { silentLogger } from '../../../../src/runtime/log.ts';
import { CsiClient, publishRequest, type VolumeOfPod } from '../../../support/csi-client.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { gate, pod } from '../support/builders.ts';

let directory: string;
let path: string;
let clock: FakeClock;
let server: SocketServer;
let publish: (source: VolumeSource, signal: AbortSignal) => Promise<void>;
let unpublish: (volumeId: string, path: string) => Promise<void>;
const clients: CsiClient[] = [];

beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'certmount-socket-'));
  path = join(directory, 'plugins', 'csi.sock');
  clock = new FakeClock();
  publish = async () => {};
  unpublish = async () => {};
  server = newServer();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.stop(0);
  fs.rmSync(directory, { recursive: true, force: true });
});

function newServer(): SocketServer {
  const { identity, node } = serviceDefinitions();
  // Deadlines are real here, the server's own timers are not.
  const unaryDeps = { clock: systemClock, log: silentLogger, observe: () => {} };
  return new SocketServer(
    { path },
    {
      clock,
      log: silentLogger,
      fs,
      addServices: (add) => {
        add(
          identity,
          identityService(
            { driverName: 'csi.certmount.io', version: '1' },
            { ...unaryDeps, isReady: () => true },
          ),
        );
        add(
          node,
          nodeService(
            { nodeId: 'n1', kubeletDir: directory },
            {
              ...unaryDeps,
              volumes: {
                publish: (source, signal) => publish(source, signal),
                unpublish: (volumeId, target) => unpublish(volumeId, target),
              },
              stats: (volumeId) => {
                if (volumeId !== 'csi-1') throw new VolumeError('not-found', 'no such volume');
                return {
                  usage: {
                    bytes: { available: 3, total: 5_000_000_000, used: 2 },
                    inodes: { available: 1, total: 2, used: 1 },
                  },
                  health: { abnormal: true, message: 'late' },
                };
              },
            },
          ),
        );
      },
    },
  );
}

function connect(authority?: string): CsiClient {
  const client = new CsiClient(path, authority);
  clients.push(client);
  return client;
}

const volume = (changes: Partial<VolumeOfPod> = {}): VolumeOfPod => ({
  volumeId: 'csi-1',
  targetPath: join(directory, 'mount'),
  pod,
  attributes: {},
  ...changes,
});

/** A call of the client as a promise. */
function ask<Response>(
  call: (callback: (error: ServiceError | null, response?: Response) => void) => unknown,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    call((error, response) => (error === null ? resolve(response as Response) : reject(error)));
  });
}
const probe = (client: CsiClient) => ask((callback) => client.identity.Probe({}, callback));
const code =
  (expected: status, text = '') =>
  (error: ServiceError) => {
    assert.equal(status[error.code], status[expected]);
    assert.ok(error.details.includes(text), error.details);
    return true;
  };

describe('the socket of the driver', () => {
  it("is its owner's alone, in a folder that is made where it is missing", async () => {
    await server.start();
    assert.equal(fs.statSync(path).mode & 0o777, 0o600);
    assert.ok(fs.statSync(path).isSocket());
    assert.deepEqual(await probe(connect()), { ready: { value: true } });
  });

  it('takes the place of one that a killed driver left, or of any file', async () => {
    fs.mkdirSync(join(directory, 'plugins'));
    const stale = createServer();
    await new Promise<void>((resolve) => stale.listen(path, resolve));
    await server.start();
    await probe(connect());
    stale.close();
    await server.stop(0);
    fs.writeFileSync(path, 'a file');
    server = newServer();
    await server.start();
    await probe(connect());
  });

  for (const authority of ['localhost', '', 'csi.sock', '%2Fcsi%2Fcsi.sock']) {
    it(`answers a caller whose :authority is ${JSON.stringify(authority)}`, async () => {
      await server.start();
      await probe(connect(authority));
    });
  }

  it('comes back when it is removed, and calls under way are still answered', async () => {
    const held = gate();
    publish = () => held.opened;
    await server.start();
    const before = connect();
    const underWay = before.publish(volume());
    await probe(before);
    fs.rmSync(path);
    await clock.advance(30_000);
    for (let turn = 0; turn < 200 && !fs.existsSync(path); turn++)
      await new Promise((resolve) => setImmediate(resolve));
    assert.equal(fs.statSync(path).mode & 0o777, 0o600);
    await probe(connect());
    held.open();
    await underWay;
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(fs.existsSync(path), 'the old server took nothing with it');
    await probe(connect());
  });

  it('comes back with its folder', async () => {
    await server.start();
    fs.rmSync(join(directory, 'plugins'), { recursive: true });
    await clock.advance(30_000);
    for (let turn = 0; turn < 200 && !fs.existsSync(path); turn++)
      await new Promise((resolve) => setImmediate(resolve));
    await probe(connect());
  });

  it('goes when it is stopped; what is under way is answered first', async () => {
    const held = gate();
    publish = () => held.opened;
    await server.start();
    const client = connect();
    const underWay = client.publish(volume());
    await probe(client);
    const stopping = server.stop(8_000);
    await new Promise((resolve) => setImmediate(resolve));
    held.open();
    await underWay;
    client.close();
    await stopping;
    assert.ok(!fs.existsSync(path));
    assert.equal(clock.pending, 0);
  });

  it('does not wait longer than it is given for what is under way', async () => {
    const held = gate();
    publish = () => held.opened;
    await server.start();
    const client = connect();
    const underWay = client.publish(volume()).catch(() => {});
    await probe(client);
    const stopping = server.stop(8_000);
    await clock.advance(8_000);
    await stopping;
    assert.ok(!fs.existsSync(path));
    held.open();
    await underWay;
  });

  it('stops though it was never started', async () => {
    await server.stop(0);
  });
});

describe('the services', () => {
  it('say who they are and what they can', async () => {
    await server.start();
    const client = connect();
    assert.deepEqual(await ask((callback) => client.identity.GetPluginInfo({}, callback)), {
      name: 'csi.certmount.io',
      vendor_version: '1',
      manifest: {},
    });
    assert.deepEqual(await ask((callback) => client.identity.GetPluginCapabilities({}, callback)), {
      capabilities: [],
    });
    const info = await ask<{ node_id: string }>((callback) => client.node.NodeGetInfo({}, callback));
    assert.equal(info.node_id, 'n1');
    const { capabilities } = await ask<NodeGetCapabilitiesResponse__Output>((callback) =>
      client.node.NodeGetCapabilities({}, callback),
    );
    assert.deepEqual(
      capabilities.map(({ rpc }) => rpc?.type),
      ['VOLUME_MOUNT_GROUP', 'GET_VOLUME_STATS', 'VOLUME_CONDITION'],
    );
  });

  it('pass a publish on, or refuse it before that', async () => {
    const seen: VolumeSource[] = [];
    publish = async (source) => void seen.push(source);
    await server.start();
    const client = connect();
    await client.publish(volume({ attributes: { 'issuer-name': 'ca' }, mountGroup: '7' }));
    assert.equal(seen.length, 1);
    assert.equal(seen[0]?.mountGroup, 7);
    assert.equal(seen[0]?.context['issuer-name'], 'ca');
    await assert.rejects(
      client.publishRaw({ ...publishRequest(volume()), readonly: false }),
      code(status.INVALID_ARGUMENT, 'readonly'),
    );
    await assert.rejects(client.publishRaw({}), code(status.INVALID_ARGUMENT, 'volume_id: must be set'));
    const block = { ...publishRequest(volume()), volume_capability: { block: {} } };
    await assert.rejects(client.publishRaw(block), code(status.INVALID_ARGUMENT, 'access_type'));
    assert.equal(seen.length, 1);
  });

  it('answer with the code and message of a failure, however long and in whatever script', async () => {
    publish = async () => {
      throw new VolumeError('denied', `näh: ${'日本'.repeat(20_000)}`);
    };
    await server.start();
    await assert.rejects(connect().publish(volume()), code(status.PERMISSION_DENIED, 'näh: 日本'));
  });

  it('answer shortly before the deadline, saying why', async () => {
    publish = (_source, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    await server.start();
    await assert.rejects(
      connect().publish(volume(), 2_000),
      code(status.DEADLINE_EXCEEDED, 'the deadline of the call is reached'),
    );
  });

  it('hear of a caller that goes away', async () => {
    const gone = gate();
    publish = (_source, signal) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          gone.open();
          reject(signal.reason as Error);
        }),
      );
    await server.start();
    const client = connect();
    const call = client.node.NodePublishVolume(publishRequest(volume()), () => {});
    await probe(client);
    call.cancel();
    await gone.opened;
  });

  it('give statistics with numbers beyond 32 bits and a condition', async () => {
    await server.start();
    const client = connect();
    const stats = (volume_id: string, volume_path: string) =>
      ask<NodeGetVolumeStatsResponse__Output>((callback) =>
        client.node.NodeGetVolumeStats({ volume_id, volume_path }, callback),
      );
    const { usage, volume_condition } = await stats('csi-1', '/x');
    assert.equal(usage[0]?.total, 5_000_000_000);
    assert.deepEqual(volume_condition, { abnormal: true, message: 'late' });
    await assert.rejects(stats('csi-2', '/x'), code(status.NOT_FOUND));
    await assert.rejects(stats('', '/x'), code(status.INVALID_ARGUMENT, 'volume_id'));
    await assert.rejects(stats('csi-1', ''), code(status.INVALID_ARGUMENT, 'volume_path'));
  });

  it('do not stage or expand', async () => {
    await server.start();
    const client = connect();
    await assert.rejects(
      ask((callback) => client.node.NodeStageVolume({}, callback)),
      code(status.UNIMPLEMENTED),
    );
    await assert.rejects(
      ask((callback) => client.node.NodeUnstageVolume({}, callback)),
      code(status.UNIMPLEMENTED),
    );
    await assert.rejects(
      ask((callback) => client.node.NodeExpandVolume({}, callback)),
      code(status.UNIMPLEMENTED),
    );
  });
});
