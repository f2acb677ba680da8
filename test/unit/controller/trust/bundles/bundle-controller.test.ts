import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { anchorsHash } from '../../../../../src/api/anchor-set.ts';
import type { AnchorSet } from '../../../../../src/api/anchor-set.ts';
import type { Bundle } from '../../../../../src/api/bundle.ts';
import { getCondition } from '../../../../../src/api/condition.ts';
import { EventRecorder } from '../../../../../src/controller/events/event-recorder.ts';
import { BundleController } from '../../../../../src/controller/trust/bundles/bundle-controller.ts';
import type { SourceContent } from '../../../../../src/controller/trust/bundles/gather-anchors.ts';
import type {
  TargetFailure,
  WantedTargets,
} from '../../../../../src/controller/trust/bundles/targets/target-controller.ts';
import { KubeError } from '../../../../../src/kube/index.ts';
import { silentLogger } from '../../../../../src/runtime/log.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';
import { now } from '../../builders.ts';
import { newBundle, newRoot } from './support.ts';

const hour = 3_600_000;
const [a, b, old, soon] = await Promise.all([
  newRoot('A'),
  newRoot('B'),
  newRoot('Old', { notAfter: new Date(now - hour) }),
  newRoot('Soon', { notAfter: new Date(now + hour) }),
]);

const of = (...cas: readonly { pem: string }[]): SourceContent => ({
  state: 'texts',
  texts: [{ name: 'inLine', pem: cas.map(({ pem }) => pem).join('') }],
});
const gone: SourceContent = { state: 'failed', reason: 'not-found', message: 'configMap "x" is gone' };

/** The rest of the controller and of the cluster. */
class World {
  readonly clock = new FakeClock();
  bundle: Bundle | undefined = newBundle();
  contents: readonly SourceContent[] = [of(a)];
  set: AnchorSet | undefined;
  setWrites = 0;
  statusWrites = 0;
  told = 0;
  failSets = false;
  failTarget = false;
  served = true;
  pending = false;
  lacking: string | undefined;
  conflict = false;
  readonly failures = new Map<string, TargetFailure>();
  readonly wants: (WantedTargets | 'forgotten')[] = [];
  readonly notes: string[] = [];
  readonly controller = new BundleController(
    { secretTargets: false },
    {
      clock: this.clock,
      random: () => 0,
      log: silentLogger,
      events: new EventRecorder(
        { reportingController: 'test', reportingInstance: 'test' },
        {
          clock: this.clock,
          create: (event) => Promise.resolve(void this.notes.push(`${event.type} ${event.reason}`)),
          onError: () => {},
        },
      ),
      find: () => this.bundle,
      want: () => {},
      read: () => this.contents,
      defaultCAVersion: () => 'node-1',
      anchorSets: {
        get: () => this.set,
        write: async (_, wanted) => {
          if (this.failSets) throw new KubeError('unavailable', 'no connection');
          this.setWrites += 1;
          const spec = { source: 'Bundle/roots', sequence: this.setWrites, ...wanted };
          return (this.set = { metadata: { name: 'bundle.roots' }, spec });
        },
      },
      targets: {
        want: (_, wanted) => void this.wants.push(wanted),
        forget: () => void this.wants.push('forgotten'),
        failures: () => this.failures,
        isPending: () => this.pending,
        lacking: () => this.lacking,
      },
      clusterTrustBundles: {
        publish: async () => {
          if (this.failTarget) throw new KubeError('forbidden', 'attest is forbidden');
          return this.served;
        },
        withdraw: () => Promise.resolve(),
      },
      onPublished: () => void (this.told += 1),
      writeStatus: async (bundle, status) => {
        if (this.conflict) throw new KubeError('conflict', 'changed');
        this.statusWrites += 1;
        this.bundle = { ...bundle, status };
      },
    },
  );

  constructor() {
    void this.controller.run(new AbortController().signal);
  }

  async look(contents?: readonly SourceContent[]): Promise<void> {
    if (contents) this.contents = contents;
    if (contents && this.bundle) {
      const sources = contents.map((_, index) => ({ inLine: `source ${index}` }));
      this.bundle = { ...this.bundle, spec: { ...this.bundle.spec, sources } };
    }
    this.controller.changed('roots');
    await this.clock.advance(0);
  }

  /** Reason and message of the condition. */
  get synced(): string {
    const { reason, message } = getCondition(this.bundle?.status?.conditions, 'Synced') ?? {};
    return `${reason}: ${message}`;
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});

