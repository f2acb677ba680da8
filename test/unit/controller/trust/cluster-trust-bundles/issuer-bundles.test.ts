import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { ClusterTrustBundle } from '../../../../../src/api/cluster-trust-bundle.ts';
import type { IssuerKey } from '../../../../../src/controller/issuers/issuer-key.ts';
import { IssuerBundles } from '../../../../../src/controller/trust/cluster-trust-bundles/issuer-bundles.ts';
import { OtherConsumers } from '../../../../../src/controller/trust/rotation/other-consumers.ts';
import type { PublishedBundle } from '../../../../../src/controller/trust/cluster-trust-bundles/trust-bundle-text.ts';
import type { Change } from '../../../../../src/kube/index.ts';
import type { Certificate } from '../../../../../src/pki/index.ts';
import { silentLogger } from '../../../../../src/runtime/log.ts';
import { FakeClock, settle } from '../../../../support/fake-clock.ts';
import { newCa } from '../../builders.ts';

const key = { kind: 'ClusterIssuer', name: 'mesh-ca' } as const;
const name = 'certmount.io:mesh-ca:anchors';

class Fixture {
  readonly written: PublishedBundle[] = [];
  readonly deleted: string[] = [];
  readonly otherConsumers = new OtherConsumers();
  anchors: readonly Certificate[] | undefined;
  exists = true;
  served = true;
  readonly told: string[] = [];
  fail: Error | undefined;
  #issuerChanged: (issuer: IssuerKey) => void = () => {};
  #bundleChanged: (change: Change<ClusterTrustBundle>) => void = () => {};

  constructor(t: TestContext) {
    const subscribe = (listener: (issuer: IssuerKey) => void): void => {
      this.#issuerChanged = listener;
    };
    const part = new IssuerBundles({
      clock: new FakeClock(),
      random: () => 0,
      log: silentLogger,
      otherConsumers: this.otherConsumers,
      issuers: { state: () => (this.exists ? { state: 'loading' } : undefined), subscribe },
      anchors: { of: () => this.anchors },
      bundles: {
        write: (bundle) => {
          if (this.fail) return Promise.reject(this.fail);
          if (!this.served) return Promise.resolve('not-served');
          this.written.push(bundle);
          return Promise.resolve('written');
        },
        delete: (one) => {
          this.deleted.push(one);
          return Promise.resolve();
        },
      },
      watch: {
        run: () => Promise.resolve(),
        subscribe: (listener) => {
          this.#bundleChanged = listener;
        },
      },
    });
    this.otherConsumers.subscribe((issuer) => void this.told.push(issuer));
    const stop = new AbortController();
    const ended = part.run(stop.signal);
    t.after(async () => {
      stop.abort();
      await ended;
    });
  }

  async changed(issuer: IssuerKey = key): Promise<void> {
    this.#issuerChanged(issuer);
    for (let round = 0; round < 5; round++) await settle();
  }

  async bundleSeen(signerName: string): Promise<void> {
    const object: ClusterTrustBundle = { metadata: { name: 'x' }, spec: { signerName, trustBundle: '' } };
    this.#bundleChanged({ type: 'added', object });
    for (let round = 0; round < 5; round++) await settle();
  }
}

describe('the trust bundle of a ClusterIssuer', () => {
  it('has its anchors, for the signer that it is to pods', async (t) => {
    const fixture = new Fixture(t);
    const [old, coming] = [await newCa(), await newCa()];
    fixture.anchors = [old.certificate, coming.certificate];
    await fixture.changed();
    assert.deepEqual(fixture.written, [
      {
        name,
        signerName: 'certmount.io/mesh-ca',
        anchors: old.pem + coming.pem,
        labels: { 'certmount.io/trust-source': 'ClusterIssuer' },
      },
    ]);
    const [consumer] = fixture.otherConsumers.of(key);
    assert.equal(consumer?.isSilent, true, 'a new CA gives its readers time');
    assert.equal(consumer.lacks([old.certificate, coming.certificate]), undefined);
    const next = (await newCa()).certificate;
    assert.equal(consumer.lacks([next]), `ClusterTrustBundle ${name} lacks it`);
    fixture.told.length = 0;
    fixture.anchors = [next];
    await fixture.changed();
    assert.equal(consumer.lacks([next]), undefined);
    assert.deepEqual(fixture.told, ['ClusterIssuer/mesh-ca']);
  });

  it('stays while the anchors are not known, and goes with them or the issuer', async (t) => {
    const fixture = new Fixture(t);
    await fixture.changed();
    assert.deepEqual([fixture.written, fixture.deleted], [[], []]);
    fixture.anchors = [];
    await fixture.changed();
    fixture.exists = false;
    await fixture.changed();
    assert.deepEqual(fixture.deleted, [name, name]);
  });

  it('is removed when its issuer went while nobody led', async (t) => {
    const fixture = new Fixture(t);
    fixture.exists = false;
    await fixture.bundleSeen('certmount.io/mesh-ca');
    assert.deepEqual(fixture.deleted, [name]);
  });

  it('is not published for an Issuer, which a namespace may make', async (t) => {
    const fixture = new Fixture(t);
    fixture.anchors = [(await newCa()).certificate];
    await fixture.changed({ kind: 'Issuer', namespace: 'web', name: 'ca' });
    assert.deepEqual(fixture.written, []);
  });

  it('has readers also when it cannot be written: they may have an older one', async (t) => {
    const fixture = new Fixture(t);
    const [old, coming] = [(await newCa()).certificate, (await newCa()).certificate];
    fixture.anchors = [old];
    await fixture.changed();
    fixture.fail = new Error('refused');
    fixture.anchors = [old, coming];
    await fixture.changed();
    const [consumer] = fixture.otherConsumers.of(key);
    assert.equal(consumer?.lacks([old]), undefined);
    assert.equal(consumer?.lacks([old, coming]), `ClusterTrustBundle ${name} lacks it (refused)`);
  });

  it('may have readers before it was looked at: a leader before may have written it', async (t) => {
    const fixture = new Fixture(t);
    await fixture.changed();
    const [consumer] = fixture.otherConsumers.of(key);
    assert.equal(consumer?.lacks([(await newCa()).certificate]), `ClusterTrustBundle ${name} lacks it`);
  });

  it('makes nobody wait where the cluster serves none', async (t) => {
    const fixture = new Fixture(t);
    fixture.served = false;
    fixture.anchors = [(await newCa()).certificate];
    await fixture.changed();
    assert.deepEqual(fixture.otherConsumers.of(key), []);
  });
});
