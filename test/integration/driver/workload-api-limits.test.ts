import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { ClientHttp2Session, ClientHttp2Stream, Settings } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { after, afterEach, describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import { workloadApiLimits } from '../../../src/driver/workload-api/limits.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type SvidVolume, WorkloadApiStand } from './support/svid-volume.ts';
import {
  emptyMessage,
  rawHeaders,
  rawHttp2,
  securityHeader,
  serialOf,
  WorkloadClient,
} from './support/workload-client.ts';

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const settingsFrame = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

describe('a socket of the Workload API in hostile hands', { timeout: 120_000 }, () => {
  const stands: WorkloadApiStand[] = [];
  const open: { destroy(): void }[] = [];
  afterEach(() => {
    for (const connection of open.splice(0)) connection.destroy();
  });
  after(async () => {
    for (const stand of stands) await stand.stop();
  });

  const clock = new FakeClock();
  async function standWith(...limits: Parameters<typeof WorkloadApiStand.start>): Promise<WorkloadApiStand> {
    const stand = await WorkloadApiStand.start(...limits);
    stands.push(stand);
    return stand;
  }

  async function served(stand: WorkloadApiStand, name = 'volume'): Promise<SvidVolume> {
    const volume = stand.newVolume(name);
    await volume.issue();
    await stand.apis.update(volume.spec);
    return volume;
  }

  function rawConnection(volume: SvidVolume): Socket {
    const socket = connect(volume.socket);
    socket.on('error', () => {});
    socket.resume();
    open.push(socket);
    return socket;
  }

  function session(volume: SvidVolume, settings: Settings = {}): ClientHttp2Session {
    const raw = rawHttp2(volume.socket, settings);
    open.push(raw);
    return raw;
  }

  function clientOf(volume: SvidVolume): WorkloadClient {
    const client = new WorkloadClient(volume.socket);
    open.push({ destroy: () => client.close() });
    return client;
  }

  /** To a client that goes again. */
  async function assertServes(volume: SvidVolume): Promise<void> {
    const client = new WorkloadClient(volume.socket);
    try {
      await client.svids().nth(1);
    } finally {
      client.close();
    }
  }

  it('lets in so many connections, and more as soon as one goes', async () => {
    const volume = await served(await standWith());
    const sockets = Array.from({ length: workloadApiLimits.connections }, () => rawConnection(volume));
    await eventually(
      'all to be connected',
      () => sockets.every(({ readyState }) => readyState === 'open') || undefined,
    );
    await isClosed(rawConnection(volume));
    sockets[0]?.destroy();
    const client = clientOf(volume);
    await eventually('a place', () => client.svids().nth(1));
    assert.equal(sockets.filter(({ closed }) => closed).length, 1, 'the others stay');
  });

  it('leaves each volume its first connections when others have taken all there are', async () => {
    const stand = await standWith({ connectionsInAll: 3 });
    const [greedy, modest] = [await served(stand, 'greedy'), await served(stand, 'modest')];
    const sockets = Array.from({ length: 3 }, () => rawConnection(greedy));
    await isClosed(rawConnection(greedy));
    for (const client of [clientOf(modest), clientOf(modest)]) await client.svids().nth(1);
    await isClosed(rawConnection(modest));
    assert.ok(sockets.every(({ closed }) => !closed));
  });

  it('has so many streams open, refuses more in words, and takes them when others end', async () => {
    const volume = await served(await standWith({ streams: 3 }));
    const client = clientOf(volume);
    const [first, ...others] = [client.svids(), client.svids(), client.bundles()];
    for (const answers of [first, ...others]) await answers?.nth(1);
    const refused = await clientOf(volume).svids().failure();
    assert.equal(refused.code, status.RESOURCE_EXHAUSTED);
    assert.equal(refused.details, 'at most 3 streams of a volume are open at once');
    first?.cancel();
    await eventually('a place', () => client.svids().nth(1));
  });

  it('reads no more of a message or of metadata than a request needs', async () => {
    const volume = await served(await standWith());
    const metadata = securityHeader();
    metadata.set('big', 'x'.repeat(workloadApiLimits.metadataBytes));
    const { code, details } = await clientOf(volume).svids(metadata).failure();
    assert.equal(code, status.RESOURCE_EXHAUSTED);
    assert.match(details, /metadata of a call has at most 4096 bytes/);

    const stream = session(volume).request(rawHeaders);
    const length = Buffer.from([0, 0x7f, 0xff, 0xff, 0xff]);
    stream.write(length);
    assert.equal(await grpcStatusOf(stream), status.RESOURCE_EXHAUSTED);
    await assertServes(volume);
  });

  it('sends a slow reader the newest and not all between, and delays nobody for it', async () => {
    const stand = await standWith();
    const volume = await served(stand);
    // A window of no bytes: nothing of an answer can be sent.
    const slow = session(volume, { initialWindowSize: 0 });
    const stream = slow.request(rawHeaders);
    stream.end(emptyMessage);
    const answers: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => answers.push(chunk));
    await new Promise((resolve) => stream.once('response', resolve));
    const other = clientOf(volume).svids();
    await other.nth(1);
    let last = '';
    for (let rotation = 2; rotation <= 20; rotation += 1) {
      last = (await volume.issue()).serialNumber;
      await stand.apis.update(volume.spec);
      assert.equal(serialOf(await other.nth(rotation)), last);
    }
    assert.deepEqual(answers, []);
    slow.settings({ initialWindowSize: 65_535 });
    await eventually('two answers', () => messagesIn(Buffer.concat(answers)) === 2 || undefined);
    await volume.issue();
    await stand.apis.update(volume.spec);
    await eventually('the next one', () => messagesIn(Buffer.concat(answers)) === 3 || undefined);
  });

  it('closes connections on which nothing goes on, and those whose other end is deaf', async () => {
    const idle = await served(await standWith({ idleMs: 200 }));
    const busy = clientOf(idle).svids();
    await busy.nth(1);
    const silent = rawConnection(idle);
    const halfOpen = rawConnection(idle);
    halfOpen.write(preface);
    halfOpen.end();
    await isClosed(silent);
    await isClosed(halfOpen);
    assert.equal(busy.error, undefined, 'one with a stream stays');

    const stand = await standWith({ keepaliveMs: 100, keepaliveTimeoutMs: 100 });
    const watched = await served(stand);
    const living = clientOf(watched).svids();
    await living.nth(1);
    const deaf = rawConnection(watched);
    deaf.write(Buffer.concat([Buffer.from(preface), settingsFrame]));
    await isClosed(deaf);
    await watched.issue();
    await stand.apis.update(watched.spec);
    await living.nth(2);
  });

  it('ends a connection that speaks something else', async () => {
    const volume = await served(await standWith());
    for (const bytes of [
      Buffer.alloc(4_096, 7),
      'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
      frameTooLarge(),
    ]) {
      const socket = rawConnection(volume);
      socket.write(bytes);
      await isClosed(socket);
    }
    await assertServes(volume);
  });

  it('keeps requests that never end within the limits, and forgets them with their connection', async () => {
    const volume = await served(await standWith());
    const sessions = Array.from({ length: workloadApiLimits.connections }, () => session(volume));
    for (const raw of sessions) {
      for (let count = 0; count < workloadApiLimits.streamsOfConnection; count += 1) {
        const stream = raw.request(rawHeaders);
        stream.on('error', () => {});
        stream.write(Buffer.from([0, 0, 0, 3]));
      }
    }
    await eventually(
      'all to be there',
      () => sessions.every(({ socket }) => socket.readyState === 'open') || undefined,
    );
    for (const raw of sessions) raw.destroy();
    await eventually('the volume to be served', async () => {
      await assertServes(volume);
      return true;
    });
  });

  for (const [flood, attack] of Object.entries({
    'thousands of connections': (volume: SvidVolume) => {
      for (let count = 0; count < 5_000; count += 1) rawConnection(volume);
    },
    'calls without an end': (volume: SvidVolume) => {
      for (let count = 0; count < 8; count += 1) callForever(session(volume));
    },
    'much made of few bytes (HPACK)': (volume: SvidVolume) => {
      const more = Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`h${at}`, 'x'.repeat(3_500)]));
      const raw = session(volume);
      for (let count = 0; count < workloadApiLimits.streamsOfConnection; count += 1)
        raw.request({ ...rawHeaders, ...more }).on('error', () => {});
    },
  })) {
    it(`goes away for half a minute at ${flood}, while other volumes are served`, async () => {
      const stand = await standWith({ trafficBytes: 32_768 }, clock);
      const [flooded, other] = [await served(stand, 'flooded'), await served(stand, 'other')];
      const before = process.memoryUsage().rss;
      attack(flooded);
      const reader = clientOf(other).svids();
      await reader.nth(1);
      await eventually('the flood to be noticed', async () => {
        await clock.advance(workloadApiLimits.trafficWindowMs);
        return (
          stand.warnings.find((warning) => warning.startsWith('a container floods')) !== undefined ||
          undefined
        );
      });
      const refused = rawConnection(flooded);
      await assert.rejects(
        new Promise((resolve, reject) => refused.once('connect', resolve).once('error', reject)),
        {
          code: 'ECONNREFUSED',
        },
      );
      const leaf = await other.issue();
      await stand.apis.update(other.spec);
      assert.equal(serialOf(await reader.nth(2)), leaf.serialNumber);
      await stand.apis.update(flooded.spec);
      for (const connection of open.splice(1)) connection.destroy();
      await clock.advance(workloadApiLimits.pauseMs);
      await eventually('the socket to be back', async () => {
        await assertServes(flooded);
        return true;
      });
      const grown = (process.memoryUsage().rss - before) / 2 ** 20;
      assert.ok(grown < 60, `${grown} MiB more, with the attacker in the same process`);
    });
  }
});

async function isClosed(socket: Socket): Promise<void> {
  await eventually('the connection to be closed', () => socket.closed || undefined, 10_000);
}

function grpcStatusOf(stream: ClientHttp2Stream): Promise<number> {
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.once('response', (headers) => resolve(Number(headers['grpc-status'])));
  });
}

/** How many gRPC messages the bytes are. */
function messagesIn(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at + 5 <= bytes.length; count += 1) at += 5 + bytes.readUInt32BE(at + 1);
  return count;
}

function frameTooLarge(): Buffer {
  const header = Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]);
  return Buffer.concat([Buffer.from(preface), settingsFrame, header, Buffer.alloc(65_536)]);
}

function callForever(session: ClientHttp2Session): void {
  if (session.destroyed) return;
  const noise = randomBytes(300).toString('hex');
  const stream = session.request({ ...rawHeaders, ':path': '/nothing/There', noise });
  stream.on('error', () => {});
  stream.on('close', () => callForever(session));
  stream.resume();
  stream.end();
}
