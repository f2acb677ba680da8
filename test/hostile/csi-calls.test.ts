import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Metadata, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import type { NodePublishVolumeRequest } from '../../src/driver/csi/generated/csi/v1/NodePublishVolumeRequest.ts';
import { DriverWorld, notRoot } from '../integration/driver/support/driver-world.ts';
import { isServiceError, publishRequest, type VolumeOfPod } from '../support/csi-client.ts';
import { eventually } from '../support/eventually.ts';
import {
  callRaw,
  grpcMessage,
  http2Frame,
  http2Preface,
  protobufField,
  type RawAnswer,
  sendRaw,
  varint,
} from './support/wire.ts';

const publishPath = '/csi.v1.Node/NodePublishVolume';
const methods = [
  publishPath,
  '/csi.v1.Node/NodeUnpublishVolume',
  '/csi.v1.Node/NodeGetVolumeStats',
  '/csi.v1.Node/NodeGetInfo',
  '/csi.v1.Node/NodeStageVolume',
  '/csi.v1.Identity/Probe',
];
/** What the kubelet repeats, and a denial, whose request stays to be looked at: a call that ended so is undone by an unpublish. */
const unfinished: ReadonlySet<status> = new Set([
  status.PERMISSION_DENIED,
  status.ABORTED,
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.RESOURCE_EXHAUSTED,
  status.UNAVAILABLE,
]);

let world: DriverWorld;