describe('the controller of Bundles', () => {
  it('publishes once, and writes one status', async () => {
    await world.look();
    await world.look();
    assert.equal(world.set?.spec.anchors, a.pem);
    assert.equal(world.synced, 'Synced: Synced to all namespaces, volumes');
    assert.equal(world.statusWrites, 1);
    assert.deepEqual(world.notes, ['Normal Synced']);
  });

  it('waits for sources that were not read yet', async () => {
    await world.look([of(a), { state: 'loading' }]);
    assert.equal(world.setWrites + world.statusWrites + world.wants.length, 0);
  });

  it('waits with the status for its targets, and tells of those that fail', async () => {
    world.pending = true;
    await world.look();
    assert.equal(world.statusWrites, 0);
    world.pending = false;
    world.failures.set('web', { message: 'quota', isForeign: false });
    world.controller.settled('roots');
    await world.clock.advance(0);
    assert.equal(world.synced, 'SyncTargetFailed: not written in namespaces web: quota');
  });

  it('drops an anchor at the moment at which it ends, without anybody asking', async () => {
    await world.look([of(a, soon)]);
    await world.clock.advance(hour + 999);
    assert.match(world.set?.spec.anchors ?? '', new RegExp(soon.pem.slice(30, 80).replaceAll(/[+/]/g, '.')));
    await world.clock.advance(1);
    assert.equal(world.set?.spec.anchors, a.pem);
    assert.match(world.synced, /Left out: 1 expired \(CN=Soon of inLine\)/);
    assert.deepEqual(world.controller.figures([]).leftOut, {
      duplicate: 0,
      expired: 1,
      'not-ca': 0,
      unreadable: 0,
    });
    assert.deepEqual(
      world.notes.filter((note) => note.includes('LeftOut')),
      ['Warning CertificatesLeftOut'],
    );
  });

  it('takes nothing away while a source fails, after a restart neither', async () => {
    await world.look([of(a), of(b)]);
    const { set } = world;
    await world.look([of(a), gone]);
    assert.equal(world.set?.spec.anchors, set?.spec.anchors);
    const next = new World();
    next.set = set;
    await next.look([of(a), gone]);
    assert.equal(next.set?.spec.anchors, set?.spec.anchors);
    assert.match(next.synced, /^SourceNotFound: .*1 certificates of before stay/);
    await next.look([of(a)]);
    assert.equal(next.set?.spec.anchors, a.pem);
  });

  it('takes away what one source no longer gives though another one fails', async () => {
    await world.look([of(a), of(b)]);
    await world.look([of(a), gone]);
    await world.look([of(soon), gone]);
    const published = world.set?.spec.anchors ?? '';
    assert.deepEqual([published.includes(a.pem), published.includes(b.pem)], [false, true]);
  });

  it('leaves everything as it is when nothing is left', async () => {
    await world.look();
    await world.look([{ state: 'texts', texts: [] }]);
    assert.equal(world.set?.spec.anchors, a.pem);
    assert.equal(world.wants.length, 1);
    assert.match(world.synced, /no certificate is left/);
  });

  it('says what could not be published, and tries again', async () => {
    world.failSets = true;
    await world.look();
    assert.equal(world.synced, 'PublishFailed: not published: no connection');
    world.failSets = false;
    await world.clock.advance(5_000);
    assert.equal(world.set?.spec.anchors, a.pem);
    assert.match(world.synced, /^Synced/);
  });

  it('tells those who wait for an anchor whether it has been published', async () => {
    const lacks = (): string | undefined => world.controller.lacks('roots', [b.certificate, old.certificate]);
    assert.equal(lacks(), 'Bundle roots lacks it');
    await world.look();
    assert.equal(lacks(), 'Bundle roots lacks it');
    assert.equal(world.controller.publishedHash('roots'), anchorsHash(a.pem));
    const before = world.told;
    world.failTarget = true;
    await world.look([of(a, b)]);
    assert.equal(lacks(), 'Bundle roots lacks it (not published: attest is forbidden)');
    world.failTarget = false;
    await world.clock.advance(5_000);
    assert.equal(lacks(), undefined, 'what has expired is in no Bundle');
    assert.ok(world.told > before);
    assert.equal(world.controller.publishedHash('roots'), anchorsHash(world.set?.spec.anchors ?? ''));
  });

  it('tells those who wait where its targets have never been', async () => {
    await world.look([of(a, b)]);
    world.lacking = 'namespaces app';
    const lacks = (): string | undefined => world.controller.lacks('roots', [b.certificate]);
    assert.equal(lacks(), 'Bundle roots has not brought it to namespaces app');
    const before = world.told;
    world.lacking = undefined;
    world.controller.settled('roots');
    assert.ok(world.told > before, 'those who wait look again');
    assert.equal(lacks(), undefined);
  });

  it('says what has become of it though somebody else was faster, and nothing else comes', async () => {
    await world.look();
    world.conflict = true;
    await world.look([of(a), gone]);
    assert.match(world.synced, /^Synced/);
    world.conflict = false;
    await world.clock.advance(1_000);
    assert.match(world.synced, /^SourceNotFound/);
  });

  it('drops an anchor at its end that stays because its source fails', async () => {
    await world.look([of(a), of(soon)]);
    await world.look([of(a), gone]);
    assert.ok(world.set?.spec.anchors.includes(soon.pem));
    await world.clock.advance(hour + 1000);
    assert.equal(world.set?.spec.anchors, a.pem);
  });

  it('keeps saying that the cluster has no ClusterTrustBundles', async () => {
    world.served = false;
    await world.look();
    world.controller.settled('roots');
    await world.clock.advance(0);
    assert.match(world.synced, /^ClusterTrustBundlesNotServed/);
  });

  it('keeps the trust domain while the annotation is wrong', async () => {
    const annotated = (text: string): Bundle =>
      newBundle({}, { annotations: { 'certmount.io/trust-domain': text } });
    world.bundle = annotated('a.example');
    await world.look();
    world.bundle = annotated('A!');
    await world.look();
    assert.equal(world.set?.spec.trustDomain, 'a.example');
    assert.match(world.synced, /^InvalidAnnotation/);
    world.bundle = newBundle();
    await world.look();
    assert.equal(world.set?.spec.trustDomain, undefined);
  });

  it('shows which public roots it took', async () => {
    world.bundle = newBundle({ sources: [{ useDefaultCAs: true }] });
    await world.look();
    assert.equal(world.bundle.status?.defaultCAVersion, 'node-1');
  });

  it('leaves no timer behind of a Bundle that is gone', async () => {
    await world.look([of(soon)]);
    world.bundle = undefined;
    await world.look();
    assert.equal(world.wants.at(-1), 'forgotten');
    assert.equal(world.clock.pending, 0);
  });
});
