import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { anchorsHash } from '../../../../src/api/anchor-set.ts';
import { Authority } from '../support/authority.ts';
import { day, failure, gate, hour, minute, second, sourceOf } from '../support/builders.ts';
import { bundle, FakeAnchorSets, issuer } from '../support/fake-anchor-sets.ts';
import { type TestDriver, TestNode, quiet, until } from '../support/test-node.ts';

const old = await Authority.create(Date.UTC(2026, 0, 1));
const next = await Authority.create(Date.UTC(2026, 0, 1), 'next ca');
const other = await Authority.create(Date.UTC(2026, 0, 1), 'other ca');
const oldPem = old.certificate.pem;
const nextPem = next.certificate.pem;
const otherPem = other.certificate.pem;

let node: TestNode;
let driver: TestDriver;

beforeEach(async () => {
  node = await TestNode.create({ authority: old });
  driver = await node.start();
});
afterEach(() => node[Symbol.dispose]());

const read = (name: string, target = node.target): string => fs.readFileSync(join(target, name), 'utf8');
const has = (name: string): boolean => fs.existsSync(join(node.target, name));
const generation = (target = node.target): number => Number(read('generation', target));
const info = (): { generation: number; anchors: { subject: string }[]; renewAt: string } =>
  JSON.parse(read('certificate.json')) as ReturnType<typeof info>;

const sequenceIn = (): number | undefined =>
  (JSON.parse(read('bundle.json')) as { spiffe_sequence?: number }).spiffe_sequence;

async function publish(attributes: Record<string, string> = {}): Promise<void> {
  await driver.publish(sourceOf(node.target, attributes));
  await quiet();
}

describe('a volume whose issuer gets other anchors', () => {
  it('has them in one generation, with the same key and certificate', async () => {
    node.anchorSets.set(issuer, oldPem);
    await publish();
    const before = {
      key: read('tls.key'),
      certificate: read('tls.crt'),
      bundle: read('credential-bundle.pem'),
    };
    const { renewAt } = info();
    await node.pass(hour);
    node.anchorSets.set(issuer, oldPem + nextPem);
    await quiet();
    assert.equal(read('ca.crt'), oldPem + nextPem);
    assert.deepEqual(
      { key: read('tls.key'), certificate: read('tls.crt'), bundle: read('credential-bundle.pem') },
      before,
    );
    assert.equal(generation(), 2);
    assert.equal(info().generation, 2);
    assert.deepEqual(
      info().anchors.map(({ subject }) => subject),
      ['CN=test ca', 'CN=next ca'],
    );
    assert.equal(info().renewAt, renewAt);
    assert.equal(node.api.created.length, 1, 'no certificate was asked for');
    assert.deepEqual(driver.swaps, ['swapped']);
  });

  it('is not written to when the anchors are those that it has', async () => {
    await publish();
    node.anchorSets.set(issuer, `text before\n${oldPem}`);
    await quiet();
    assert.equal(generation(), 1);
    assert.deepEqual(driver.coverage(), [
      { name: 'issuer.web.ca', hash: anchorsHash(`text before\n${oldPem}`), volumes: 1, behind: 0 },
    ]);
  });

  it('keeps its anchors when the set becomes empty, or goes', async () => {
    node.anchorSets.set(issuer, oldPem);
    await publish();
    node.anchorSets.set(issuer, '');
    await quiet();
    assert.deepEqual(driver.coverage()[0]?.behind, 1);
    assert.equal(driver.coverage()[0]?.hash, anchorsHash(oldPem));
    node.anchorSets.delete(issuer);
    await quiet();
    assert.equal(read('ca.crt'), oldPem);
    assert.equal(generation(), 1);
  });

  it('is renewed at the time of its certificate, not of its anchors', async () => {
    await publish();
    const { renewAt } = info();
    await node.pass(10 * hour);
    node.anchorSets.set(issuer, nextPem + oldPem);
    await quiet();
    driver.life.kill();
    driver = await node.start();
    assert.equal(driver.volumes.get('csi-1')?.state, 'live');
    await node.pass(Date.parse(renewAt) - node.clock.now() + second);
    assert.equal(node.api.created.length, 2);
  });
});

