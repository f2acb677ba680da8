import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { anchorsHash, type AnchorSource } from '../../../src/api/anchor-set.ts';
import type { VolumeOfPod } from '../../support/csi-client.ts';
import { eventually } from '../../support/eventually.ts';
import { Authority } from '../../unit/driver/support/authority.ts';
import { notRoot } from './support/driver-world.ts';
import { issuer, namesIn, TrustWorld } from './support/trust-world.ts';
import { assertWhole, isMatching, openssl, serialNumber } from './support/volume-files.ts';
import { WorkloadClient } from './support/workload-client.ts';

const mesh: AnchorSource = { kind: 'Bundle', name: 'mesh' };
const partner: AnchorSource = { kind: 'Bundle', name: 'partner' };

describe('anchors that change', { skip: notRoot, timeout: 180_000 }, () => {
  let world: TrustWorld;
  let own: string;
  let next: string;
  let other: string;
  const volumes: VolumeOfPod[] = [];

  const read = ({ targetPath }: VolumeOfPod, name: string): string =>
    readFileSync(join(targetPath, name), 'utf8');
  const identityOf = (volume: VolumeOfPod): string => read(volume, 'tls.key') + read(volume, 'tls.crt');
  /** Milliseconds until all have these anchors. */
  const arrival = async (anchors: string, of: readonly VolumeOfPod[]): Promise<number> => {
    const started = performance.now();
    const all = (): true | undefined => of.every((volume) => read(volume, 'ca.crt') === anchors) || undefined;
    await eventually('the anchors in every volume', all, 5_000, 2);
    return performance.now() - started;
  };

  before(async () => {
    world = await TrustWorld.start();
    own = world.authority.certificate.pem;
    next = (await Authority.create(Date.now(), 'next ca')).certificate.pem;
    other = (await Authority.create(Date.now(), 'other ca')).certificate.pem;
    await world.setAnchors(issuer, own);
    volumes.push(...(await Promise.all(Array.from({ length: 20 }, () => world.publish()))));
  });
  after(() => world?.stop());

  it('reach 20 volumes in one generation each, with their keys and certificates as they were', async (t) => {
    const identities = volumes.map(identityOf);
    await world.setAnchors(issuer, own + next);
    const took = await arrival(own + next, volumes);
    t.diagnostic(`20 volumes in ${Math.round(took)} ms`);
    assert.deepEqual(volumes.map(identityOf), identities);
    assert.equal(world.requests.size, 20);
    for (const volume of volumes) {
      assertWhole(volume.targetPath);
      assert.equal(read(volume, 'generation'), '2\n');
      const info = JSON.parse(read(volume, 'certificate.json')) as { generation: number; anchors: object[] };
      assert.equal(info.generation, 2);
      assert.equal(info.anchors.length, 2);
    }
    assert.equal(await world.metric('certmount_driver_trust_swaps_total{outcome="swapped"}'), 20);
    assert.equal(await world.metric('certmount_driver_trust_behind_volumes'), 0);
    assert.equal(await world.metric('certmount_driver_anchor_sets'), 1);
  });

  it('are reported as the whole node has them, by an object of the Node', async () => {
    const report = await world.report(({ spec }) => spec.sets[0]?.hash === anchorsHash(own + next));
    assert.deepEqual(report.spec.sets, [
      { name: 'clusterissuer.ca', hash: anchorsHash(own + next), volumes: 20, behind: 0 },
    ]);
    const [owner] = report.metadata.ownerReferences ?? [];
    const uid = await world.controlPlane.kubectl(['get', 'node', 'node-1', '-o', 'jsonpath={.metadata.uid}']);
    assert.deepEqual([owner?.kind, owner?.name, owner?.uid], ['Node', 'node-1', uid]);
  });

  it('tear no read', async () => {
    const stop = performance.now() + 2_000;
    let reads = 0;
    interface Info {
      readonly anchors: object[];
    }
    const readAll = (): void => {
      for (const { targetPath } of volumes) {
        const folder = realpathSync(join(targetPath, '..data'));
        const info = JSON.parse(readFileSync(join(folder, 'certificate.json'), 'utf8')) as Info;
        const ca = readFileSync(join(folder, 'ca.crt'), 'utf8');
        assert.equal(ca.split('BEGIN CERTIFICATE').length - 1, info.anchors.length);
        assert.ok(isMatching(readFileSync(join(folder, 'credential-bundle.pem'), 'utf8')));
        reads += 1;
      }
    };
    const hammering = async (): Promise<void> => {
      while (performance.now() < stop) {
        readAll();
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    };
    const hammer = hammering();
    for (let round = 0; performance.now() < stop; round++) {
      await world.setAnchors(issuer, round % 2 === 0 ? own : own + next);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await hammer;
    assert.ok(reads > 20, `${reads} reads`);
  });

  it('are brought by the next driver when they changed while none ran', async () => {
    await world.setAnchors(issuer, own);
    await arrival(own, volumes);
    const identities = volumes.map(identityOf);
    await world.killDriver();
    await world.setAnchors(issuer, own + next);
    await world.startDriver();
    await arrival(own + next, volumes);
    assert.deepEqual(volumes.map(identityOf), identities);
  });

  it('leave each volume whole when the driver is killed in the midst of it', async () => {
    const identities = volumes.map(identityOf);
    for (let round = 0; round < 5; round++) {
      const from = round % 2 === 0 ? own + next : own;
      const to = round % 2 === 0 ? own : own + next;
      await world.setAnchors(issuer, to);
      const first = volumes[0] as VolumeOfPod;
      await eventually('the first swap', () => read(first, 'ca.crt') === to || undefined, 5_000, 1);
      await world.killDriver();
      for (const volume of volumes) {
        assert.ok([from, to].includes(read(volume, 'ca.crt')));
        assertWhole(volume.targetPath);
      }
      await world.startDriver();
      await arrival(to, volumes);
    }
    assert.deepEqual(volumes.map(identityOf), identities);
  });

  it('stay when the set is emptied', async () => {
    const present = read(volumes[0] as VolumeOfPod, 'ca.crt');
    await world.setAnchors(issuer, '');
    await world.report(({ spec }) => spec.sets[0]?.behind === volumes.length);
    for (const volume of volumes) assert.equal(read(volume, 'ca.crt'), present);
    assert.equal(await world.metric('certmount_driver_refused_anchor_sets'), 1);
    await world.setAnchors(issuer, own);
    await arrival(own, volumes);
  });

  describe('of Bundles', () => {
    it('are waited for by a volume that names them', async () => {
      const volume = world.newVolume({ 'trust-bundle': 'mesh' });
      await assert.rejects(world.csi.publish(volume, 1_000), /deadline|Bundle mesh/i);
      await world.setAnchors(mesh, other);
      await world.csi.publish(volume);
      assert.equal(read(volume, 'ca.crt'), other);
      await world.report(({ spec }) => spec.sets.some(({ name }) => name === 'bundle.mesh'));
      await world.csi.unpublish(volume);
    });

    it('of another trust domain lie in files of their own, and in the Workload API', async () => {
      await world.setAnchors(partner, other, { trustDomain: 'partner.example', refreshHintSeconds: 30 });
      const volume = await world.publish({
        'federated-bundles': 'partner',
        'spiffe-bundle-file': 'bundle.json',
        'workload-api': 'true',
      });
      assert.equal(read(volume, 'ca.crt'), own);
      assert.equal(read(volume, 'partner.example.spiffe-trust-bundle.pem'), other);
      const bundle = JSON.parse(read(volume, 'partner.example.spiffe-bundle.json')) as {
        spiffe_sequence: number;
        spiffe_refresh_hint: number;
        keys: { use: string; kid?: string; x5c: string[] }[];
      };
      assert.deepEqual([bundle.spiffe_sequence, bundle.spiffe_refresh_hint], [1, 30]);
      const [key] = bundle.keys;
      assert.deepEqual([key?.use, key?.kid, key?.x5c.length], ['x509-svid', undefined, 1]);
      const authority = new X509Certificate(other);
      assert.ok(authority.raw.equals(Buffer.from(key?.x5c[0] ?? '', 'base64')));
      assert.ok(createPublicKey({ key: key as object, format: 'jwk' }).equals(authority.publicKey));

      // The kubelet's paths are too long for a unix socket, which containers see at their own.
      const short = join(world.directory, 'v');
      symlinkSync(volume.targetPath, short);
      const client = new WorkloadClient(join(short, 'workload-api.sock'));
      try {
        const svids = client.svids();
        const bundles = client.bundles();
        const domain = 'spiffe://partner.example';
        assert.ok((await svids.nth(1)).federated_bundles[domain]?.equals(authority.raw));
        assert.deepEqual(Object.keys((await bundles.nth(1)).bundles).sort(), [
          'spiffe://cluster.local',
          domain,
        ]);
        await world.setAnchors(partner, other + next, { trustDomain: 'partner.example' });
        const both = Buffer.concat([authority.raw, new X509Certificate(next).raw]);
        assert.ok((await svids.nth(2)).federated_bundles[domain]?.equals(both));
        assert.ok((await bundles.nth(2)).bundles[domain]?.equals(both));
        await world.setAnchors(issuer, own + next);
        const third = await svids.nth(3);
        assert.equal(
          third.svids[0]?.bundle.length,
          world.authority.certificate.der.length + new X509Certificate(next).raw.length,
        );
      } finally {
        client.close();
      }
      assert.ok(namesIn(volume).includes('partner.example.spiffe-bundle.json'));
      await world.csi.unpublish(volume);
    });
  });

  it('reach the trust stores, of which the driver knows the password from the volume alone', async () => {
    await world.setAnchors(issuer, own);
    const volume = await world.publish({ 'pkcs12-enable': 'true', 'keystore-password-file': 'password' });
    const serial = serialNumber(volume.targetPath);
    const password = read(volume, 'password');
    await world.killDriver();
    await world.startDriver();
    await world.setAnchors(issuer, own + next);
    await arrival(own + next, [volume]);
    assert.equal(read(volume, 'password'), password);
    assert.equal(serialNumber(volume.targetPath), serial);
    const list = (store: string): string =>
      openssl('pkcs12', '-in', join(volume.targetPath, store), '-passin', `pass:${password}`, '-nokeys');
    assert.equal(list('truststore.p12').split('BEGIN CERTIFICATE').length - 1, 2);
    assert.match(list('keystore.p12'), /BEGIN CERTIFICATE/);
    await world.csi.unpublish(volume);
  });

  it('reach 110 volumes within a second', async (t) => {
    await world.setAnchors(issuer, own);
    await arrival(own, volumes);
    const more = await Promise.all(Array.from({ length: 90 }, () => world.publish()));
    volumes.push(...more);
    await world.setAnchors(issuer, own + next);
    const took = await arrival(own + next, volumes);
    const sum = await world.metric('certmount_driver_trust_swap_duration_seconds_sum');
    const memory = await world.metric('process_resident_memory_bytes');
    t.diagnostic(`110 volumes in ${Math.round(took)} ms; ${sum} s; ${Math.round(memory / 2 ** 20)} MiB`);
    assert.ok(took < 1_000, `${took} ms`);
  });

  it('renew certificates from before a time that the issuer names', async () => {
    const serials = volumes.map(({ targetPath }) => serialNumber(targetPath));
    const reissueBefore = new Date(Date.now() + 120_000).toISOString();
    await world.setAnchors(issuer, own + next, { reissueBefore, reissueSeconds: 2 });
    await eventually(
      'every certificate to be another',
      () =>
        volumes.every(({ targetPath }, index) => serialNumber(targetPath) !== serials[index]) || undefined,
      10_000,
    );
    const renewed = volumes.map(({ targetPath }) => serialNumber(targetPath));
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.deepEqual(
      volumes.map(({ targetPath }) => serialNumber(targetPath)),
      renewed,
      'once',
    );
  });
});