describe('a driver whose socket is called by whoever', { skip: notRoot, timeout: 300_000 }, () => {
  let pid: number;
  let volume: VolumeOfPod;
  let residentMb: number;
  before(async () => {
    // As small as the DaemonSet has it, or garbage would look like what is kept.
    process.env['NODE_OPTIONS'] = '--max-old-space-size=96 --max-semi-space-size=1';
    world = await DriverWorld.start();
    volume = await world.newVolume();
    pid = world.driver.pid;
    // What is loaded at the first publish is not what is looked for.
    await world.csi.publish(volume);
    await world.csi.unpublish(volume);
    await noRequests();
    residentMb = resident();
  });
  after(async () => {
    delete process.env['NODE_OPTIONS'];
    await world?.stop();
  });

  afterEach(async () => {
    assert.equal(world.driver.hasExited, false, JSON.stringify(world.driver.log.slice(-3)));
    assert.equal(world.driver.pid, pid);
    assert.ok(await world.csi.probe(2_000), 'it answers');
    assert.deepEqual(readdirSync(world.stateDir), []);
    assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(world.directory));
    assert.deepEqual(readdirSync(dirname(volume.targetPath)), []);
    await noRequests();
    await eventually('its connections to be closed', () => descriptors() < 60 || undefined);
    assert.ok(resident() < residentMb + 60, `${resident()} MB after ${residentMb} MB`);
  });

  const status_ = (): string => readFileSync(`/proc/${pid}/status`, 'utf8');
  const resident = (): number => Number(/^VmRSS:\s+(\d+)/m.exec(status_())?.[1]) / 1024;
  const descriptors = (): number => readdirSync(`/proc/${pid}/fd`).length;
  const noRequests = (): Promise<true> =>
    eventually('no requests', async () => {
      const { items } = await world.requests.list({ namespace: 'web' });
      return items.length === 0 || undefined;
    });

  async function publishCode(request: NodePublishVolumeRequest): Promise<status> {
    return world.csi.publishRaw(request, 4_000).then(
      () => status.OK,
      (error: unknown) => {
        if (!isServiceError(error)) throw error;
        return error.code;
      },
    );
  }

  /** Calls, and takes back what a call may leave by the rules of CSI. Whatever is left then is a trace. */
  async function publishAndUndo(request: NodePublishVolumeRequest): Promise<status> {
    const code = await publishCode(request);
    if (code === status.OK || unfinished.has(code)) {
      const { target_path: targetPath = '', volume_id: volumeId = '' } = request;
      await world.csi.unpublish({ volumeId, targetPath });
    }
    return code;
  }

  const nasty = fc.oneof(
    fc.constantFrom(
      '',
      ' ',
      '.',
      '..',
      '/',
      '\0',
      'a\0b',
      '\n',
      '\u202e',
      '\ufeff',
      '\u{1f600}'.repeat(40),
      '../../etc/passwd',
      '/etc',
      '/proc/self/fd/0',
      '%2e%2e%2f',
      '$(reboot)',
      '`id`',
      '${POD_NAME}',
      '__proto__',
      'constructor',
      '-1',
      '1e309',
      'x'.repeat(300),
      'x'.repeat(5_000),
    ),
    fc.string({ maxLength: 40 }),
    fc.string({ unit: 'grapheme', maxLength: 20 }),
  );

  it('refuses or serves every request in which any field is anything, and leaves nothing', async () => {
    const change = fc.oneof(
      nasty.map((text) => ({ volume_id: text })),
      nasty.map((text) => ({ target_path: text })),
      nasty.map((text) => ({ target_path: `${dirname(volume.targetPath)}/${text}` })),
      nasty.map((text) => ({ target_path: `${world.kubeletDir}/nowhere/${text}` })),
      nasty.map((text) => ({ staging_target_path: text })),
      fc.boolean().map((readonly) => ({ readonly })),
      fc.dictionary(nasty, nasty, { maxKeys: 3 }).map((secrets) => ({ secrets })),
      fc.dictionary(nasty, nasty, { maxKeys: 3 }).map((publish_context) => ({ publish_context })),
      fc.constantFrom(
        { volume_capability: null },
        { volume_capability: { block: {} } },
        { volume_capability: { access_mode: { mode: 'MULTI_NODE_MULTI_WRITER' as const } } },
      ),
      nasty.map((text) => ({ volume_capability: { mount: { fs_type: text } } })),
      nasty.map((text) => ({ volume_capability: { mount: { volume_mount_group: text } } })),
      fc
        .array(nasty, { minLength: 1, maxLength: 3 })
        .map((mount_flags) => ({ volume_capability: { mount: { mount_flags } } })),
    );
    const context = fc.dictionary(
      fc.oneof(
        nasty,
        fc.constantFrom(
          'csi.storage.k8s.io/ephemeral',
          'csi.storage.k8s.io/pod.name',
          'csi.storage.k8s.io/pod.namespace',
          'csi.storage.k8s.io/pod.uid',
          'csi.storage.k8s.io/serviceAccount.name',
          'issuer-name',
          'issuer-kind',
          'dns-names',
          'common-name',
          'key-algorithm',
          'duration',
          'certificate-file',
        ),
      ),
      nasty,
      { maxKeys: 2 },
    );
    const seen = new Map<status, number>();
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 2 }), context, async (changes, more) => {
        const base = publishRequest(volume);
        const request: NodePublishVolumeRequest = Object.assign({}, base, ...changes);
        const code = await publishAndUndo({
          ...request,
          volume_context: { ...base.volume_context, ...more },
        });
        seen.set(code, (seen.get(code) ?? 0) + 1);
      }),
      { numRuns: 300, interruptAfterTimeLimit: 90_000 },
    );
    assert.ok((seen.get(status.INVALID_ARGUMENT) ?? 0) > 50, JSON.stringify([...seen]));
    assert.equal(seen.get(status.UNKNOWN), undefined);
  });

  it('refuses names that JavaScript objects have of their own, and is none the worse', async () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const entry = Buffer.concat([
        protobufField(1, 2, Buffer.from(name)),
        protobufField(2, 2, Buffer.from('{"issuer-name":"x"}')),
      ]);
      const body = grpcMessage(
        Buffer.concat([
          protobufField(1, 2, Buffer.from('csi-proto')),
          protobufField(4, 2, Buffer.from(volume.targetPath)),
          protobufField(5, 2, protobufField(2, 2, Buffer.alloc(0))),
          protobufField(6, 0, varint(1n)),
          ...Object.entries(publishRequest(volume).volume_context ?? {}).map(([key, value]) =>
            protobufField(
              8,
              2,
              Buffer.concat([protobufField(1, 2, Buffer.from(key)), protobufField(2, 2, Buffer.from(value))]),
            ),
          ),
          protobufField(8, 2, entry),
        ]),
      );
      assertRefused(await callRaw(world.socket, { path: publishPath, body }), name);
    }
    assert.equal(await publishAndUndo(publishRequest(volume)), status.OK);
  });

  it('does not follow a link that lies where the volume should be', async () => {
    const outside = join(world.directory, 'outside');
    mkdirSync(outside);
    symlinkSync(outside, volume.targetPath);
    try {
      assert.notEqual(await publishCode(publishRequest(volume)), status.OK);
      assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(outside));
    } finally {
      rmSync(volume.targetPath);
      rmSync(outside, { recursive: true });
    }
  });

  it('answers any octets in the place of a message with an error', async () => {
    const field = fc
      .tuple(
        fc.oneof(fc.nat(12), fc.constantFrom(0, 19_000, 536_870_911)),
        fc.nat(7),
        fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.constant(Buffer.alloc(12, 0xff))),
      )
      .map(([number, wireType, payload]) => protobufField(number, wireType, payload));
    const message = fc.oneof(
      fc.array(field, { maxLength: 6 }).map((fields) => Buffer.concat(fields)),
      fc.uint8Array(),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...methods.slice(0, 3)), message, async (path, payload) => {
        assertRefused(await callRaw(world.socket, { path, body: grpcMessage(payload) }), path);
      }),
      { numRuns: 150 },
    );
  });

  const manyGroups = Buffer.concat(Array.from({ length: 100_000 }, () => Buffer.of(0x7b)));
  const bodies: Readonly<Record<string, () => { body: Uint8Array; headers?: Record<string, string> }>> = {
    'no message': () => ({ body: Buffer.alloc(0) }),
    'a message that ends early': () => ({ body: grpcMessage(Buffer.alloc(10), { length: 4_000 }) }),
    'a message of four gibibytes, as it says': () => ({
      body: grpcMessage(Buffer.alloc(10), { length: 0xffffffff }),
    }),
    'a message above the limit of gRPC': () => ({ body: grpcMessage(Buffer.alloc(5 << 20)) }),
    'two messages': () => ({
      body: Buffer.concat([grpcMessage(Buffer.alloc(0)), grpcMessage(Buffer.alloc(0))]),
    }),
    'a compressed message without a compression': () => ({
      body: grpcMessage(Buffer.alloc(10), { compressed: true }),
    }),
    'a compression that there is not': () => ({
      body: grpcMessage(Buffer.alloc(10), { compressed: true }),
      headers: { 'grpc-encoding': 'zip-of-death' },
    }),
    'a message that is small until it is unpacked': () => ({
      body: grpcMessage(gzipSync(Buffer.alloc(64 << 20)), { compressed: true }),
      headers: { 'grpc-encoding': 'gzip' },
    }),
    'groups in groups, a hundred thousand deep': () => ({ body: grpcMessage(manyGroups) }),
    'a string of a length without end': () => ({ body: grpcMessage(Buffer.of(0x0a, ...varint(2n ** 63n))) }),
    'a number of more than ten octets': () => ({ body: grpcMessage(Buffer.alloc(40, 0xff)) }),
    'a string that is not UTF-8': () => ({
      body: grpcMessage(protobufField(1, 2, Buffer.of(0xff, 0xfe, 0xc0))),
    }),
    'another kind of content': () => ({
      body: Buffer.from('{}'),
      headers: { 'content-type': 'application/json' },
    }),
    'a deadline that is none': () => ({
      body: grpcMessage(Buffer.alloc(0)),
      headers: { 'grpc-timeout': '99999999999999999999H' },
    }),
  };
  for (const [what, make] of Object.entries(bodies))
    it(`refuses a publish with ${what}`, async () => {
      const before = resident();
      assertRefused(await callRaw(world.socket, { path: publishPath, ...make() }), what);
      assert.ok(resident() < before + 40, `${resident()} MB after ${before} MB`);
    });

  it('refuses methods that there are not', async () => {
    for (const path of [
      '/',
      '/csi.v1.Node/',
      '/csi.v1.Node/__proto__',
      '/csi.v1.Controller/CreateVolume',
      `/${'x'.repeat(8_000)}`,
    ])
      assertRefused(await callRaw(world.socket, { path, body: grpcMessage(Buffer.alloc(0)) }), path);
  });

  it('survives what is no HTTP/2 at all, and HTTP/2 that is', async () => {
    const settings = http2Frame(4, 0, 0, Buffer.alloc(0));
    const headers = http2Frame(1, 4, 1, Buffer.alloc(16_000, 0x82));
    const openings: Uint8Array[] = [
      Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
      Buffer.from('1603010200010001fc0303', 'hex'),
      Buffer.alloc(70_000, 0xff),
      http2Preface.subarray(0, 10),
      Buffer.concat([http2Preface, Buffer.alloc(5_000)]),
      Buffer.concat([http2Preface, http2Frame(0xee, 0xff, 0x7fffffff, Buffer.alloc(100))]),
      Buffer.concat([http2Preface, ...Array.from({ length: 3_000 }, () => settings)]),
      Buffer.concat([
        http2Preface,
        settings,
        ...Array.from({ length: 3_000 }, () => http2Frame(6, 0, 0, Buffer.alloc(8))),
      ]),
      Buffer.concat([http2Preface, settings, headers, headers, headers]),
      // Headers that never end, and a stream opened and reset over and over.
      Buffer.concat([
        http2Preface,
        settings,
        http2Frame(1, 0, 1, Buffer.of(0x82)),
        ...Array.from({ length: 500 }, () => http2Frame(9, 0, 1, Buffer.alloc(1_000, 0x82))),
      ]),
      Buffer.concat([
        http2Preface,
        settings,
        ...Array.from({ length: 2_000 }, (_, index) => [
          http2Frame(1, 4, 2 * index + 1, Buffer.of(0x83, 0x86, 0x84)),
          http2Frame(3, 0, 2 * index + 1, Buffer.of(0, 0, 0, 8)),
        ]).flat(),
      ]),
    ];
    for (const octets of openings) {
      await sendRaw(world.socket, octets);
      assert.ok(await world.csi.probe(2_000));
    }
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.uint8Array({ maxLength: 300 }), async (preface, octets) => {
        await sendRaw(world.socket, preface ? Buffer.concat([http2Preface, octets]) : octets, 20);
      }),
      { numRuns: 100 },
    );
  });

  it('serves the kubelet beside two hundred connections that say nothing', async () => {
    const idle = Array.from({ length: 200 }, () => sendRaw(world.socket, http2Preface, 3_000));
    assert.equal(await publishAndUndo(publishRequest(volume)), status.OK);
    await Promise.all(idle);
  });

  it('spends on a refused request no more than its length', async () => {
    const cpuMs = (): number => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) * 10;
    };
    const spent = async (names: number): Promise<number> => {
      const entries = Array.from({ length: names }, (_, index) => [`unknown-${index}`, 'v'.repeat(50)]);
      const request = publishRequest(volume);
      const volume_context = { ...request.volume_context, ...Object.fromEntries(entries) };
      const before = cpuMs();
      for (let call = 0; call < 25; call++)
        assert.equal(await publishCode({ ...request, volume_context }), status.INVALID_ARGUMENT);
      return cpuMs() - before;
    };
    await spent(1_000);
    const [once, fourTimes] = [await spent(4_000), await spent(16_000)];
    assert.ok(fourTimes <= Math.max(once, 50) * 8, `${once} ms, four times as much: ${fourTimes} ms`);
  });

  it('tells the callers nothing of its insides', async () => {
    const answers = await Promise.all(
      methods.map((path) => callRaw(world.socket, { path, body: grpcMessage(Buffer.of(0x0a, 0x7f)) })),
    );
    for (const answer of answers) {
      assert.equal(answer.answer, 'grpc');
      assert.doesNotMatch('message' in answer ? answer.message : '', /\.[mt]js|node_modules|at .*:\d+/);
    }
  });

  it('still answers its own calls', async () => {
    const info = await new Promise((resolve, reject) => {
      world.csi.node.NodeGetInfo({}, new Metadata(), { deadline: Date.now() + 2_000 }, (error, answer) =>
        error === null ? resolve(answer?.node_id) : reject(error),
      );
    });
    assert.equal(info, 'node-1');
    assert.equal(await publishAndUndo(publishRequest(volume)), status.OK);
  });
});

/** Anything but OK, and anything but silence. */
function assertRefused(answer: RawAnswer, what: string): void {
  const said = `${what}: ${JSON.stringify(answer)}`;
  assert.notEqual(answer.answer, 'none', said);
  if (answer.answer === 'grpc') assert.notEqual(answer.status, status.OK, said);
  if (answer.answer === 'http') assert.notEqual(answer.status, 200, said);
}