describe('a certificate that comes while the CA changes', () => {
  it('brings its anchors beside those of the set while the node has not heard of them', async () => {
    node.anchorSets.set(issuer, nextPem);
    await quiet();
    node.anchorSets.isDeaf = true;
    node.anchorSets.set(issuer, oldPem + nextPem);
    await publish({ 'spiffe-bundle-file': 'bundle.json' });
    assert.equal(read('ca.crt'), nextPem + oldPem);
    assert.deepEqual(sequenceIn(), undefined, 'it is not the content of a number');
    node.anchorSets.isDeaf = false;
    node.anchorSets.set(issuer, oldPem + nextPem);
    await quiet();
    assert.equal(read('ca.crt'), oldPem + nextPem, 'the set as it is');
    assert.equal(sequenceIn(), 3);
  });

  it('brings nothing back that was taken from the set while it was on its way', async () => {
    node.anchorSets.set(issuer, oldPem + nextPem);
    await publish({ 'spiffe-bundle-file': 'bundle.json' });
    const held = gate();
    node.api.answer = async (request) => {
      const status = await next.sign(request, node.clock.now());
      await held.opened;
      return { ...status, ca: Buffer.from(oldPem + nextPem).toString('base64') };
    };
    await node.pass(16 * hour + second);
    await until(() => node.api.created.length === 2, 'the renewal asks');
    node.anchorSets.set(issuer, nextPem);
    await quiet();
    held.open();
    await until(() => node.anchorSets.reads > 0, 'the driver looks again');
    await quiet();
    assert.equal(new X509Certificate(read('tls.crt')).issuer, 'CN=next ca');
    assert.equal(read('ca.crt'), nextPem);
    assert.equal(sequenceIn(), 2);
  });

  it('brings nothing back for a driver either that ends before it has looked again', async () => {
    node.anchorSets.set(issuer, nextPem);
    await quiet();
    node.anchorSets.read = () => new Promise(() => {});
    await publish();
    assert.equal(read('ca.crt'), nextPem + oldPem);
    driver.life.kill();
    node.anchorSets.read = (name) => FakeAnchorSets.prototype.read.call(node.anchorSets, name);
    driver = await node.start();
    await until(() => read('ca.crt') === nextPem, 'the set alone');
  });

  it('is taken when it is issued by an anchor of the set that it does not name', async () => {
    node.anchorSets.set(issuer, oldPem + nextPem);
    node.api.answer = async (request) => {
      const status = await old.sign(request, node.clock.now());
      return { ...status, ca: Buffer.from(nextPem).toString('base64') };
    };
    await publish();
    assert.equal(read('ca.crt'), oldPem + nextPem);
  });

  it('never brings old anchors back, and no swap an old certificate', async () => {
    node.anchorSets.set(issuer, oldPem);
    await publish();
    const first = new X509Certificate(read('tls.crt')).serialNumber;
    const held = gate();
    const requested = node.api.created.length;
    node.api.answer = async (request) => {
      await held.opened;
      return old.sign(request, node.clock.now());
    };
    await node.pass(16 * hour + second);
    await until(() => node.api.created.length > requested, 'the renewal asks');
    node.anchorSets.set(issuer, oldPem + nextPem);
    await quiet();
    assert.equal(read('ca.crt'), oldPem + nextPem, 'also while a renewal waits');
    assert.equal(new X509Certificate(read('tls.crt')).serialNumber, first);
    held.open();
    await quiet();
    assert.notEqual(new X509Certificate(read('tls.crt')).serialNumber, first);
    assert.equal(read('ca.crt'), oldPem + nextPem);
    assert.equal(generation(), 3);
    assert.equal(driver.coverage()[0]?.behind, 0);
  });

  it('keeps the anchors of a set of which a new process has not heard yet', async () => {
    node.anchorSets.set(issuer, oldPem + nextPem);
    await publish();
    driver.life.kill();
    node.anchorSets.list = () => new Promise(() => {});
    driver = await node.start();
    await node.pass(17 * hour);
    assert.equal(node.api.created.length, 2);
    assert.equal(read('ca.crt'), oldPem + nextPem);
  });
});

