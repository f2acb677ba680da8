import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ServiceError, status } from '@grpc/grpc-js';
import type { Condition } from '../../../src/api/condition.ts';
import { CsiClient, publishRequest, type VolumeOfPod } from '../../support/csi-client.ts';
import { eventually } from '../../support/eventually.ts';
import { DriverWorld, notRoot } from './support/driver-world.ts';
import { assertWhole, isMatching, openssl, serialNumber } from './support/volume-files.ts';

let world: DriverWorld;

describe('volumes of a driver beside a real API server', { skip: notRoot, timeout: 180_000 }, () => {
  before(async () => {
    world = await DriverWorld.start();
  });
  after(() => world?.stop());

  /** For assert.rejects: this code, and a message that says all of these. */
  const refusal =
    (code: status, ...parts: readonly string[]) =>
    (error: ServiceError): boolean => {
      assert.equal(status[error.code], status[code], error.details);
      for (const part of parts) assert.ok(error.details.includes(part), error.details);
      return true;
    };

  /** By the hand of an approver or issuer that is not ours. */
  async function setConditions(
    volume: VolumeOfPod,
    ...conditions: Omit<Condition, 'lastTransitionTime'>[]
  ): Promise<void> {
    const request = await world.oneRequestOf(volume);
    const lastTransitionTime = new Date().toISOString().replace(/\.\d+/, '');
    const timed = conditions.map((condition) => ({ ...condition, lastTransitionTime }));
    await world.requests.replaceStatus({ ...request, status: { ...request.status, conditions: timed } });
  }
  const foreignIssuer = { 'issuer-name': 'x', 'issuer-kind': 'Foreign', 'issuer-group': 'test.example' };

  describe('a published volume', () => {
    let volume: VolumeOfPod;
    before(async () => {
      volume = await world.newVolume(
        { 'dns-names': '${POD_NAME}.${POD_NAMESPACE}.svc' },
        { mountGroup: '4711' },
      );
      await world.csi.publish(volume);
    });
    const file = (name: string): string => join(volume.targetPath, name);

    it('holds a key, a certificate for it, and the anchors that verify it', () => {
      assertWhole(volume.targetPath);
      const text = openssl(
        'x509',
        '-in',
        file('tls.crt'),
        '-noout',
        '-ext',
        'subjectAltName,extendedKeyUsage',
      );
      assert.match(text, /URI:spiffe:\/\/cluster\.local\/ns\/web\/sa\/default/);
      assert.match(text, new RegExp(`DNS:${volume.pod.name}\\.web\\.svc`));
      assert.match(text, /TLS Web Server Authentication, TLS Web Client Authentication/);
      assert.match(openssl('pkey', '-in', file('tls.key'), '-noout', '-text'), /prime256v1/);
    });

    it("is for its pod's group to read and for nobody else", () => {
      const modes = Object.fromEntries(
        ['.', '..data', 'tls.key', 'tls.crt', 'ca.crt', 'credential-bundle.pem'].map((name) => {
          const { gid, mode, uid } = statSync(file(name));
          return [name, `${(mode & 0o7777).toString(8)} ${uid}:${gid}`];
        }),
      );
      assert.deepEqual(modes, {
        '.': '550 0:4711',
        '..data': '550 0:4711',
        'tls.key': '440 0:4711',
        'tls.crt': '440 0:4711',
        'ca.crt': '440 0:4711',
        'credential-bundle.pem': '440 0:4711',
      });
    });

    it('is a small tmpfs of its own that is never swapped out and runs nothing', () => {
      const line = world.mountOf(volume)?.line ?? assert.fail('no mount');
      assert.match(line, / rw,nosuid,nodev,noexec,.* - tmpfs csi\.certmount\.io /);
      assert.match(line, /size=1024k/);
      assert.match(line, /mode=550/);
      assert.match(line, /noswap/);
      assert.equal(statfsSync(volume.targetPath).blocks * statfsSync(volume.targetPath).bsize, 1024 * 1024);
    });

    it('has one request, named for its pod and owned by it, without anything secret', async () => {
      const { metadata, spec } = await world.oneRequestOf(volume);
      assert.match(metadata.name ?? '', new RegExp(`^${volume.pod.name}-[0-9a-f]{10}$`));
      assert.equal(metadata.ownerReferences?.[0]?.uid, volume.pod.uid);
      assert.equal(metadata.labels?.['csi.certmount.io/node'], 'node-1');
      assert.equal(spec.username, 'system:serviceaccount:certmount:certmount-driver');
      assert.ok(spec.extra?.['authentication.kubernetes.io/credential-id']);
      assert.doesNotMatch(Buffer.from(spec.request, 'base64').toString(), /PRIVATE/);
    });

    it('is answered again at once, without another request', async () => {
      const serial = serialNumber(volume.targetPath);
      await world.csi.publish(volume);
      assert.equal(serialNumber(volume.targetPath), serial);
      await world.oneRequestOf(volume);
    });

    it('has statistics and a condition', async () => {
      const request = { volume_id: volume.volumeId, volume_path: volume.targetPath };
      const stats = await new Promise<{
        volume_condition: { abnormal: boolean } | null;
        usage: { used: number }[];
      }>((resolve, reject) =>
        world.csi.node.NodeGetVolumeStats(request, (error, answer) =>
          error === null && answer ? resolve(answer) : reject(error),
        ),
      );
      assert.equal(stats.volume_condition?.abnormal, false);
      assert.ok((stats.usage[0]?.used ?? 0) > 0);
    });

    it('leaves nothing when it is unpublished, and is unpublished again without complaint', async () => {
      await world.csi.unpublish(volume);
      assert.deepEqual(world.remainsOf(volume), []);
      await world.csi.unpublish(volume);
      await eventually(
        'its request to go',
        async () => (await world.requestsOf(volume)).length === 0 || undefined,
      );
    });
  });

  it('takes every kind of key, encoding and file name', async () => {
    const volume = await world.newVolume({
      'key-algorithm': 'RSA',
      'key-size': '2048',
      'key-encoding': 'PKCS1',
      'privatekey-file': 'key.pem',
      'certificate-file': 'cert.pem',
      'ca-file': 'roots.pem',
      'common-name': '${POD_NAME}.${POD_NAMESPACE}',
    });
    await world.csi.publish(volume);
    assert.deepEqual(
      readdirSync(volume.targetPath).filter((name) => !name.startsWith('..')),
      ['cert.pem', 'certificate.json', 'credential-bundle.pem', 'generation', 'key.pem', 'roots.pem'],
    );
    assert.match(
      readFileSync(join(volume.targetPath, 'key.pem'), 'utf8'),
      /^-----BEGIN RSA PRIVATE KEY-----/,
    );
    assert.ok(isMatching(readFileSync(join(volume.targetPath, 'credential-bundle.pem'), 'utf8')));
    await world.csi.unpublish(volume);
  });

  it('publishes once when it is asked several times at once', async () => {
    const volume = await world.newVolume();
    await Promise.all(
      [1, 2, 3, 4].map(async () => {
        await world.csi.publish(volume);
        assertWhole(volume.targetPath);
      }),
    );
    await world.oneRequestOf(volume);
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(volume.targetPath));
    assert.equal(mounts.length, 1);
    await world.csi.unpublish(volume);
  });

  it('refuses what it cannot do, before it does anything', async () => {
    const volume = await world.newVolume({ 'renew-before': '30h' });
    await assert.rejects(
      world.csi.publish(volume),
      refusal(status.INVALID_ARGUMENT, 'renew-before "30h": must be shorter than the duration'),
    );
    const request = publishRequest(await world.newVolume());
    await assert.rejects(
      world.csi.publishRaw({ ...request, target_path: '/etc/certmount-test' }),
      refusal(status.INVALID_ARGUMENT, 'target_path', world.kubeletDir),
    );
    await assert.rejects(
      world.csi.publishRaw({ ...request, readonly: false }),
      refusal(status.INVALID_ARGUMENT, 'readonly'),
    );
    assert.deepEqual(world.remainsOf(volume), []);
    assert.deepEqual(await world.requestsOf(volume), []);
  });

  it('tells why a request was denied, and leaves nothing', async () => {
    const volume = await world.newVolume({ 'uri-sans': 'spiffe://cluster.local/ns/kube-system/sa/admin' });
    await assert.rejects(
      world.csi.publish(volume),
      refusal(status.PERMISSION_DENIED, `web/${volume.pod.name}-`, "must be the pod's SPIFFE ID"),
    );
    assert.deepEqual(world.remainsOf(volume), []);
    await assert.rejects(world.csi.publish(volume), refusal(status.PERMISSION_DENIED, "the pod's SPIFFE ID"));
    await world.oneRequestOf(volume);
    await world.csi.unpublish(volume);
  });

  it('tells why a request failed, and leaves nothing', async () => {
    const volume = await world.newVolume(foreignIssuer);
    const publishing = world.csi.publish(volume);
    const refused = assert.rejects(
      publishing,
      refusal(status.FAILED_PRECONDITION, 'failed: the issuer is out of ink'),
    );
    await setConditions(
      volume,
      { type: 'Approved', status: 'True', reason: 'test', message: 'ok' },
      { type: 'Ready', status: 'False', reason: 'Failed', message: 'the issuer is out of ink' },
    );
    await refused;
    assert.deepEqual(world.remainsOf(volume), []);
    await world.csi.unpublish(volume);
  });

  it('tells at the deadline what it waits for; the next call goes on with the same request and key', async () => {
    const volume = await world.newVolume({ 'issuer-name': 'later' });
    await assert.rejects(
      world.csi.publish(volume, 1_500),
      refusal(status.DEADLINE_EXCEEDED, `web/${volume.pod.name}-`, 'later'),
    );
    const before = await world.oneRequestOf(volume);
    const pending = join(volume.targetPath, '..pending');
    assert.equal(statSync(pending).mode & 0o777, 0o400);
    const [name, ...key] = readFileSync(pending, 'utf8').split('\n');
    assert.equal(name, before.metadata.name);
    const publishing = world.csi.publish(volume);
    await world.createIssuer('later');
    await publishing;
    assertWhole(volume.targetPath);
    assert.equal(readFileSync(join(volume.targetPath, 'tls.key'), 'utf8'), key.join('\n'));
    assert.equal((await world.oneRequestOf(volume)).metadata.uid, before.metadata.uid);
    await world.csi.unpublish(volume);
  });

  it('ends a publish that waits when the volume is unpublished', async () => {
    const volume = await world.newVolume(foreignIssuer);
    const publishing = assert.rejects(world.csi.publish(volume), refusal(status.CANCELLED, 'unpublished'));
    await world.oneRequestOf(volume);
    await world.csi.unpublish(volume);
    await publishing;
    assert.deepEqual(world.remainsOf(volume), []);
    await eventually(
      'its request to go',
      async () => (await world.requestsOf(volume)).length === 0 || undefined,
    );
  });

  it('starts again when somebody deletes the request of a volume that waits', async () => {
    const volume = await world.newVolume(foreignIssuer);
    const publishing = assert.rejects(
      world.csi.publish(volume),
      refusal(status.DEADLINE_EXCEEDED, 'was deleted'),
    );
    const { metadata } = await world.oneRequestOf(volume);
    await world.requests.delete({ namespace: 'web', name: metadata.name ?? '' });
    await publishing;
    await world.csi.unpublish(volume);
  });

  it('publishes on a target path that is there already', async () => {
    const volume = await world.newVolume();
    mkdirSync(volume.targetPath);
    await world.csi.publish(volume);
    assertWhole(volume.targetPath);
    await world.csi.unpublish(volume);
    assert.deepEqual(world.remainsOf(volume), []);
  });

  it('renews again and again; readers of the bundle always see a pair, and one request remains', async () => {
    const volume = await world.newVolume({ duration: '1m', 'renew-before': '51s' });
    await world.csi.publish(volume);
    const serials = new Set<string>();
    let reads = 0;
    const end = Date.now() + 7_000;
    while (Date.now() < end) {
      const bundle = readFileSync(join(volume.targetPath, 'credential-bundle.pem'), 'utf8');
      assert.ok(isMatching(bundle));
      serials.add(serialNumber(volume.targetPath));
      reads += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(serials.size >= 3, `${serials.size} certificates`);
    assert.ok(reads > 100, `${reads} reads`);
    assert.equal(
      readdirSync(volume.targetPath).filter((name) => name.startsWith('..2')).length,
      2,
      'the generation and the one before it',
    );
    await world.csi.unpublish(volume);
    await eventually(
      'its requests to go',
      async () => (await world.requestsOf(volume)).length === 0 || undefined,
    );
    await new Promise((resolve) => setTimeout(resolve, 3_200));
    assert.deepEqual(await world.requestsOf(volume), [], 'no renewal comes after the unpublish');
    assert.deepEqual(world.remainsOf(volume), []);
  });

  it('leaves the requests of another driver on the node alone', async () => {
    mkdirSync(join(world.directory, 'other'));
    const socket = join(world.directory, 'other', 'csi.sock');
    const driver = await world.newDriver(socket, '--driver-name', 'csi.cert-manager.io');
    const csi = new CsiClient(socket);
    const volume = await world.newVolume();
    await csi.publish(volume);
    const { metadata } = await world.oneRequestOf(volume);
    // Whoever took it for a leftover of its own would have deleted it as soon as it saw it.
    await world.csi.publish(await world.newVolume());
    assert.equal((await world.oneRequestOf(volume)).metadata.uid, metadata.uid);
    await csi.unpublish(volume);
    csi.close();
    assert.equal(await driver.end(), 0);
  });

  it('logs no key, no token and no certificate request', () => {
    const log = world.driver.log.map((line) => JSON.stringify(line)).join('\n');
    assert.doesNotMatch(log, /PRIVATE KEY|eyJhbGci|BEGIN CERTIFICATE|LS0tLS1CRUdJTi/);
  });
});