describe('a driver that was away while anchors changed', () => {
  it('brings them to the volumes when it starts, once', async () => {
    node.anchorSets.set(issuer, oldPem);
    await publish();
    driver.life.kill();
    node.anchorSets.set(issuer, oldPem + nextPem);
    driver = await node.start();
    assert.equal(read('ca.crt'), oldPem + nextPem);
    driver.life.kill();
    driver = await node.start();
    assert.equal(generation(), 2);
    assert.equal(driver.coverage()[0]?.behind, 0);
  });

  it('leaves a whole volume behind wherever it is killed', async () => {
    let kills = 0;
    for (let step = 1; ; step++) {
      using each = await TestNode.create({ authority: old });
      each.anchorSets.set(issuer, oldPem);
      const first = await each.start();
      await first.publish(sourceOf(each.target, { 'federated-bundles': '' }));
      await quiet();
      first.life.killAtStep(step);
      each.anchorSets.set(issuer, oldPem + nextPem);
      await quiet();
      if (!first.life.dead) break;
      kills += 1;
      const ca = read('ca.crt', each.target);
      assert.ok(ca === oldPem || ca === oldPem + nextPem, `whole when killed at ${first.life.steps.at(-1)}`);
      assert.equal(generation(each.target), ca === oldPem ? 1 : 2);
      await each.start();
      assert.equal(read('ca.crt', each.target), oldPem + nextPem);
      assert.equal(generation(each.target), 2);
    }
    assert.ok(kills > 20, `${kills} kills`);
  });
});

describe('a volume that cannot be given its anchors', () => {
  it('delays no other, is tried again, and its pod is told', async () => {
    node.anchorSets.set(issuer, oldPem);
    await publish();
    const second_ = sourceOf(node.targetOf('csi-2'), {}, 'csi-2');
    await driver.publish(second_);
    const present = fs.readlinkSync(join(node.target, '..data'));
    const keys = ['tls.key', 'credential-bundle.pem'].map((name) => join(node.target, present, name));
    for (const key of keys) fs.renameSync(key, `${key}.away`);
    node.anchorSets.set(issuer, oldPem + nextPem);
    await quiet();
    assert.equal(read('ca.crt', second_.targetPath), oldPem + nextPem);
    assert.deepEqual(
      driver.coverage().map(({ behind, hash, volumes }) => ({ behind, hash, volumes })),
      [{ behind: 1, hash: anchorsHash(oldPem), volumes: 2 }],
    );
    assert.equal(driver.events.length, 0);
    await node.pass(10 * second);
    const [event] = driver.events;
    assert.equal(event?.reason, 'TrustNotUpdated');
    assert.match(event.note, /keeps the trust anchors that it has: .* whole set of files/);
    assert.ok(driver.swaps.filter((outcome) => outcome === 'failed').length < 10);
    for (const key of keys) fs.renameSync(`${key}.away`, key);
    await node.pass(2 * minute);
    assert.equal(read('ca.crt'), oldPem + nextPem);
    assert.equal(driver.coverage()[0]?.behind, 0);
  });
});

describe('a set that a new driver cannot read', () => {
  it('holds a rotation back: its volumes count as behind', async () => {
    node.anchorSets.set(issuer, oldPem);
    await publish();
    driver.life.kill();
    node.anchorSets.set(issuer, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    driver = await node.start();
    await quiet();
    assert.equal(read('ca.crt'), oldPem);
    assert.deepEqual(driver.coverage(), [
      { name: 'issuer.web.ca', hash: anchorsHash(oldPem), volumes: 1, behind: 1 },
    ]);
  });
});

describe('a volume that names a Bundle', () => {
  it('has the anchors of that alone', async () => {
    node.anchorSets.set(issuer, oldPem);
    node.anchorSets.set(bundle('mesh'), otherPem);
    await quiet();
    await publish({ 'trust-bundle': 'mesh' });
    assert.equal(read('ca.crt'), otherPem);
    node.anchorSets.set(issuer, oldPem + nextPem);
    await quiet();
    assert.equal(generation(), 1);
    node.anchorSets.set(bundle('mesh'), otherPem + nextPem);
    await quiet();
    assert.equal(read('ca.crt'), otherPem + nextPem);
    assert.deepEqual(
      driver.coverage().map(({ name }) => name),
      ['bundle.mesh'],
    );
  });

  it('waits for it, and says for what', async () => {
    const abort = new AbortController();
    const publishing = driver.publish(sourceOf(node.target, { 'trust-bundle': 'mesh' }), abort.signal);
    await quiet();
    assert.equal(node.api.created.length, 0, 'nothing is asked for meanwhile');
    abort.abort(new Error('deadline'));
    await assert.rejects(publishing, failure('not-issued-yet', 'waits for Bundle mesh'));
    const again = driver.publish(sourceOf(node.target, { 'trust-bundle': 'mesh' }));
    await quiet();
    node.anchorSets.set(bundle('mesh'), otherPem);
    await again;
    assert.equal(read('ca.crt'), otherPem);
  });

  it('waits for it again when it went while the certificate was issued', async () => {
    node.anchorSets.set(bundle('mesh'), otherPem);
    await quiet();
    const held = gate();
    const { answer } = node.api;
    node.api.answer = async (request) => {
      await held.opened;
      return answer(request);
    };
    const source = sourceOf(node.target, { 'trust-bundle': 'mesh' });
    const publishing = driver.publish(source);
    await quiet();
    node.anchorSets.delete(bundle('mesh'));
    await quiet();
    held.open();
    await assert.rejects(publishing, failure('not-issued-yet', 'waits for Bundle mesh'));
    assert.deepEqual(fs.readdirSync(node.target), ['..pending'], 'no certificate without anchors');
    const again = driver.publish(source);
    await quiet();
    node.anchorSets.set(bundle('mesh'), otherPem);
    await again;
    assert.equal(read('ca.crt'), otherPem);
    assert.equal(node.api.created.length, 1);
  });

  it('says where there are no AnchorSets at all', async () => {
    driver.life.kill();
    node.anchorSets.installed = false;
    driver = await node.start();
    const abort = new AbortController();
    const publishing = driver.publish(sourceOf(node.target, { 'trust-bundle': 'mesh' }), abort.signal);
    await quiet();
    abort.abort();
    await assert.rejects(publishing, failure('not-issued-yet', 'the cluster has no AnchorSets'));
    await driver.publish(sourceOf(node.targetOf('csi-2'), {}, 'csi-2'));
    assert.equal(read('ca.crt', node.targetOf('csi-2')), oldPem, 'others work as ever');
  });

  it('keeps what it has at a renewal when the Bundle has gone', async () => {
    node.anchorSets.set(bundle('mesh'), otherPem);
    await quiet();
    await publish({ 'trust-bundle': 'mesh' });
    node.anchorSets.delete(bundle('mesh'));
    await node.pass(17 * hour);
    assert.equal(node.api.created.length, 2);
    assert.equal(read('ca.crt'), otherPem);
  });

  it('is not given one of another trust domain as its own', async () => {
    node.anchorSets.set(bundle('mesh'), otherPem, { trustDomain: 'other.org' });
    const abort = new AbortController();
    const publishing = driver.publish(sourceOf(node.target, { 'trust-bundle': 'mesh' }), abort.signal);
    await quiet();
    abort.abort();
    await assert.rejects(publishing, failure('not-issued-yet', 'other.org', 'cluster.local'));
  });

  it('is the same one when its record was lost, though its own certificate is not of the Bundle', async () => {
    node.anchorSets.set(bundle('mesh'), otherPem);
    await quiet();
    await publish({ 'trust-bundle': 'mesh' });
    driver.life.kill();
    fs.rmSync(join(node.stateDirectory, 'csi-1.json'));
    driver = await node.start();
    await publish({ 'trust-bundle': 'mesh' });
    assert.equal(node.api.created.length, 1);
  });
});

describe('federated trust domains', () => {
  const attributes = { 'federated-bundles': 'partner', 'spiffe-bundle-file': 'bundle.json' };
  const pem = 'other.org.spiffe-trust-bundle.pem';
  const json = 'other.org.spiffe-bundle.json';
  const parse = (name: string): { spiffe_sequence?: number; spiffe_refresh_hint: number; keys: object[] } =>
    JSON.parse(read(name)) as ReturnType<typeof parse>;

  it('have files of their own, never pooled', async () => {
    node.anchorSets.set(issuer, oldPem, { sequence: 7, refreshHintSeconds: 60 });
    node.anchorSets.set(bundle('partner'), otherPem, { trustDomain: 'other.org' });
    await quiet();
    await publish(attributes);
    assert.equal(read('ca.crt'), oldPem);
    assert.equal(read(pem), otherPem);
    assert.equal(parse(json).keys.length, 1);
    assert.deepEqual(
      [parse('bundle.json').spiffe_sequence, parse('bundle.json').spiffe_refresh_hint],
      [7, 60],
    );
    node.anchorSets.set(bundle('partner'), otherPem + nextPem, { trustDomain: 'other.org' });
    await quiet();
    assert.equal(read(pem), otherPem + nextPem);
    assert.equal(parse(json).spiffe_sequence, 2);
    assert.equal(parse(json).keys.length, 2);
    assert.equal(generation(), 2);
    assert.deepEqual(
      driver.coverage().map(({ name }) => name),
      ['bundle.partner', 'issuer.web.ca'],
    );
  });

  it('take their files along when the trust domain is another', async () => {
    node.anchorSets.set(bundle('partner'), otherPem, { trustDomain: 'other.org' });
    await quiet();
    await publish(attributes);
    node.anchorSets.set(bundle('partner'), otherPem, { trustDomain: 'new.org' });
    await quiet();
    assert.ok(!has(pem));
    assert.ok(!has(json));
    assert.equal(read('new.org.spiffe-trust-bundle.pem'), otherPem);
  });

  it('stay when the Bundle goes, also at a renewal', async () => {
    node.anchorSets.set(bundle('partner'), otherPem, { trustDomain: 'other.org' });
    await quiet();
    await publish(attributes);
    node.anchorSets.delete(bundle('partner'));
    await node.pass(17 * hour);
    assert.equal(node.api.created.length, 2);
    assert.equal(read(pem), otherPem);
  });

  for (const [what, domains, message] of [
    ['one without a trust domain', [undefined], 'certmount.io/trust-domain'],
    ["one of the volume's own", ['cluster.local'], "the volume's own trust domain"],
    ['one that is no trust domain', ['../etc'], '"../etc" is none'],
    ['two of one trust domain', ['other.org', 'other.org'], 'is that of Bundle partner0 too'],
  ] as const) {
    it(`are none for ${what}`, async () => {
      for (const [index, trustDomain] of domains.entries())
        node.anchorSets.set(
          bundle(`partner${index}`),
          otherPem,
          trustDomain === undefined ? {} : { trustDomain },
        );
      await quiet();
      const names = domains.map((_, index) => `partner${index}`).join();
      const abort = new AbortController();
      const publishing = driver.publish(sourceOf(node.target, { 'federated-bundles': names }), abort.signal);
      await quiet();
      abort.abort();
      await assert.rejects(publishing, failure('not-issued-yet', message));
    });
  }
});

describe('an issuer that wants certificates from before a time renewed', () => {
  it('has them renewed once, spread over the time that it gives', async () => {
    const randoms = [0.25, 0.75];
    node.random = () => randoms.shift() ?? 0;
    await publish();
    await driver.publish(sourceOf(node.targetOf('csi-2'), {}, 'csi-2'));
    await node.pass(hour);
    const now = new Date(node.clock.now()).toISOString();
    node.anchorSets.set(issuer, oldPem, { reissueBefore: now, reissueSeconds: 1000 });
    await quiet();
    await node.pass(200 * second);
    assert.equal(node.api.created.length, 2);
    await node.pass(100 * second);
    assert.equal(node.api.created.length, 3);
    await node.pass(500 * second);
    assert.equal(node.api.created.length, 4);
    await node.pass(day / 2);
    assert.equal(node.api.created.length, 4, 'and then at their own time');
    driver.life.kill();
    driver = await node.start();
    await node.pass(1000 * second);
    assert.equal(node.api.created.length, 4, 'also after a restart');
  });
});

describe('key stores', () => {
  it('of a volume get trust stores with the new anchors, under the password that they have', async () => {
    node.anchorSets.set(issuer, oldPem);
    await publish({ 'pkcs12-enable': 'true', 'jks-enable': 'true', 'keystore-password-file': 'password' });
    const password = read('password');
    const before = fs.readFileSync(join(node.target, 'truststore.p12'));
    driver.life.kill();
    node.anchorSets.set(issuer, oldPem + nextPem);
    driver = await node.start();
    assert.equal(generation(), 2);
    assert.equal(read('password'), password);
    assert.ok(!fs.readFileSync(join(node.target, 'truststore.p12')).equals(before));
  });
});
